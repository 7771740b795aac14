package e2e_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// chaosTime is how long each random test misbehaves by default, before it waits
// for everything to settle. KARGO_CHAOS_SECONDS changes it.
const chaosTime = 8 * time.Second

// chaos is a world in which everything goes wrong at random.
type chaos struct {
	*world
	rnd *rand.Rand
	// stages take images one from the other.
	stages []string
	// version counts published versions.
	version int
	until   time.Time
}

func newChaos(t *testing.T, files map[string]string, stages ...string) *chaos {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("KARGO_CHAOS_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	length := chaosTime
	if v := os.Getenv("KARGO_CHAOS_SECONDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		length = time.Duration(n) * time.Second
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with KARGO_CHAOS_SEED=%d", seed)
		}
	})
	c := &chaos{world: newWorld(t, t.TempDir(), nil), rnd: rand.New(rand.NewPCG(seed, 0)), stages: stages}
	// Nothing that is lost may stay lost for longer than the test can wait.
	c.set(map[string]string{
		"KARGO_POLL_INTERVAL": "1s", "KARGO_RECONCILE_INTERVAL": "2s", "KARGO_REDELIVERY_INTERVAL": "1s", "KARGO_LOG_LEVEL": "info",
	})
	if err := errors.Join(c.publish("1.0.0", true), c.found(gitops, files), c.start()); err != nil {
		t.Fatal(err)
	}
	c.settled(stages[len(stages)-1])
	c.until = time.Now().Add(length)
	return c
}

// next publishes one more version, unless so many are under way that the end would
// have to wait long for them.
func (c *chaos) next() {
	c.tb.Helper()
	const most = 4
	last := c.stages[len(c.stages)-1]
	for v := max(0, c.version-most+1); v <= c.version; v++ {
		if c.holds(last, version(v)) == nil {
			c.publishNext()
			return
		}
	}
}

func (c *chaos) publishNext() {
	c.tb.Helper()
	c.version++
	if err := c.publish(c.newest(), false); err != nil {
		c.tb.Fatal(err)
	}
}

func version(n int) string { return fmt.Sprintf("1.%d.0", n) }

func (c *chaos) newest() string { return version(c.version) }

// pause is a short random time in which other things happen.
func (c *chaos) pause(most time.Duration) { <-time.After(time.Duration(c.rnd.Int64N(int64(most)))) }

// settle ends the misbehaviour, and requires that the newest version arrives in
// every Stage and that every Promotion left behind what it should.
func (c *chaos) settle() {
	c.tb.Helper()
	c.ClearFaults()
	if c.server == nil {
		if err := c.start(); err != nil {
			c.tb.Fatal(err)
		}
	}
	// One last version that nobody disturbs: what went before is settled with it.
	c.publishNext()
	c.must("the newest version arrives", func() error {
		var faults []error
		for _, s := range c.stages {
			faults = append(faults, c.holds(s, c.newest()))
		}
		return errors.Join(faults...)
	})
	c.must("everything settles", func() error {
		var faults []error
		pulls, err := c.PullRequests(gitops)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(pulls, func(p forge.PullRequest) bool { return p.State == "open" }) {
			faults = append(faults, errors.New("a pull request is open"))
		}
		return errors.Join(append(faults, c.allKept(gitops), c.WaitDelivered(c.tb.Context()))...)
	})
	pulls, err := c.PullRequests(gitops)
	if err != nil {
		c.tb.Fatal(err)
	}
	ids := promotions(pulls)
	if len(ids) < len(c.stages) {
		c.tb.Errorf("%d Promotions only: %v", len(ids), ids)
	}
	c.tb.Logf("%d versions, %d Promotions with a pull request", c.version, len(ids))
}

// TestChaosKill kills the server at random moments.
func TestChaosKill(t *testing.T) {
	t.Parallel()
	c := newChaos(t, kustomized("test", "staging", "prod"), "test", "staging", "prod")
	kills := 0
	for time.Now().Before(c.until) {
		if c.rnd.IntN(3) == 0 {
			c.next()
		}
		c.pause(2 * time.Second)
		c.crash()
		kills++
		if c.rnd.IntN(4) == 0 {
			c.next() // while nobody listens
		}
		if err := c.start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills", kills)
	c.settle()
}

// TestChaosWebhooks duplicates, reorders, delays, drops and loses webhooks.
func TestChaosWebhooks(t *testing.T) {
	t.Parallel()
	c := newChaos(t, kustomized("test", "staging", "prod"), "test", "staging", "prod")
	kinds := []forge.DeliveryFaultKind{
		forge.DropDelivery, forge.LoseDelivery, forge.DuplicateDelivery, forge.ReorderDelivery, forge.DelayDelivery,
	}
	for time.Now().Before(c.until) {
		for range 1 + c.rnd.IntN(3) {
			c.InjectDelivery(forge.DeliveryFault{
				Kind: kinds[c.rnd.IntN(len(kinds))], Skip: c.rnd.IntN(4), Delay: time.Duration(c.rnd.IntN(1000)) * time.Millisecond,
			})
		}
		c.next()
		c.pause(time.Second)
	}
	c.settle()
}

// TestChaosRequests answers requests with 502 before and after their effect, with
// secondary limits, and not at all, and computes slowly whether pull requests can
// be merged.
func TestChaosRequests(t *testing.T) {
	t.Parallel()
	c := newChaos(t, kustomized("test", "staging", "prod"), "test", "staging", "prod")
	c.SetMergeableDelay(300 * time.Millisecond)
	for time.Now().Before(c.until) {
		c.Inject(c.fault())
		c.next()
		c.pause(time.Second)
	}
	c.settle()
}

// fault is a random fault of a random kind of request.
func (c *chaos) fault() forge.Fault {
	kinds := slices.Concat(requestsMade, requestsMaybeMade)
	kind := kinds[c.rnd.IntN(len(kinds))]
	ways := slices.Sorted(maps.Keys(waysToFail))
	f := waysToFail[ways[c.rnd.IntN(len(ways))]]
	f.Method, f.Path, f.Times, f.Skip = kind[0], kind[1], 1+c.rnd.IntN(2), c.rnd.IntN(3)
	return f
}

// TestChaosPushes races pushes to the base branch against merges: some change
// other files, some the very line that a promotion changes.
func TestChaosPushes(t *testing.T) {
	t.Parallel()
	c := newChaos(t, kustomized("test", "staging"), "test", "staging")
	var merges atomic.Int64
	c.BeforeMerge(func(repo string, number int) {
		n := merges.Add(1)
		var err error
		switch pr, e := c.PullRequest(repo, number); {
		case e != nil:
			err = e
		case n%3 == 0: // the same line
			stage := strings.Split(pr.Head, "/")[1]
			path := "env/" + stage + "/kustomization.yaml"
			_, err = c.Push(repo, "main", "ben", "pin by hand", map[string]*string{
				path: forge.Text(c.fill(fmt.Sprintf("images:\n  - name: IMAGE\n    newTag: 0.0.%d\n", n))),
			})
		case n%3 == 1: // something else
			_, err = c.Push(repo, "main", "ben", "unrelated", map[string]*string{"README.md": forge.Text(fmt.Sprint(n))})
		}
		if err != nil {
			t.Errorf("push into the gap: %v", err)
		}
	})
	for time.Now().Before(c.until) {
		c.next()
		c.pause(2 * time.Second)
	}
	c.settle()
}

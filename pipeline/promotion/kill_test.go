package promotion_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
)

var errKilled = errors.New("killed")

// reaper counts the moments at which a process can die, and makes it die at one
// of them: from then on nothing that the process does has any effect.
type reaper struct {
	n, at int
	dead  bool
	// where describes the moment.
	where string
}

func (r *reaper) point(op string, after bool) error {
	if r.dead {
		return errKilled
	}
	switch op {
	case "checkout", "get", "by-head", "find-check", "find-deployment", "find-comment":
		return nil // they have no effect: dying there is dying at the write before
	}
	if r.n++; r.n == r.at {
		r.dead, r.where = true, fmt.Sprintf("%s, after %v", op, after)
		return errKilled
	}
	return nil
}

// write is a store write between two such moments.
func (r *reaper) write(op string, f func() error) error {
	if err := r.point(op, false); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return r.point(op, true)
}

// mortal is a ledger whose process can die around every write.
type mortal struct {
	promotion.Ledger
	r *reaper
}

func (l mortal) Save(ctx context.Context, p pipeline.Promotion) error {
	return l.r.write("save", func() error { return l.Ledger.Save(ctx, p) })
}

func (l mortal) Finish(ctx context.Context, p pipeline.Promotion) error {
	return l.r.write("finish", func() error { return l.Ledger.Finish(ctx, p) })
}

func (l mortal) Reported(ctx context.Context, id string) error {
	return l.r.write("reported", func() error { return l.Ledger.Reported(ctx, id) })
}

func (l mortal) SaveVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.r.write("save verification", func() error { return l.Ledger.SaveVerification(ctx, run) })
}

func (l mortal) FinishVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.r.write("finish verification", func() error { return l.Ledger.FinishVerification(ctx, run) })
}

func (l mortal) VerificationReported(ctx context.Context, id string) error {
	return l.r.write("verification reported", func() error { return l.Ledger.VerificationReported(ctx, id) })
}

func (l mortal) SaveHealth(ctx context.Context, r pipeline.HealthReading) error {
	return l.r.write("save health", func() error { return l.Ledger.SaveHealth(ctx, r) })
}

// mortalRemotes likewise.
type mortalRemotes struct {
	promotion.Remotes
	r *reaper
}

func (m mortalRemotes) Begin(ctx context.Context, r pipeline.Repo, kind, key string) (obj promotion.Remote, fresh bool, err error) {
	err = m.r.write("begin "+kind, func() error {
		obj, fresh, err = m.Remotes.Begin(ctx, r, kind, key)
		return err
	})
	return obj, fresh, err
}

func (m mortalRemotes) Save(ctx context.Context, r pipeline.Repo, o promotion.Remote) error {
	return m.r.write("save "+o.Kind, func() error { return m.Remotes.Save(ctx, r, o) })
}

// life runs a server over the town until it dies or nothing is left to do. Each
// time it parks, the world moves on by between.
func (c *town) life(r *reaper, between func()) error {
	ctx := context.Background()
	if err := c.db.ReleaseAll(ctx); err != nil {
		return err
	}
	c.world.Fault, c.host.fault = r.point, r.point
	defer func() { c.world.Fault, c.host.fault = nil, nil }()
	publisher := c.publisher()
	publisher.Remotes = mortalRemotes{plainRemotes{c}, r}
	c.publish = publisher
	engine := c.engine()
	for range 60 {
		var j store.Job
		var ok bool
		err := r.write("claim", func() (err error) {
			j, ok, err = c.db.Claim(ctx, []store.WorkKind{store.WorkStage}, c.world.Now, time.Hour)
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			due, waiting, err := c.db.NextDue(ctx, []store.WorkKind{store.WorkStage})
			if err != nil || !waiting || c.over != nil && c.over(due) {
				return err
			}
			c.sleep()
			continue
		}
		next, err := engine.Advance(ctx, mortal{c.ledger(j, "prod"), r})
		switch {
		case r.dead:
			return errKilled
		case err != nil:
			return err
		}
		if err := r.write("job", func() error { return c.db.Finish(ctx, j, next) }); err != nil {
			return err
		}
		c.parks++
		between()
	}
	return errors.New("it does not come to an end")
}

// plainRemotes has no faults of its own.
type plainRemotes struct{ c *town }

func (r plainRemotes) Begin(ctx context.Context, rp pipeline.Repo, kind, key string) (promotion.Remote, bool, error) {
	o, fresh, err := r.c.db.BeginRemote(ctx, rp.ID, kind, key, r.c.world.Now)
	return promotion.Remote{Kind: o.Kind, Key: o.Key, ID: o.ID, Hash: o.Hash}, fresh, err
}

func (r plainRemotes) Save(ctx context.Context, rp pipeline.Repo, o promotion.Remote) error {
	return r.c.db.SaveRemote(ctx, rp.ID, store.RemoteObject{Kind: o.Kind, Key: o.Key, ID: o.ID, Hash: o.Hash})
}

// killing is one story in which the server is killed.
type killing struct {
	// stage is prod unless it is given.
	stage *pipeline.Stage
	// arrange prepares the world before the first life.
	arrange func(c *town)
	// meanwhile happens between death and restart.
	meanwhile func(c *town)
	// between happens whenever the server parks.
	between func(c *town)
	// judge is the verdict at the end; nil means that exactly one of everything is
	// there. killed is false for the life in which nothing happened.
	judge func(c *town, killed bool)
	// moments is the least number of moments there must be.
	moments int
	// every is 1 unless it is given: most moments of some stories are those of
	// others.
	every int
	// from is the first moment, 1 unless it is given: those before it are those of others.
	from int
}

// TestKillAnywhere kills the server before and after every store write and every
// remote effect, once per moment, and starts a fresh one over the same database
// and the same host. Between the two lives the world moves on.
func TestKillAnywhere(t *testing.T) {
	t.Parallel()
	verified := verifiedProd()
	deployed, patched := deployedProd(), patchedProd()
	scenarios := map[string]killing{
		"nothing happens meanwhile": {},
		"main moves meanwhile, in the same file too": {every: 3, meanwhile: func(c *town) {
			c.world.Write(repoURL, "main", "other work", map[string]string{
				"README.md":                   "hello again\n",
				"env/prod/kustomization.yaml": c.world.Files(repoURL, "main")["env/prod/kustomization.yaml"] + "# more\n",
			})
		}},
		"main moves whenever it waits": {every: 3, between: func(c *town) {
			if len(c.world.Log(repoURL, "main")) < 4 && c.commits("prod-1") == 0 {
				c.world.Write(repoURL, "main", "other work", map[string]string{"env/prod/kustomization.yaml": fmt.Sprintf(
					"# the images of prod\nimages:\n  - name: ghcr.io/acme/web\n    newTag: 0.9.%d # current\n", len(c.world.Log(repoURL, "main")))})
			}
		}},
		"merged by hand meanwhile": {
			meanwhile: func(c *town) {
				for _, pr := range c.world.Pulls.All() {
					if pr.Open {
						_, err := c.world.Pulls.Merge(context.Background(), repoURL, pr.Number, step.MergeRequest{Title: "by hand"})
						c.ok(err)
					}
				}
			},
			judge: func(c *town, killed bool) { c.judge(killed, false) },
		},
		"aborted meanwhile": {
			meanwhile: func(c *town) { c.abort("prod-1") },
			judge:     func(c *town, killed bool) { c.judge(false, killed) },
		},
		"closed before it starts and again before it merges": {
			every: 3,
			arrange: func(c *town) {
				c.shut = func() pipeline.Closure {
					return pipeline.Closure{Closed: c.parks == 0 || c.parks == 2, Reason: "frozen by ana"}
				}
			},
		},
		"what it brought is verified": {
			stage: &verified, moments: 90, every: 2,
			judge: func(c *town, _ bool) { c.judge(false, false); c.judgeVerified() },
		},
		"what it brought is deployed by Argo CD, watched and verified": {
			stage: &deployed, moments: 150, every: 3, from: 85, arrange: (*town).deployed,
			judge: func(c *town, _ bool) { c.judge(false, false); c.judgeVerified(); c.judgeDeployed() },
		},
		"the verification is aborted meanwhile": {
			stage: &verified, moments: 90, every: 3,
			meanwhile: func(c *town) { c.apply(pipeline.StopVerification{Run: "prod-v1", Reason: "stopped by ana"}) },
			judge:     func(c *town, killed bool) { c.judge(false, false); c.judgeStopped(killed) },
		},
		"asks what becomes of what was edited by hand": {
			stage: &patched, moments: 60, every: 5, arrange: (*town).editedByHand,
			between: (*town).answerDrift, meanwhile: (*town).answerDrift,
			judge: func(c *town, _ bool) { c.judgePatched() },
		},
		"retried after somebody closed its pull request": {
			between: func(c *town) { c.closeAndRetry() }, meanwhile: (*town).retryAborted, moments: 120, every: 3,
			judge: func(c *town, _ bool) { c.judgeRetried() },
		},
	}
	for name, sc := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc.run(t)
		})
	}
}

func (sc killing) run(t *testing.T) {
	t.Helper()
	stride := max(1, sc.every)
	if testing.Short() {
		stride = 31 // a sample, for the race detector
	}
	if sc.judge == nil {
		sc.judge = func(c *town, _ bool) { c.judge(false, false) }
	}
	stage := prod()
	if sc.stage != nil {
		stage = *sc.stage
	}
	first := newTown(t)
	first.queue(stage, freight("1.0.1"))
	queued := first.database()
	for at := max(1, sc.from); ; at += stride {
		c := townFrom(t, queued)
		c.hold()
		c.world.Pulls.Computing = 1
		if sc.arrange != nil {
			sc.arrange(c)
		}
		between := func() {
			c.green()
			if sc.between != nil {
				sc.between(c)
			}
		}
		r := &reaper{at: at}
		err := c.life(r, between)
		if err == nil {
			if at < max(75, sc.moments) {
				t.Errorf("only %d moments were seen", at)
			}
			t.Logf("killed at %d moments", (at-max(1, sc.from))/stride)
			sc.judge(c, false)
			return
		}
		if !errors.Is(err, errKilled) {
			t.Fatalf("moment %d (%s): %v", at, r.where, err)
		}
		if sc.meanwhile != nil {
			sc.meanwhile(c)
		}
		c.close()
		c.open()
		if err := c.life(&reaper{}, between); err != nil {
			t.Fatalf("moment %d (%s): second life: %v", at, r.where, err)
		}
		if sc.judge(c, true); t.Failed() {
			t.Fatalf("moment %d (%s)", at, r.where)
		}
	}
}

// judge requires exactly one of everything.
func (c *town) judge(byHand, aborted bool) {
	c.t.Helper()
	p := c.promotion("prod-1")
	pulls := c.world.Pulls.All()
	merged := slices.ContainsFunc(pulls, func(pr step.PullRequest) bool { return pr.Merged })
	if aborted && !merged {
		c.judgeAborted(p, pulls)
		return
	}
	if p.Phase != pipeline.Succeeded {
		c.t.Errorf("it is %s: %s", p.Phase, p.Message)
	}
	if len(pulls) != 1 || !pulls[0].Merged {
		c.t.Errorf("pull requests %+v, want one, merged", pulls)
	}
	ours := c.commits("prod-1")
	hand := 0
	for _, m := range c.world.Log(repoURL, "main") {
		if m == "by hand" {
			hand++
		}
	}
	if ours+hand != 1 || (hand > 0 && !byHand) {
		c.t.Errorf("%d commits of the Promotion on main and %d by hand, want one", ours, hand)
	}
	if got, want := p.MergeCommit(), pulls[0].MergeCommit; got != want {
		c.t.Errorf("merge commit %q recorded, the pull request says %q", got, want)
	}
	if len(c.host.deployments) != 1 || len(c.host.comments) != 1 {
		c.t.Errorf("%d Deployments, %d comments, want one each", len(c.host.deployments), len(c.host.comments))
	} else if s := c.host.deployments[0].states; len(s) == 0 || s[len(s)-1] != "success" {
		c.t.Errorf("Deployment states %q", s)
	}
	c.judgeChecks(pulls[0].Head, "success")
	if b := c.world.Branches(repoURL); len(b) != 1 {
		c.t.Errorf("branches %q are left", b)
	}
	cur, err := c.db.CurrentFreight(context.Background(), repo.ID, "prod", "web")
	if err != nil || cur == nil || cur.ID != p.Freight.ID {
		c.t.Errorf("current is %v, %v", cur, err)
	}
}

func (c *town) judgeAborted(p pipeline.Promotion, pulls []step.PullRequest) {
	c.t.Helper()
	if p.Phase != pipeline.Aborted || p.Message != "aborted by ana" {
		c.t.Errorf("it is %s: %s", p.Phase, p.Message)
	}
	if len(pulls) > 1 || (len(pulls) == 1 && pulls[0].Open) {
		c.t.Errorf("pull requests %+v, want at most one, closed", pulls)
	}
	if b := c.world.Branches(repoURL); len(b) != 1 {
		c.t.Errorf("branches %q are left", b)
	}
	if n := c.commits("prod-1"); n != 0 {
		c.t.Errorf("%d commits on main", n)
	}
	if len(c.host.deployments) > 1 || len(c.host.comments) > 1 {
		c.t.Errorf("%d Deployments, %d comments", len(c.host.deployments), len(c.host.comments))
	}
	for _, d := range c.host.deployments {
		if len(d.states) == 0 || d.states[len(d.states)-1] != "inactive" {
			c.t.Errorf("Deployment states %q", d.states)
		}
	}
	if len(pulls) == 1 && p.Pull().Number != 0 {
		c.judgeChecks(pulls[0].Head, "cancelled")
	}
}

// judgeChecks requires one check run per head, and the last one to be concluded.
func (c *town) judgeChecks(head, conclusion string) {
	c.t.Helper()
	seen := map[string]bool{}
	for _, run := range c.host.checks {
		if seen[run.SHA] {
			c.t.Errorf("two check runs on %s", run.SHA)
		}
		seen[run.SHA] = true
		if run.SHA == head && (run.Status != "completed" || run.Conclusion != conclusion) {
			c.t.Errorf("check run on the head is %s %s", run.Status, run.Conclusion)
		}
	}
	if !seen[head] {
		c.t.Errorf("no check run on the head %s", head)
	}
}

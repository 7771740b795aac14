package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func TestNewVersionIsPromoted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.images["web"] = "1.0.0"
	p.reconcile()
	s := p.snapshot()
	if len(s.Freight) != 1 || s.Freight[0].Version() != "1.0.0" || s.Freight[0].Alias == "" {
		t.Fatalf("Freight %+v", s.Freight)
	}
	if len(s.Promotions) != 1 || s.Promotions[0].ID != "test-1" || s.Promotions[0].ConfigSHA != "c1" {
		t.Fatalf("Promotions %+v", s.Promotions)
	}
	p.reconcile()
	if again := p.snapshot(); len(again.Freight) != 1 || len(again.Promotions) != 1 {
		t.Errorf("a second look made %d Freight, %d Promotions", len(again.Freight), len(again.Promotions))
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	t.Run("is read only when the head moved", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.reconcile()
		p.reconcile()
		if p.reads != 1 || len(p.checks) != 1 || p.checks[0] != "c1 valid true, 0 problems" {
			t.Errorf("%d reads, checks %q", p.reads, p.checks)
		}
	})
	t.Run("is checked only when the file changed", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.reconcile()
		p.commit(file)
		p.reconcile()
		if p.reads != 2 || len(p.checks) != 1 {
			t.Errorf("%d reads, checks %q", p.reads, p.checks)
		}
		if c := p.config(); c.SHA != "c1" || c.SeenSHA != p.head {
			t.Errorf("config %+v", c)
		}
	})
	t.Run("that is invalid keeps the last good one in force", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.reconcile()
		p.commit("apiVersion: kargo/v1\nodd: true\n")
		p.images["web"] = "1.0.1"
		p.now = p.now.Add(time.Hour)
		p.reconcile()
		c := p.config()
		if c.Pipeline == nil || c.SHA != "c1" || c.Problems == nil {
			t.Errorf("config %+v", c)
		}
		if got := p.checks[1]; !strings.HasPrefix(got, p.head+" valid false, ") {
			t.Errorf("check %q", got)
		}
		if s := p.snapshot(); len(s.Promotions) != 2 {
			t.Errorf("%d Promotions: the last good pipeline does not go on", len(s.Promotions))
		}
		p.commit(file)
		p.reconcile()
		if c := p.config(); c.Problems != nil || c.SHA != p.head {
			t.Errorf("repaired, and yet %+v", c)
		}
	})
	t.Run("that was never valid makes no pipeline", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.content = "odd"
		p.wantNext(p.r.Interval)
		if c := p.config(); c.Pipeline != nil || c.SeenBlob == "" {
			t.Errorf("config %+v", c)
		}
	})
	for name, gone := range map[string]func(p *place){
		"whose file is gone aborts what runs":      func(p *place) { p.commit("") },
		"whose branch is gone aborts what runs":    func(p *place) { p.head = "" },
		"without the Stage aborts what runs there": func(p *place) { p.commit(strings.Replace(file, "name: test", "name: other", 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.images["web"] = "1.0.0"
			p.reconcile()
			gone(p)
			p.reconcile()
			pr, err := p.db.Promotion(t.Context(), repoID, "test-1")
			p.ok(err)
			if got := pr.AbortRequested; got != `Stage "test" is no longer in .kargo.yaml` {
				t.Errorf("abort asked for: %q", got)
			}
		})
	}
	t.Run("is read again when the check could not be published", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.checkErr = &pipeline.TransientError{Err: errors.New("502")}
		if _, err := p.r.Reconcile(t.Context(), repoID, ""); err == nil {
			t.Fatal("no error")
		}
		p.checkErr = nil
		p.reconcile()
		if len(p.checks) != 1 {
			t.Errorf("checks %q", p.checks)
		}
	})
	t.Run("comes into force although the host refuses the check", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.checkErr = errors.New("403")
		p.reconcile()
		if p.config().Pipeline == nil {
			t.Error("no pipeline")
		}
	})
	t.Run("that cannot be read changes nothing", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.reconcile()
		p.commit("")
		p.readErr = errors.New("connection refused")
		if _, err := p.r.Reconcile(t.Context(), repoID, ""); !errors.Is(err, p.readErr) {
			t.Errorf("error %v", err)
		}
		if p.config().Pipeline == nil {
			t.Error("the pipeline is gone")
		}
	})
}

func TestRepositoriesThatAreNotServed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if next, err := p.r.Reconcile(t.Context(), 7, ""); err != nil || !next.IsZero() {
		t.Errorf("unknown: %v, %v", next, err)
	}
	p.ok(p.db.RemoveRepo(t.Context(), repoID, p.now))
	if next, err := p.r.Reconcile(t.Context(), repoID, ""); err != nil || !next.IsZero() || p.reads != 0 {
		t.Errorf("removed: %v, %v, %d reads", next, err, p.reads)
	}
}

func TestNextLook(t *testing.T) {
	t.Parallel()
	interval := func(s string) string {
		return strings.Replace(file, "name: web\n", "name: web\n    interval: "+s+"\n", 1)
	}
	tests := map[string]struct {
		content string
		server  time.Duration
		want    time.Duration
	}{
		"no file: every twelve intervals":                      {"", 10 * time.Minute, 2 * time.Hour},
		"a Warehouse without interval: every five minutes":     {file, 10 * time.Minute, 5 * time.Minute},
		"a server that looks more often than the default":      {file, time.Minute, time.Minute},
		"a server that looks all the time":                     {interval("2m"), time.Second, time.Second},
		"a Warehouse that looks more often":                    {interval("2m"), 10 * time.Minute, 2 * time.Minute},
		"the server when the Warehouse wants to be left alone": {interval("1h"), 10 * time.Minute, 10 * time.Minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.content, p.r.Interval = tt.content, tt.server
			p.wantNext(tt.want)
		})
	}
	t.Run("a Warehouse that wants to be left alone is", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.content = interval("1h")
		for range 7 {
			p.reconcile()
			p.now = p.now.Add(10 * time.Minute)
		}
		if len(p.found) != 2 {
			t.Errorf("looked %d times in an hour", len(p.found))
		}
	})
	t.Run("soak wakes", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.content = strings.Replace(file, "name: prod\n    from: web\n", "name: prod\n    from: test\n    soak: 3m\n    autoPromote: true\n", 1)
		p.images["web"] = "1.0.0"
		p.reconcile()
		p.succeed("test-1")
		p.wantNext(3 * time.Minute)
		p.now = p.now.Add(3 * time.Minute)
		p.reconcile()
		if s := p.snapshot(); len(s.Promotions) != 2 || s.Promotions[0].ID != "prod-1" {
			t.Errorf("after the soak: %+v", s.Promotions)
		}
	})
}

// succeed ends a Promotion as the engine does.
func (p *place) succeed(id string) {
	p.t.Helper()
	ctx := p.t.Context()
	j, ok, err := p.db.Claim(ctx, []store.WorkKind{store.WorkStage}, p.now, time.Hour)
	p.ok(err)
	if !ok {
		p.t.Fatal("no Stage is due")
	}
	pr, err := p.db.Promotion(ctx, repoID, id)
	p.ok(err)
	pr.Start(p.now, nil)
	for i := range pr.Steps {
		pr.Skip(i, p.now, "")
	}
	pr.Finish(p.now)
	p.ok(p.db.FinishPromotion(ctx, j, pr, p.now))
	p.ok(p.db.Finish(ctx, j, time.Time{}))
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	two := file + `  - name: backend
    from: api
    update: [{image: ghcr.io/acme/api, kustomize: env/api}]
`
	two = strings.Replace(two, "stages:\n", "  - name: api\n    subscriptions:\n      - image: {repoURL: ghcr.io/acme/api}\nstages:\n", 1)
	t.Run("runs when due", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.reconcile()
		p.now = p.now.Add(4 * time.Minute)
		p.wantNext(time.Minute)
		p.now = p.now.Add(time.Minute)
		p.reconcile()
		if len(p.found) != 2 {
			t.Errorf("looked %d times, want at the start and after five minutes", len(p.found))
		}
	})
	t.Run("runs when an event says so", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.reconcile()
		repos, err := p.db.MarkSubscribersDue(t.Context(), pipeline.ImageArtifact, "ghcr.io/acme/web", p.now)
		p.ok(err)
		p.reconcile()
		if len(repos) != 1 || len(p.found) != 2 {
			t.Errorf("the event reaches %v, looked %d times", repos, len(p.found))
		}
	})
	t.Run("knows the newest Freight", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.reconcile()
		if p.last["web"] != nil {
			t.Errorf("the first look knows %+v", p.last["web"])
		}
		p.now = p.now.Add(time.Hour)
		p.reconcile()
		if p.last["web"] == nil || p.last["web"].Version() != "1.0.0" {
			t.Errorf("the second look knows %+v", p.last["web"])
		}
	})
	t.Run("that fails is recorded, keeps what was seen and holds up no other", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.content = two
		p.images["web"], p.images["api"] = "1.0.0", "2.0.0"
		p.reconcile()
		p.now = p.now.Add(time.Hour)
		p.lookErr["api"] = errors.New("no such host")
		p.images["web"] = "1.0.1"
		p.reconcile()
		w := p.warehouse("api")
		if w.Error != "no such host" || len(w.Discovery.Subscriptions) != 1 || !w.DiscoveredAt.Equal(p.now.Add(-time.Hour)) {
			t.Errorf("state %+v", w)
		}
		if s := p.snapshot(); len(s.Freight) != 3 {
			t.Errorf("%d Freight: the other Warehouse does not go on", len(s.Freight))
		}
		delete(p.lookErr, "api")
		p.now = p.now.Add(time.Hour)
		p.reconcile()
		if got := p.warehouse("api").Error; got != "" {
			t.Errorf("still %q", got)
		}
	})
	t.Run("that fails backs off up to the interval", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.lookErr["web"] = errors.New("no such host")
		for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			p.wantNext(want)
			p.now = p.now.Add(want)
		}
		delete(p.lookErr, "web")
		p.reconcile()
		p.now = p.now.Add(5 * time.Minute)
		p.lookErr["web"] = errors.New("no such host")
		p.wantNext(30 * time.Second)
	})
	t.Run("leaves the other side alone for as long as it asks", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.lookErr["web"] = &pipeline.TransientError{RetryAfter: 9 * time.Minute, Err: errors.New("429")}
		p.wantNext(9 * time.Minute)
	})
	t.Run("whose criteria are false withholds", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.content = strings.Replace(file, "name: web\n", "name: web\n    freightCreationCriteria: {expression: \"imageFrom('ghcr.io/acme/web').Tag == '2.0.0'\"}\n", 1)
		p.images["web"] = "1.0.0"
		p.reconcile()
		if s := p.snapshot(); len(s.Freight) != 0 || !strings.Contains(s.Discoveries["web"].Withheld, "is false") {
			t.Errorf("Freight %+v, withheld %q", s.Freight, s.Discoveries["web"].Withheld)
		}
		p.images["web"], p.now = "2.0.0", p.now.Add(time.Hour)
		p.reconcile()
		if s := p.snapshot(); len(s.Freight) != 1 {
			t.Errorf("Freight %+v", s.Freight)
		}
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	t.Run("are given once", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.ask(pipeline.Intent{ID: "1:1", Kind: pipeline.IntentPromote, Stage: "prod"})
		p.ask(pipeline.Intent{ID: "1:2", Kind: pipeline.IntentPromote, Stage: "nowhere"})
		p.reconcile()
		p.reconcile()
		want := []string{"1:1: prod-1", `1:2: there is no Stage "nowhere"`}
		if diff := cmp.Diff(want, p.answers); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("that cannot be given hold up nothing and come later, ever more rarely", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.answerErr = errors.New("locked")
		p.ask(pipeline.Intent{ID: "1:1", Kind: pipeline.IntentPromote, Stage: "prod"})
		p.wantNext(5 * time.Second)
		p.now = p.now.Add(time.Minute)
		p.wantNext(time.Minute)
		if s := p.snapshot(); len(s.Promotions) != 2 {
			t.Errorf("%d Promotions", len(s.Promotions))
		}
		p.answerErr = nil
		p.reconcile()
		if len(p.answers) != 1 {
			t.Errorf("answers %q", p.answers)
		}
	})
	t.Run("wait as long as the host asks", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.answerErr = &pipeline.TransientError{RetryAfter: 42 * time.Second, Err: errors.New("403")}
		p.ask(pipeline.Intent{ID: "1:1", Kind: pipeline.IntentAbort, Stage: "prod"})
		p.wantNext(42 * time.Second)
	})
}

func TestAdoption(t *testing.T) {
	t.Parallel()
	t.Run("makes current what the files hold already", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"], p.unchanged["prod"] = "1.0.0", "1.0.0"
		p.reconcile()
		s := p.snapshot()
		if f, ok := s.Current("prod", "web"); !ok || f.Version() != "1.0.0" || s.Mark("prod", f.ID).VerifiedAt.IsZero() {
			t.Errorf("current %+v", s.Marks)
		}
		if slices.ContainsFunc(s.Promotions, func(pr pipeline.Promotion) bool { return pr.Stage.Name == "prod" }) {
			t.Error("there is a Promotion")
		}
		if !slices.Equal(p.compared, []string{"prod 1.0.0"}) {
			t.Errorf("compared %q: automation fills test anyway", p.compared)
		}
	})
	t.Run("compares once per head", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.reconcile()
		p.reconcile()
		if len(p.compared) != 1 {
			t.Errorf("compared %q", p.compared)
		}
		p.commit(file + "# moved\n")
		p.reconcile()
		if len(p.compared) != 2 {
			t.Errorf("after a commit compared %q", p.compared)
		}
	})
	t.Run("compares only the newest few, newest first", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		for i := range 15 {
			p.images["web"] = fmt.Sprintf("1.0.%d", i)
			p.reconcile()
			p.now = p.now.Add(time.Hour)
		}
		p.compared = nil
		p.commit(file + "# moved\n")
		p.reconcile()
		if len(p.compared) != 10 || p.compared[0] != "prod 1.0.14" {
			t.Errorf("compared %q", p.compared)
		}
	})
	t.Run("that a fault prevents holds up nothing and is tried again soon", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"], p.unchanged["prod"] = "1.0.0", "1.0.0"
		p.matchErr = &pipeline.TransientError{Err: errors.New("502")}
		p.wantNext(30 * time.Second)
		if s := p.snapshot(); len(s.Promotions) != 1 {
			t.Errorf("%d Promotions", len(s.Promotions))
		}
		p.matchErr = nil
		p.reconcile()
		if _, ok := p.snapshot().Current("prod", "web"); !ok {
			t.Error("not adopted when it was possible")
		}
	})
	t.Run("leaves steps that cannot run to the Promotion", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		p.images["web"] = "1.0.0"
		p.matchErr = errors.New("no such file")
		p.wantNext(5 * time.Minute)
	})
}

func TestTheEndOfTheServer(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.r.Reconcile(ctx, repoID, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

package reconcile_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/store"
)

// included is the file of a pipeline with one Stage that promotes by itself.
const included = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - name: test
    from: web
    autoPromote: true
    update: [{image: ghcr.io/acme/web, kustomize: env/test}]
`

// family is a place with two included pipelines.
func family(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.content = file + "include: [apps/*/.kargo.yaml]\n"
	p.included = map[string]string{
		"apps/shop/.kargo.yaml": included,
		"apps/mail/.kargo.yaml": included,
		"docs/.kargo.yaml":      included,
	}
	p.images["web"], p.images["shop/web"], p.images["mail/web"] = "1.0.0", "2.0.0", "3.0.0"
	p.ok(p.db.Enqueue(t.Context(), store.WorkReconcile, store.RepoKey(repoID), p.now))
	return p
}

// push moves the head with some files changed; an empty content removes one.
func (p *place) push(files map[string]string) {
	p.t.Helper()
	for path, content := range files {
		switch {
		case path == ".kargo.yaml":
			p.content = content
		case content == "":
			delete(p.included, path)
		default:
			p.included[path] = content
		}
	}
	p.commit(p.content)
	p.read = nil
	p.ok(p.db.Enqueue(p.t.Context(), store.WorkReconcile, store.RepoKey(repoID), p.now))
}

func (p *place) pipelines() []string {
	p.t.Helper()
	var names []string
	for _, p := range p.config().Included {
		names = append(names, p.Name)
	}
	return names
}

func TestIncludedPipelines(t *testing.T) {
	t.Parallel()
	t.Run("each have their own jobs, Freight and Promotions", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		if diff := cmp.Diff([]string{"42", "42/mail", "42/shop"}, uniq(p.work())); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
		ids := p.promotions()
		slices.Sort(ids)
		if diff := cmp.Diff([]string{"mail/test-1", "shop/test-1", "test-1"}, ids); diff != "" {
			t.Errorf("Promotions (-want +got):\n%s", diff)
		}
		pr, err := p.db.Promotion(t.Context(), repoID, "shop/test-1")
		p.ok(err)
		if pr.Pipeline != "shop" || pr.Stage.Name != "shop/test" || pr.Freight.Warehouse != "shop/web" || pr.Freight.Version() != "2.0.0" {
			t.Errorf("Promotion %+v", pr)
		}
		if len(p.checks) != 1 || !strings.Contains(p.checks[0], "apps/shop/.kargo.yaml valid true") {
			t.Errorf("checks %q", p.checks)
		}
	})
	t.Run("are read again only when they changed, and only those run that did", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.work()
		p.push(nil)
		if keys := p.work(); !slices.Equal(keys, []string{"42"}) || len(p.read) != 0 || len(p.checks) != 1 {
			t.Errorf("jobs %q, read %q, %d checks", keys, p.read, len(p.checks))
		}
		p.push(map[string]string{"apps/shop/.kargo.yaml": strings.Replace(included, "name: test", "name: qa", 1)})
		keys := uniq(p.work())
		if !slices.Equal(keys, []string{"42", "42/shop"}) || !slices.Equal(p.read, []string{"apps/shop/.kargo.yaml"}) {
			t.Errorf("jobs %q, read %q", keys, p.read)
		}
		if c := p.config(); c.SHA != p.head {
			t.Errorf("Promotions would name commit %s, want %s", c.SHA, p.head)
		}
		pr, err := p.db.Promotion(t.Context(), repoID, "shop/test-1")
		p.ok(err)
		if pr.AbortRequested == "" {
			t.Error("the Promotion into the Stage that is gone goes on")
		}
		if pr, err = p.db.Promotion(t.Context(), repoID, "mail/test-1"); err != nil || pr.AbortRequested != "" {
			t.Errorf("%v, mail is aborted: %q", err, pr.AbortRequested)
		}
	})
	t.Run("appear and disappear with their files", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.work()
		p.push(map[string]string{"apps/shop/.kargo.yaml": "", "apps/news/.kargo.yaml": included})
		if keys := uniq(p.work()); !slices.Equal(keys, []string{"42", "42/news", "42/shop"}) {
			t.Errorf("jobs %q", keys)
		}
		if names := p.pipelines(); !slices.Equal(names, []string{"mail", "news"}) {
			t.Errorf("pipelines %q", names)
		}
		pr, err := p.db.Promotion(t.Context(), repoID, "shop/test-1")
		p.ok(err)
		if pr.AbortRequested == "" {
			t.Error("the Promotion of the pipeline that is gone goes on")
		}
		p.push(map[string]string{".kargo.yaml": file})
		p.work()
		if names := p.pipelines(); len(names) != 0 {
			t.Errorf("pipelines %q", names)
		}
	})
	for name, broken := range map[string]string{
		"is invalid":  included + "odd: true\n",
		"is not YAML": "apiVersion: [\n",
	} {
		t.Run("whose file "+name+" stay as they were", func(t *testing.T) {
			t.Parallel()
			p := family(t)
			p.work()
			p.push(map[string]string{"apps/shop/.kargo.yaml": broken})
			if keys := p.work(); !slices.Equal(keys, []string{"42"}) {
				t.Errorf("jobs %q", keys)
			}
			if names := p.pipelines(); !slices.Equal(names, []string{"mail", "shop"}) {
				t.Errorf("pipelines %q", names)
			}
			if last := p.checks[len(p.checks)-1]; !strings.Contains(last, "apps/shop/.kargo.yaml valid false: ") {
				t.Errorf("check %q", last)
			}
			if problems := string(p.config().Problems); !strings.Contains(problems, `"file":"apps/shop/.kargo.yaml"`) {
				t.Errorf("problems %s", problems)
			}
			p.push(map[string]string{"apps/shop/.kargo.yaml": included})
			p.work()
			if c := p.config(); c.Problems != nil {
				t.Errorf("repaired, and yet there are problems: %s", c.Problems)
			}
		})
	}
	t.Run("that have a name of their own keep that, too", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.included["apps/shop/.kargo.yaml"] = "name: store\n" + included
		p.work()
		p.push(map[string]string{"apps/shop/.kargo.yaml": "name: store\nodd: true\n"})
		p.work()
		if names := p.pipelines(); !slices.Equal(names, []string{"mail", "store"}) {
			t.Errorf("pipelines %q", names)
		}
	})
	t.Run("of one name are one, and the other is a problem", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.included["apps/shop/.kargo.yaml"] = "name: mail\n" + included
		p.work()
		if names := p.pipelines(); !slices.Equal(names, []string{"mail"}) {
			t.Errorf("pipelines %q", names)
		}
		if want := `apps/shop/.kargo.yaml valid false: a second pipeline named "mail", first in apps/mail/.kargo.yaml`; !strings.Contains(p.checks[0], want) {
			t.Errorf("check %q, want %q", p.checks[0], want)
		}
	})
	t.Run("cannot have the name of the root pipeline", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.included["apps/shop/.kargo.yaml"] = "name: gitops\n" + included
		p.work()
		if !strings.Contains(p.checks[0], `a second pipeline named "gitops", first in .kargo.yaml`) {
			t.Errorf("check %q", p.checks[0])
		}
	})
	t.Run("stay while the root's file is invalid", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.work()
		p.push(map[string]string{".kargo.yaml": "odd: true\n"})
		p.work()
		if names := p.pipelines(); !slices.Equal(names, []string{"mail", "shop"}) {
			t.Errorf("pipelines %q", names)
		}
	})
	t.Run("go with the root's file", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.work()
		p.push(map[string]string{".kargo.yaml": ""})
		if keys := uniq(p.work()); !slices.Equal(keys, []string{"42", "42/mail", "42/shop"}) {
			t.Errorf("jobs %q", keys)
		}
		for _, id := range p.promotions() {
			if pr, err := p.db.Promotion(t.Context(), repoID, id); err != nil || pr.AbortRequested == "" {
				t.Errorf("%s goes on: %v", id, err)
			}
		}
	})
	t.Run("are read again after a fault", func(t *testing.T) {
		t.Parallel()
		p := family(t)
		p.listErr = &pipeline.TransientError{Err: errors.New("502")}
		if _, err := p.r.Reconcile(t.Context(), repoID, ""); !errors.Is(err, p.listErr) {
			t.Fatalf("error %v", err)
		}
		p.listErr = nil
		p.work()
		if names := p.pipelines(); len(names) != 2 {
			t.Errorf("pipelines %q", names)
		}
	})
}

func TestPropose(t *testing.T) {
	t.Parallel()
	p := family(t)
	rec := store.RepoRecord{Repo: pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}}
	propose := func(unlike reconcile.Proposal) reconcile.Proposal {
		t.Helper()
		got, err := reconcile.Propose(t.Context(), files{p}, p.r.Steps, rec, p.head, unlike)
		p.ok(err)
		return got
	}
	present := propose(reconcile.Proposal{})
	if present.Root.File == nil || len(present.Included) != 2 {
		t.Fatalf("present %+v", present)
	}
	if same := propose(present); same.Root.Path != "" || same.Fingerprint != present.Fingerprint {
		t.Errorf("the same is proposed: %+v", same)
	}
	p.push(map[string]string{"docs/.kargo.yaml": "odd"})
	if same := propose(present); same.Root.Path != "" {
		t.Errorf("a file that is not included is proposed: %+v", same)
	}
	p.push(map[string]string{"apps/shop/.kargo.yaml": included + "odd: true\n"})
	if got := propose(present); got.Root.File == nil || len(got.Included) != 2 || got.Included[1].File != nil || len(got.Included[1].Problems) == 0 {
		t.Errorf("proposed %+v", got)
	}
	p.push(map[string]string{".kargo.yaml": "odd: true\n"})
	if got := propose(present); got.Root.Path == "" || got.Root.File != nil || len(got.Included) != 0 {
		t.Errorf("proposed %+v", got)
	}
	p.push(map[string]string{".kargo.yaml": ""})
	if got := propose(present); got.Root.Path != "" {
		t.Errorf("proposed %+v", got)
	}
	p.head = ""
	if got := propose(present); got.Root.Path != "" {
		t.Errorf("proposed %+v", got)
	}
}

func TestRequestsAreAnsweredByTheirPipeline(t *testing.T) {
	t.Parallel()
	p := family(t)
	p.work()
	p.ask(pipeline.Intent{ID: "1", Kind: pipeline.IntentAbort, Stage: "shop/test", Promotion: "shop/test-1"})
	if keys := p.work(); !slices.Contains(keys, "42/shop") || len(p.answers) != 1 || p.answers[0] != "1: shop/test-1" {
		t.Errorf("jobs %q, answers %q", keys, p.answers)
	}
}

func TestThawWakesWhatWaits(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.images["web"] = "1.0.0"
	p.reconcile()
	key := store.StageKey(repoID, "test")
	claim := func() (keys []string) {
		for {
			j, ok, err := p.db.Claim(t.Context(), []store.WorkKind{store.WorkStage}, p.now, 0)
			p.ok(err)
			if !ok {
				return keys
			}
			keys = append(keys, j.Key)
			p.ok(p.db.Finish(t.Context(), j, p.now.Add(p.r.Interval)))
		}
	}
	if keys := claim(); !slices.Equal(keys, []string{key}) {
		t.Fatalf("jobs %q", keys)
	}
	who := pipeline.Actor{Login: "ana", Role: "admin"}
	p.ok(p.db.PutIntents(t.Context(), repoID, []pipeline.Intent{{ID: "1", Kind: pipeline.IntentFreeze, Reason: "audit", Actor: who, ReceivedAt: p.now}}, p.now))
	p.reconcile()
	if s := p.snapshot(); s.Freeze == nil || len(claim()) != 0 {
		t.Errorf("freeze %+v", s.Freeze)
	}
	p.ok(p.db.PutIntents(t.Context(), repoID, []pipeline.Intent{{ID: "2", Kind: pipeline.IntentThaw, Actor: who, ReceivedAt: p.now}}, p.now))
	p.reconcile()
	if keys := claim(); !slices.Equal(keys, []string{key}) {
		t.Errorf("jobs %q", keys)
	}
}

func uniq(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}

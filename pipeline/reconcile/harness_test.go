package reconcile_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

const repoID = 42

// file is a pipeline whose first Stage promotes by itself.
const file = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - name: test
    from: web
    autoPromote: true
    update: [{image: ghcr.io/acme/web, kustomize: env/test}]
  - name: prod
    from: web
    update: [{image: ghcr.io/acme/web, kustomize: env/prod}]
`

// place is a repository, what surrounds it, and the real database.
type place struct {
	t   *testing.T
	db  *sqlite.DB
	r   *reconcile.Reconciler
	now time.Time

	// head is the commit of the default branch, content its .kargo.yaml.
	head, content string
	reads         int
	readErr       error
	// included are further files by path, read those that were read.
	included map[string]string
	read     []string
	listErr  error
	// images is what each Warehouse finds.
	images    map[string]string
	found     []string
	last      map[string]*pipeline.Freight
	lookErr   map[string]error
	unchanged map[string]string
	compared  []string
	matchErr  error
	checks    []string
	checkErr  error
	answers   []string
	answerErr error
	// tasks holds files of other repositories by reference, at commit "c0de".
	tasks map[string]string
	// taskErr is by reference, taskReads counts.
	taskErr   map[string]error
	taskReads int
}

func newPlace(t *testing.T) *place {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{
		t: t, db: db, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), head: "c1", content: file,
		images: map[string]string{}, last: map[string]*pipeline.Freight{}, lookErr: map[string]error{}, unchanged: map[string]string{},
	}
	p.r = &reconcile.Reconciler{
		Configs: db, Discoveries: db, Decisions: db, Files: files{p}, Discoverer: discoverer{p}, Matcher: matcher{p}, Tasks: taskFiles{p}, Work: db, Voice: voice{p},
		Steps: steps, CloneURL: func(r pipeline.Repo) string { return "https://github.com/" + r.String() + ".git" },
		Interval: 10 * time.Minute, Now: func() time.Time { return p.now }, Log: slog.New(slog.DiscardHandler),
	}
	p.ok(db.PutRepo(t.Context(), store.RepoRecord{
		Repo: pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"}, Installation: 1, DefaultBranch: "main",
	}, p.now))
	return p
}

func (p *place) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// commit changes .kargo.yaml; an empty content removes it.
func (p *place) commit(content string) {
	p.head = fmt.Sprintf("c%d", len(p.head)+p.reads+2)
	p.content = content
}

func (p *place) reconcile() time.Time {
	p.t.Helper()
	return p.reconcilePipeline("")
}

func (p *place) reconcilePipeline(name string) time.Time {
	p.t.Helper()
	next, err := p.r.Reconcile(p.t.Context(), repoID, name)
	p.ok(err)
	return next
}

// work runs all jobs that are due now, and returns their keys.
func (p *place) work() (keys []string) {
	p.t.Helper()
	for {
		j, ok, err := p.db.Claim(p.t.Context(), []store.WorkKind{store.WorkReconcile}, p.now, time.Hour)
		p.ok(err)
		if !ok {
			return keys
		}
		id, name, err := store.ParseReconcileKey(j.Key)
		p.ok(err)
		if id != repoID {
			p.t.Fatalf("claimed %s", j.Key)
		}
		keys = append(keys, j.Key)
		p.ok(p.db.Finish(p.t.Context(), j, p.reconcilePipeline(name)))
	}
}

func (p *place) wantNext(want time.Duration) {
	p.t.Helper()
	if got := p.reconcile().Sub(p.now); got != want {
		p.t.Errorf("looks again after %s, want %s", got, want)
	}
}

func (p *place) config() store.Config {
	p.t.Helper()
	rec, err := p.db.Repo(p.t.Context(), repoID)
	p.ok(err)
	return rec.Config
}

func (p *place) snapshot() pipeline.Snapshot {
	p.t.Helper()
	s, err := p.db.Snapshot(p.t.Context(), repoID)
	p.ok(err)
	return s
}

func (p *place) warehouse(name string) store.WarehouseState {
	p.t.Helper()
	all, err := p.db.Warehouses(p.t.Context(), repoID)
	p.ok(err)
	for _, w := range all {
		if w.Name == name {
			return w
		}
	}
	p.t.Fatalf("no Warehouse %s", name)
	return store.WarehouseState{}
}

func (p *place) ask(in pipeline.Intent) {
	p.t.Helper()
	in.Actor, in.ReceivedAt, in.Comment = pipeline.Actor{Login: "ana", Role: "write"}, p.now, 1
	p.ok(p.db.PutIntents(p.t.Context(), repoID, []pipeline.Intent{in}, p.now))
}

type files struct{ *place }

func (f files) Head(ctx context.Context, _ store.RepoRecord) (string, error) {
	return f.head, ctx.Err()
}

func (f files) Config(_ context.Context, _ store.RepoRecord, commit string) (data []byte, blob string, err error) {
	f.reads++
	if commit != f.head {
		f.t.Errorf("read %s, want the head %s", commit, f.head)
	}
	if f.content == "" || f.readErr != nil {
		return nil, "", f.readErr
	}
	return []byte(f.content), blobOf(f.content), nil
}

// blobOf is the id of a file's content.
func blobOf(content string) string {
	sum := sha1.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

func (f files) List(_ context.Context, _ store.RepoRecord, commit string, globs []string) (found []reconcile.FileRef, err error) {
	if commit != f.head {
		f.t.Errorf("listed %s, want the head %s", commit, f.head)
	}
	for _, path := range slices.Sorted(maps.Keys(f.included)) {
		for _, glob := range globs {
			if ok, err := doublestar.Match(glob, path); err != nil || ok {
				found = append(found, reconcile.FileRef{Path: path, Blob: blobOf(f.included[path])})
				break
			}
		}
	}
	return found, f.listErr
}

func (f files) Read(_ context.Context, _ store.RepoRecord, commit string, paths []string) ([][]byte, error) {
	f.read = append(f.read, paths...)
	if commit != f.head {
		f.t.Errorf("read %s, want the head %s", commit, f.head)
	}
	all := make([][]byte, len(paths))
	for i, path := range paths {
		all[i] = []byte(f.included[path])
	}
	return all, nil
}

type discoverer struct{ *place }

func (d discoverer) Discover(_ context.Context, _ store.RepoRecord, w pipeline.Warehouse, known discover.Previous) (pipeline.Discovery, error) {
	d.found, d.last[w.Name] = append(d.found, w.Name), known.Freight
	if err := d.lookErr[w.Name]; err != nil {
		return pipeline.Discovery{}, err
	}
	found := pipeline.DiscoveredSubscription{Kind: pipeline.ImageArtifact, RepoURL: w.Subscriptions[0].RepoURL()}
	if tag := d.images[w.Name]; tag != "" {
		found.Images = []pipeline.Image{{RepoURL: found.RepoURL, Tag: tag}}
	}
	return pipeline.Discovery{Warehouse: w.Name, Subscriptions: []pipeline.DiscoveredSubscription{found}}, nil
}

type matcher struct{ *place }

func (m matcher) Unchanged(_ context.Context, _ store.RepoRecord, pr pipeline.Promotion) (bool, error) {
	m.compared = append(m.compared, pr.Stage.Name+" "+pr.Freight.Version())
	return m.unchanged[pr.Stage.Name] == pr.Freight.Version(), m.matchErr
}

type taskFiles struct{ *place }

func (t taskFiles) Task(ctx context.Context, _ store.RepoRecord, ref string) (data []byte, commit string, err error) {
	t.taskReads++
	if err := errors.Join(ctx.Err(), t.taskErr[ref]); err != nil {
		return nil, "", err
	}
	file, ok := t.tasks[ref]
	if !ok {
		return nil, "", &pipeline.UserError{Message: "there is no file " + ref}
	}
	return []byte(file), "c0de", nil
}

type voice struct{ *place }

func (v voice) Config(_ context.Context, _ store.RepoRecord, commit string, root reconcile.Checked, included []reconcile.Checked) error {
	if v.checkErr != nil {
		return v.checkErr
	}
	text := fmt.Sprintf("%s valid %v, %d problems", commit, root.File != nil, len(root.Problems))
	for _, c := range included {
		text += fmt.Sprintf("; %s valid %v", c.Path, c.File != nil)
		for _, p := range c.Problems {
			text += ": " + p.Message
		}
	}
	v.checks = append(v.checks, text)
	return nil
}

func (v voice) Answer(ctx context.Context, r store.RepoRecord, in store.ResolvedIntent) error {
	if v.answerErr != nil {
		return v.answerErr
	}
	what := in.Promotion
	if in.Refusal != nil {
		what = in.Refusal.Message
	}
	v.answers = append(v.answers, in.ID+": "+what)
	return v.db.AnswerIntents(ctx, r.ID, []string{in.ID}, v.now)
}

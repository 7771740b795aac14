package promotion_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

const repoURL = "https://github.com/acme/gitops.git"

var repo = pipeline.Repo{ID: 42, Owner: "acme", Name: "gitops"}

type config = map[string]any

func use(uses string, c config) pipeline.StepSpec {
	return pipeline.StepSpec{Uses: uses, As: uses, Config: c}
}

// promote is the template of a whole Promotion, as the shorthand expands.
func promote() []pipeline.StepSpec {
	changed, opened := "${{ success() && status('git-commit') != 'Skipped' }}", "${{ success() && status('git-open-pr') != 'Skipped' }}"
	when := func(cond string, s pipeline.StepSpec) pipeline.StepSpec { s.If = cond; return s }
	return []pipeline.StepSpec{
		use("git-clone", config{"repoURL": "${{ github.repoURL }}", "checkout": []any{config{"branch": "main", "path": "src"}}}),
		use("kustomize-set-image", config{"path": "src/env/prod", "images": []any{config{
			"image": "ghcr.io/acme/web", "tag": `${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}`,
		}}}),
		use("git-commit", config{"path": "src", "message": "promote(${{ ctx.stage }}): ${{ ctx.targetFreight.headline }}"}),
		when(changed, use("git-push", config{"path": "src", "generateTargetBranch": true})),
		when(changed, use("git-open-pr", config{
			"repoURL": "${{ github.repoURL }}", "sourceBranch": "${{ outputs['git-push'].branch }}", "targetBranch": "main",
		})),
		when(opened, use("git-merge-pr", config{"repoURL": "${{ github.repoURL }}", "prNumber": "${{ outputs['git-open-pr'].pr.id }}", "wait": true})),
	}
}

// Indices into promote.
const (
	cloneStep = iota
	editStep
	commitStep
	pushStep
	openStep
	mergeStep
)

// town is the outside world, the database file, and the server that is started
// and stopped between them.
type town struct {
	t     *testing.T
	world *steptest.World
	host  *host
	path  string
	db    *sqlite.DB
	steps *step.Registry
	// wrap puts something between the engine and its ledger.
	wrap func(promotion.Ledger) promotion.Ledger
	// timeout is the engine's StepTimeout.
	timeout time.Duration
	publish promotion.Reporter
	verify  *verifier
	// shut says whether the Stage is closed; nil means never.
	shut func() pipeline.Closure
	// log is nil for none, secrets too.
	log     *slog.Logger
	secrets *secrets
	// argo is nil for none; over says that nothing is left to do but to look again at the
	// given time, and is nil where nobody looks again.
	argo *argocdtest.Server
	over func(due time.Time) bool
	// parks counts how often the server came to rest.
	parks int
}

func newTown(t *testing.T) *town {
	t.Helper()
	c := emptyTown(t)
	c.open()
	c.ok(c.db.PutRepo(t.Context(), store.RepoRecord{Repo: repo, Installation: 1, DefaultBranch: "main"}, c.world.Now))
	c.apply(pipeline.CreateFreight{Freight: freight("1.0.0")}, pipeline.CreateFreight{Freight: freight("1.0.1")}, pipeline.CreateFreight{Freight: freight("1.0.2")})
	return c
}

// townFrom starts from the database file of another town, which is quicker.
func townFrom(t *testing.T, database []byte) *town {
	t.Helper()
	c := emptyTown(t)
	c.ok(os.WriteFile(c.path, database, 0o600))
	c.open()
	return c
}

func emptyTown(t *testing.T) *town {
	t.Helper()
	w := steptest.New()
	w.Repository(repoURL)
	w.Write(repoURL, "main", "start", map[string]string{
		"env/prod/kustomization.yaml": "# the images of prod\nimages:\n  - name: ghcr.io/acme/web\n    newTag: 1.0.0 # current\n",
		"README.md":                   "hello\n",
	})
	reg, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	c := &town{t: t, world: w, host: &host{}, path: filepath.Join(t.TempDir(), "kargo.db"), steps: reg}
	c.verify = &verifier{c: c, verdict: pipeline.VerificationSuccessful}
	t.Cleanup(func() { c.close() })
	return c
}

// database is the content of the database file, as of now.
func (c *town) database() []byte {
	c.t.Helper()
	c.close()
	data, err := os.ReadFile(c.path)
	c.ok(err)
	c.open()
	return data
}

func (c *town) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *town) open() {
	c.t.Helper()
	db, err := sqlite.Open(context.Background(), c.path, sqlite.Options{})
	c.ok(err)
	c.db = db
}

func (c *town) close() {
	c.t.Helper()
	c.ok(c.db.Close())
}

func freight(tag string) pipeline.Freight {
	f := pipeline.Freight{
		Warehouse: "web", Alias: "alias-" + tag, DiscoveredAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: tag}},
	}
	f.ID = pipeline.FreightID(f)
	return f
}

func prod(steps ...pipeline.StepSpec) pipeline.Stage {
	if steps == nil {
		steps = promote()
	}
	return pipeline.Stage{
		Name: "prod", Environment: "prod", Steps: steps,
		Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}},
	}
}

func (c *town) apply(actions ...pipeline.Action) {
	c.t.Helper()
	_, err := c.db.Apply(context.Background(), repo.ID, actions, c.world.Now)
	c.ok(err)
}

// queue starts a Promotion of Freight into a Stage.
func (c *town) queue(stage pipeline.Stage, f pipeline.Freight) {
	c.t.Helper()
	c.apply(pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Repo: repo, Pipeline: "web", ConfigSHA: "c0ffee", Stage: stage, Freight: f,
		Collection: []pipeline.Freight{f}, Reason: "auto-promotion", CreatedAt: c.world.Now,
	})})
}

func (c *town) abort(id string) {
	c.t.Helper()
	c.apply(pipeline.AbortPromotion{Promotion: id, Reason: "aborted by ana"})
}

// engine is a fresh one: what it remembers is in the database.
func (c *town) engine() *promotion.Engine {
	reporter := c.publish
	if reporter == nil {
		reporter = c.publisher()
	}
	e := &promotion.Engine{
		Steps: c.steps, Ports: c.world.Ports(), Verifier: c.verify, ServerURL: "https://github.com", Reporter: reporter, StepTimeout: c.timeout,
		DefaultBranch: func(context.Context, pipeline.Repo) (string, error) { return "main", nil },
		Log:           slog.New(slog.DiscardHandler),
	}
	e.Ports.Past = past{c}
	if c.log != nil {
		e.Log = c.log
	}
	if c.secrets != nil {
		e.Secrets = c.secrets
	}
	return e
}

func (c *town) publisher() *promotion.Publisher {
	return &promotion.Publisher{
		Remotes: remotes{c}, Checks: c.host, Deployments: c.host, Comments: c.host,
		Now: func() time.Time { return c.world.Now },
	}
}

// advance lets a fresh engine work once on the Stage, if that is due, and
// returns when it wants to again.
func (c *town) advance() (next time.Time, err error) {
	c.t.Helper()
	return c.advanceStage("prod")
}

func (c *town) advanceStage(stage string) (next time.Time, err error) {
	c.t.Helper()
	ctx := context.Background()
	j, ok, err := c.db.Claim(ctx, []store.WorkKind{store.WorkStage}, c.world.Now, time.Hour)
	c.ok(err)
	if !ok {
		return time.Time{}, nil
	}
	if j.Key != store.StageKey(repo.ID, stage) {
		c.t.Fatalf("claimed %s", j.Key)
	}
	var l promotion.Ledger = c.ledger(j, stage)
	if c.wrap != nil {
		l = c.wrap(l)
	}
	next, err = c.engine().Advance(ctx, l)
	if err != nil {
		c.ok(c.db.Retry(ctx, j, c.world.Now))
		return time.Time{}, err
	}
	c.ok(c.db.Finish(ctx, j, next))
	return next, nil
}

func (c *town) ledger(j store.Job, stage string) ledger {
	return ledger{db: c.db, job: j, stage: stage, now: func() time.Time { return c.world.Now }, shut: c.shut}
}

// must advances without an error.
func (c *town) must() time.Time {
	c.t.Helper()
	next, err := c.advance()
	c.ok(err)
	return next
}

// sleep moves the clock to the next wake time.
func (c *town) sleep() {
	c.t.Helper()
	due, ok, err := c.db.NextDue(context.Background(), []store.WorkKind{store.WorkStage})
	c.ok(err)
	if !ok {
		c.t.Fatal("nothing will ever happen again")
	}
	if due.After(c.world.Now) {
		c.world.Now = due
	}
}

// settle works until nothing is left to do.
func (c *town) settle() {
	c.t.Helper()
	for range 100 {
		c.must()
		if _, ok, err := c.db.NextDue(context.Background(), []store.WorkKind{store.WorkStage}); err != nil || !ok {
			c.ok(err)
			return
		}
		c.sleep()
	}
	c.t.Fatal("it does not come to an end")
}

func (c *town) promotion(id string) pipeline.Promotion {
	c.t.Helper()
	p, err := c.db.Promotion(context.Background(), repo.ID, id)
	c.ok(err)
	return p
}

func (c *town) wantPhase(id string, phase pipeline.Phase) pipeline.Promotion {
	c.t.Helper()
	p := c.promotion(id)
	if p.Phase != phase {
		c.t.Fatalf("%s is %s (%s), want %s; steps %+v", id, p.Phase, p.Message, phase, p.Steps)
	}
	return p
}

// commits counts the commits on main that belong to a Promotion.
func (c *town) commits(id string) int {
	n := 0
	for _, m := range c.world.Log(repoURL, "main") {
		if slices.Contains(strings.Split(m, "\n"), "Kargo-Promotion: "+id) {
			n++
		}
	}
	return n
}

// hold makes the repository require a check that has not reported.
func (c *town) hold() { c.world.Gates.Checks = []step.Check{{Name: "ci", State: "pending"}} }

func (c *town) green() { c.world.Gates.Checks = []step.Check{{Name: "ci", State: "success"}} }

// ledger is promotion.Ledger on the real database.
type ledger struct {
	db    *sqlite.DB
	job   store.Job
	stage string
	now   func() time.Time
	shut  func() pipeline.Closure
}

func (l ledger) Promotions(ctx context.Context) ([]pipeline.Promotion, error) {
	return l.db.StagePromotions(ctx, repo.ID, l.stage)
}

func (l ledger) Save(ctx context.Context, p pipeline.Promotion) error {
	return l.db.SavePromotion(ctx, l.job, p)
}

func (l ledger) Finish(ctx context.Context, p pipeline.Promotion) error {
	return l.db.FinishPromotion(ctx, l.job, p, l.now())
}

func (l ledger) Reported(ctx context.Context, id string) error {
	return l.db.MarkReported(ctx, l.job, id)
}

func (l ledger) Current(ctx context.Context, warehouse string) (*pipeline.Freight, error) {
	return l.db.CurrentFreight(ctx, repo.ID, l.stage, warehouse)
}

func (l ledger) Success(ctx context.Context) (*pipeline.Promotion, *pipeline.HealthReading, error) {
	return l.db.StageSuccess(ctx, repo.ID, l.stage)
}

func (l ledger) SaveHealth(ctx context.Context, r pipeline.HealthReading) error {
	return l.db.SaveHealth(ctx, l.job, r, l.now())
}

func (l ledger) Verification(ctx context.Context) (*pipeline.VerificationRun, error) {
	return l.db.StageVerification(ctx, repo.ID, l.stage)
}

func (l ledger) SaveVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.db.SaveVerification(ctx, l.job, run)
}

func (l ledger) FinishVerification(ctx context.Context, run pipeline.VerificationRun) error {
	return l.db.FinishVerification(ctx, l.job, run, l.now())
}

func (l ledger) UnreportedVerifications(ctx context.Context) ([]pipeline.VerificationRun, error) {
	return l.db.UnreportedVerifications(ctx, repo.ID, l.stage)
}

func (l ledger) VerificationReported(ctx context.Context, id string) error {
	return l.db.MarkVerificationReported(ctx, l.job, id)
}

func (l ledger) Closure(ctx context.Context, _ time.Time) (pipeline.Closure, error) {
	if l.shut == nil {
		return pipeline.Closure{}, ctx.Err()
	}
	return l.shut(), ctx.Err()
}

// remotes is promotion.Remotes on the real database.
type remotes struct{ c *town }

func (r remotes) Begin(ctx context.Context, rp pipeline.Repo, kind, key string) (obj promotion.Remote, fresh bool, err error) {
	err = r.write(func() error {
		var o store.RemoteObject
		o, fresh, err = r.c.db.BeginRemote(ctx, rp.ID, kind, key, r.c.world.Now)
		obj = promotion.Remote{Kind: o.Kind, Key: o.Key, ID: o.ID, Hash: o.Hash, BegunAt: o.BegunAt}
		return err
	})
	return obj, fresh, err
}

func (r remotes) Save(ctx context.Context, rp pipeline.Repo, o promotion.Remote) error {
	return r.write(func() error {
		return r.c.db.SaveRemote(ctx, rp.ID, store.RemoteObject{Kind: o.Kind, Key: o.Key, ID: o.ID, Hash: o.Hash})
	})
}

// write is a store write with the faults of the host around it.
func (r remotes) write(f func() error) error {
	if r.c.host.fault == nil {
		return f()
	}
	return errors.Join(r.c.host.fault("store", false), f(), r.c.host.fault("store", true))
}

package promotion_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// cluster is what a step that can be watched changed.
type cluster struct {
	finding pipeline.HealthFinding
	looked  int
}

// watched makes prod's one step one whose outcome is watched in a cluster.
func (c *town) watched(verify bool) (pipeline.Stage, *cluster) {
	c.t.Helper()
	cl := &cluster{finding: pipeline.HealthFinding{State: pipeline.HealthProgressing, Issues: []string{"1 of 3 replicas"}, WakeOn: []string{"synced"}}}
	def := step.Define("sync", step.Remote, step.Doc{}, func(_ context.Context, env step.Env, _ struct{}) (*struct{}, error) {
		env.Watch(env.Promotion.Freight.ID)
		return nil, nil
	})
	def = step.WithHealth(def, func(context.Context, step.HealthEnv, string) (pipeline.HealthFinding, error) {
		cl.looked++
		return cl.finding, c.t.Context().Err()
	})
	reg, err := step.NewRegistry(append(step.Builtin(), def)...)
	c.ok(err)
	c.steps = reg
	stage := prod(use("sync", nil))
	if verify {
		stage.Verification = &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}}}
	}
	return stage, cl
}

func (c *town) health() pipeline.HealthReading {
	c.t.Helper()
	s, err := c.db.Snapshot(context.Background(), repo.ID)
	c.ok(err)
	if len(s.Health) != 1 {
		c.t.Fatalf("readings %+v", s.Health)
	}
	return s.Health[0]
}

func TestHealthIsLookedAtWhenAPromotionSucceeded(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage, cl := c.watched(false)
	c.queue(stage, freight("1.0.1"))
	start := c.world.Now
	next := c.must()
	c.wantPhase("prod-1", pipeline.Succeeded)
	r := c.health()
	if r.Promotion != "prod-1" || r.State != pipeline.HealthProgressing || !slices.Equal(r.Issues, []string{"1 of 3 replicas"}) || !r.Since.Equal(start) {
		t.Errorf("reading %+v", r)
	}
	if want := start.Add(c.world.PollInterval); cl.looked != 1 || !next.Equal(want) {
		t.Errorf("looked %d times, next at %v, want %v", cl.looked, next, want)
	}
	c.sleep()
	cl.finding = pipeline.HealthFinding{State: pipeline.HealthHealthy}
	next = c.must()
	if r := c.health(); r.State != pipeline.HealthHealthy || len(r.Issues) > 0 || !r.Since.Equal(c.world.Now) {
		t.Errorf("reading %+v", r)
	}
	if want := c.world.Now.Add(5 * time.Minute); cl.looked != 2 || !next.Equal(want) {
		t.Errorf("looked %d times, next at %v, want %v: what is healthy is looked at at Kargo's interval", cl.looked, next, want)
	}
	since := c.world.Now
	c.sleep()
	c.must()
	if r := c.health(); !r.Since.Equal(since) || !r.CheckedAt.Equal(c.world.Now) {
		t.Errorf("a state that stays has another beginning: %+v", r)
	}
}

func TestAnEventLooksAtHealth(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage, cl := c.watched(false)
	c.queue(stage, freight("1.0.1"))
	c.must()
	wake := func() time.Time {
		_, err := c.db.Wake(context.Background(), []string{"synced"}, c.world.Now)
		c.ok(err)
		return c.must()
	}
	c.world.Now = c.world.Now.Add(time.Second)
	if next, want := wake(), c.health().CheckedAt.Add(10*time.Second); cl.looked != 1 || !next.Equal(want) {
		t.Errorf("looked %d times, next at %v, want %v: events that come thick and fast are looked at together", cl.looked, next, want)
	}
	c.world.Now = c.world.Now.Add(20 * time.Second)
	wake()
	if cl.looked != 2 {
		t.Errorf("looked %d times", cl.looked)
	}
}

func TestVerificationWaitsForHealth(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage, cl := c.watched(true)
	c.queue(stage, freight("1.0.1"))
	c.must()
	if run, err := c.db.StageVerification(t.Context(), repo.ID, "prod"); err != nil || run != nil {
		t.Fatalf("a run before it is healthy: %v %v", run, err)
	}
	c.sleep()
	cl.finding = pipeline.HealthFinding{State: pipeline.HealthHealthy}
	c.queue(stage, freight("1.0.2"))
	c.must()
	c.wantRun("prod-v1", pipeline.VerificationRunning)
	c.wantPhase("prod-2", pipeline.Pending) // it waits for the Verification
	c.world.Now = c.world.Now.Add(time.Minute)
	c.must()
	c.wantRun("prod-v1", pipeline.VerificationSuccessful)
	c.wantPhase("prod-2", pipeline.Succeeded)
	if !c.verifiedIn("prod", "1.0.1") || c.verifiedIn("prod", "1.0.2") {
		t.Error("the wrong Freight is verified")
	}
}

// TestWhatIsNotHealthyHoldsUpNothing: the next Promotion may be the cure.
func TestWhatIsNotHealthyHoldsUpNothing(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage, cl := c.watched(true)
	cl.finding.State = pipeline.HealthUnhealthy
	c.queue(stage, freight("1.0.1"))
	c.queue(stage, freight("1.0.2"))
	c.must()
	c.wantPhase("prod-1", pipeline.Succeeded)
	c.wantPhase("prod-2", pipeline.Succeeded)
	if r := c.health(); r.Promotion != "prod-2" || cl.looked != 2 {
		t.Errorf("looked %d times: %+v", cl.looked, r)
	}
}

func TestNobodyLooksWhileAPromotionRuns(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	stage, cl := c.watched(false)
	c.queue(stage, freight("1.0.1"))
	c.must()
	c.hold()
	c.queue(prod(), freight("1.0.2"))
	c.world.Now = c.world.Now.Add(time.Hour)
	c.must()
	c.wantPhase("prod-2", pipeline.Running)
	looked := cl.looked
	c.world.Now = c.world.Now.Add(time.Hour)
	c.must()
	if cl.looked != looked {
		t.Errorf("looked %d times more", cl.looked-looked)
	}
	c.green()
	c.world.Now = c.world.Now.Add(time.Hour)
	if next := c.must(); !next.IsZero() || cl.looked != looked {
		t.Errorf("the checks of what was replaced are asked still, next at %v", next)
	}
}

// TestHealthKeepsSecrets: a check reads the secrets that it names, and nothing of them
// is recorded.
func TestHealthKeepsSecrets(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.secrets = newSecrets()
	type input struct{ Name, Stolen string }
	def := step.Define("sync", step.Remote, step.Doc{}, func(ctx context.Context, env step.Env, _ struct{}) (*struct{}, error) {
		value, err := env.Secret(ctx, "TOKEN")
		env.Watch(input{Name: "TOKEN", Stolen: value})
		return nil, err
	})
	def = step.WithHealth(def, func(ctx context.Context, env step.HealthEnv, in input) (pipeline.HealthFinding, error) {
		value, err := env.Secret(ctx, in.Name)
		return pipeline.HealthFinding{State: pipeline.HealthUnhealthy, Issues: []string{"token " + value + " is refused"}}, err
	})
	reg, err := step.NewRegistry(append(step.Builtin(), def)...)
	c.ok(err)
	c.steps = reg
	c.queue(prod(use("sync", nil)), freight("1.0.1"))
	c.must()
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	if got, want := string(p.Steps[0].Health.Input), `{"Name":"TOKEN","Stolen":"***"}`; got != want {
		t.Errorf("input %s, want %s", got, want)
	}
	if got, want := c.health().Issues, []string{"token *** is refused"}; !slices.Equal(got, want) {
		t.Errorf("issues %q, want %q", got, want)
	}
}

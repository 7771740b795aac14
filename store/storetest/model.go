package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// twin is a Store and the pure model of one, to which the same happens.
type twin struct {
	*rapid.T
	Store
	ctx    context.Context //nolint:containedctx // lives as long as the test
	repoID int64
	p      pipeline.Pipeline
	model  pipeline.Snapshot
	now    time.Time
	// asked and born count intents and Freight, so that names differ.
	asked, born int
}

// testModel lets anything happen in any order to a Store and to
// [pipeline.Apply], and compares what they look like after every step.
func testModel(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	s := open(t)
	next := int64(1000)
	rapid.Check(t, func(rt *rapid.T) {
		next++
		repo := pipeline.Repo{ID: next, Owner: "acme", Name: fmt.Sprint("gitops-", next)}
		w := &twin{T: rt, Store: s, ctx: t.Context(), repoID: next, now: at(0), model: pipeline.Snapshot{Repo: repo}}
		w.p = pipeline.Pipeline{Name: "gitops", Stages: []pipeline.Stage{
			verifyingStage("test", direct("web"), direct("api")),
			{Name: "prod", Requests: []pipeline.FreightRequest{direct("web")}, Steps: make([]pipeline.StepSpec, 2)},
			{Name: "gate", Requests: []pipeline.FreightRequest{direct("web")}},
		}}
		w.check(s.PutRepo(w.ctx, store.RepoRecord{Repo: repo}, w.now))
		happenings := map[string]func(){
			"decide": w.decide, "ask": w.ask, "run promotion": w.runPromotion, "run verification": w.runVerification, "prune": w.prune,
			"look at health": w.lookAtHealth,
		}
		names := []string{"decide", "decide", "decide", "ask", "run promotion", "run promotion", "run verification", "prune", "look at health"}
		for range rapid.IntRange(1, 30).Draw(rt, "happenings") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "seconds")) * time.Second)
			happenings[rapid.SampledFrom(names).Draw(rt, "happening")]()
			w.compare()
		}
	})
}

func direct(warehouse string) pipeline.FreightRequest {
	return pipeline.FreightRequest{Origin: warehouse, Direct: true}
}

func (w *twin) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// decide applies a few actions at once, each made in view of those before.
func (w *twin) decide() {
	before := w.model
	var actions []pipeline.Action
	for range rapid.IntRange(1, 3).Draw(w.T, "actions") {
		if a := w.action(); a != nil {
			actions = append(actions, a)
			w.model = pipeline.Apply(w.p, before, actions, w.now)
		}
	}
	_, err := w.Apply(w.ctx, w.repoID, actions, w.now)
	w.check(err)
}

func (w *twin) ask() {
	w.asked++
	in := pipeline.Intent{ID: fmt.Sprint("intent-", w.asked), Stage: "prod", ReceivedAt: w.now}
	w.check(w.PutIntents(w.ctx, w.repoID, []pipeline.Intent{in}, w.now))
	w.model.Intents = append(slices.Clone(w.model.Intents), in)
}

// stageJob claims a Stage, past what other repositories left behind.
func (w *twin) stageJob(stage string) store.Job {
	key := store.StageKey(w.repoID, stage)
	w.check(w.Enqueue(w.ctx, store.WorkStage, key, w.now))
	for {
		j, ok, err := w.Claim(w.ctx, []store.WorkKind{store.WorkStage}, w.now, lease)
		w.check(err)
		if !ok {
			w.Fatalf("%s is not due", key)
		}
		if j.Key == key {
			return j
		}
		w.check(w.Store.Finish(w.ctx, j, time.Time{}))
	}
}

// runPromotion is the engine: it begins the Promotion of a Stage that is next,
// brings it forward, or ends it.
func (w *twin) runPromotion() {
	p, ok := w.model.Active(w.stage())
	if !ok {
		return
	}
	p.Steps = slices.Clone(p.Steps)
	if p.Phase == pipeline.Pending {
		var previous *pipeline.Freight
		if f, ok := w.model.Current(p.Stage.Name, p.Freight.Warehouse); ok {
			previous = &f
		}
		p.Start(w.now, previous)
	}
	j := w.stageJob(p.Stage.Name)
	p.Phase = rapid.SampledFrom([]pipeline.Phase{
		pipeline.Running, pipeline.Succeeded, pipeline.Succeeded, pipeline.Failed, pipeline.Aborted,
	}).Draw(w.T, "phase")
	if i := p.Next(); i >= 0 && p.Phase != pipeline.Aborted {
		p.Begin(i, w.now)
		p.Steps[i].Phase, p.Steps[i].Message = p.Phase, "so far"
		if rapid.Bool().Draw(w.T, "watched") {
			watched(&p)
		}
	}
	if p.Phase.Terminal() {
		p.FinishedAt, p.Message = w.now, "over"
		w.check(w.FinishPromotion(w.ctx, j, p, w.now))
	} else {
		w.check(w.SavePromotion(w.ctx, j, p))
	}
	w.check(w.Store.Finish(w.ctx, j, time.Time{}))
	w.model = pipeline.RecordPromotion(w.p, w.model, p, w.now)
}

// lookAtHealth is the engine too: it asks what the newest success of a Stage
// registered, or what an older one did.
func (w *twin) lookAtHealth() {
	var ended []pipeline.Promotion
	for _, p := range w.model.Promotions {
		if p.Phase == pipeline.Succeeded {
			ended = append(ended, p)
		}
	}
	if len(ended) == 0 {
		return
	}
	p := rapid.SampledFrom(ended).Draw(w.T, "promotion")
	r := pipeline.HealthReading{
		Stage: p.Stage.Name, Promotion: p.ID, Since: w.now, CheckedAt: w.now,
		State: rapid.SampledFrom([]pipeline.HealthState{
			pipeline.HealthHealthy, pipeline.HealthHealthy, pipeline.HealthProgressing, pipeline.HealthUnhealthy,
		}).Draw(w.T, "state"),
	}
	j := w.stageJob(p.Stage.Name)
	w.check(w.SaveHealth(w.ctx, j, r, w.now))
	w.check(w.Store.Finish(w.ctx, j, time.Time{}))
	w.model = pipeline.RecordHealth(w.p, w.model, r, w.now)
}

func (w *twin) runVerification() {
	i := slices.IndexFunc(w.model.Verifications, func(r pipeline.VerificationRun) bool { return !r.Phase.Terminal() })
	if i < 0 {
		return
	}
	r := w.model.Verifications[i]
	j := w.stageJob(r.Stage.Name)
	r.Phase = rapid.SampledFrom([]pipeline.VerificationPhase{
		pipeline.VerificationRunning, pipeline.VerificationSuccessful, pipeline.VerificationFailed, pipeline.VerificationError,
	}).Draw(w.T, "phase")
	r.Message = "so far"
	if r.Phase.Terminal() {
		r.FinishedAt = w.now
		w.check(w.FinishVerification(w.ctx, j, r, w.now))
	} else {
		r.StartedAt = w.now
		w.check(w.SaveVerification(w.ctx, j, r))
	}
	w.check(w.Store.Finish(w.ctx, j, time.Time{}))
	w.model = pipeline.RecordVerification(w.p, w.model, r, w.now)
}

// prune deletes what nobody can see.
func (w *twin) prune() {
	_, err := w.Prune(w.ctx, w.repoID, store.Expired{Before: w.now}, w.now)
	w.check(err)
}

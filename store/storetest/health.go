package storetest

import (
	"encoding/json"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// watched lets a Promotion's step register a health check.
func watched(p *pipeline.Promotion) {
	p.Steps[0].Phase, p.Steps[0].Health = pipeline.Succeeded, &pipeline.HealthCheck{Kind: "sync", Input: json.RawMessage(`{"app":"web"}`)}
}

// promoteWatched brings Freight into a verifying Stage by a Promotion that is watched.
func (f *fixture) promoteWatched(stage string, fr pipeline.Freight, now time.Time) pipeline.Promotion {
	f.Helper()
	j, p := f.start(stage, fr, now, verifying)
	watched(&p)
	f.finish(j, p, pipeline.Succeeded, now)
	return must(f.Promotion(f.ctx, repoID, p.ID))(f)
}

func reading(p pipeline.Promotion, state pipeline.HealthState, seconds int) pipeline.HealthReading {
	return pipeline.HealthReading{
		Stage: p.Stage.Name, Promotion: p.ID, State: state, Issues: []string{"1 of 3"}, Since: at(seconds - 1), CheckedAt: at(seconds),
		WakeAt: at(seconds + 60), WakeOn: []string{"synced", "degraded"},
	}
}

// read claims the Stage and records its health.
func (f *fixture) read(r pipeline.HealthReading) {
	f.Helper()
	f.ok(f.Enqueue(f.ctx, store.WorkStage, store.StageKey(repoID, r.Stage), r.CheckedAt))
	j := f.claim(store.WorkStage, r.CheckedAt)
	f.ok(f.SaveHealth(f.ctx, j, r, r.CheckedAt))
	f.ok(f.Finish(f.ctx, j, zero))
}

var healthTests = map[string]func(*fixture){
	"health comes back as it was, with the Promotion that it is of": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(2))
		r := reading(p, pipeline.HealthProgressing, 3)
		f.read(r)
		gotP, gotR, err := f.StageSuccess(f.ctx, repoID, "prod")
		f.ok(err)
		f.equal("promotion", gotP, &p)
		f.equal("check", gotP.HealthChecks(), []pipeline.HealthCheck{{Kind: "sync", Input: json.RawMessage(`{"app":"web"}`)}})
		f.equal("reading", gotR, &r)
		f.equal("snapshot", f.snapshot().Health, []pipeline.HealthReading{r})
		f.equal("its pipeline", must(f.PipelineSnapshot(f.ctx, repoID, ""))(f).Health, []pipeline.HealthReading{r})
		f.equal("another pipeline", len(must(f.PipelineSnapshot(f.ctx, repoID, "shop"))(f).Health), 0)
		gotP, gotR, err = f.StageSuccess(f.ctx, repoID, "test")
		f.ok(err)
		f.equal("another stage", []bool{gotP == nil, gotR == nil}, []bool{true, true})
	},
	"the newest success is not the newest promotion": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		j, failed := f.start("prod", f.freight(2), at(2))
		f.finish(j, failed, pipeline.Failed, at(3))
		got, _, err := f.StageSuccess(f.ctx, repoID, "prod")
		f.ok(err)
		f.equal("id", got.ID, p.ID)
	},
	"a success that is watched is verified once it is healthy": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		f.read(reading(p, pipeline.HealthProgressing, 2))
		f.equal("before", runIDs(f.snapshot().Verifications), "")
		f.read(reading(p, pipeline.HealthHealthy, 30))
		f.equal("after", runIDs(f.snapshot().Verifications), "prod-v1 ")
		f.claim(store.WorkStage, at(30))
	},
	"health of what was replaced verifies nothing": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		f.promoteWatched("prod", f.freight(2), at(2))
		f.read(reading(p, pipeline.HealthHealthy, 3))
		f.equal("runs", runIDs(f.snapshot().Verifications), "")
	},
	"a verification that ends while health is lost verifies nothing": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		p := f.promoteWatched("prod", fr, at(1))
		f.read(reading(p, pipeline.HealthHealthy, 2))
		j := f.claim(store.WorkStage, at(3))
		f.ok(f.SaveHealth(f.ctx, j, reading(p, pipeline.HealthUnhealthy, 3), at(3)))
		f.conclude(j, must(f.Verification(f.ctx, repoID, "prod-v1"))(f), pipeline.VerificationSuccessful, 4)
		f.equal("verified", f.snapshot().Mark("prod", fr.ID).VerifiedAt.IsZero(), true)
	},
	"a change of health is reconciled, and nothing else is": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		settle := func() {
			j := f.claim(store.WorkReconcile, at(50))
			f.ok(f.Finish(f.ctx, j, zero))
		}
		settle()
		f.read(reading(p, pipeline.HealthUnhealthy, 2))
		settle()
		f.read(reading(p, pipeline.HealthUnhealthy, 20))
		f.nothing(store.WorkReconcile, at(50))
		f.read(reading(p, pipeline.HealthUnknown, 30))
		settle()
	},
	"the events that health waits for wake the stage": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		f.read(reading(p, pipeline.HealthUnhealthy, 2))
		f.equal("woken", must(f.Wake(f.ctx, []string{"degraded", "synced"}, at(4)))(f), 1)
		j := f.claim(store.WorkStage, at(4))
		f.equal("woken again", must(f.Wake(f.ctx, []string{"synced"}, at(5)))(f), 1)
		f.ok(f.Finish(f.ctx, j, zero))
		r := reading(p, pipeline.HealthHealthy, 6)
		r.WakeOn = nil
		f.read(r)
		f.ok(f.Finish(f.ctx, f.claim(store.WorkStage, at(6)), zero)) // the Verification
		f.equal("nobody waits", must(f.Wake(f.ctx, []string{"synced"}, at(7)))(f), 0)
	},
	"only the holder of the stage writes its health": func(f *fixture) {
		f.repo()
		p := f.promoteWatched("prod", f.freight(1), at(1))
		r := reading(p, pipeline.HealthHealthy, 2)
		f.is(f.SaveHealth(f.ctx, store.Job{Kind: store.WorkStage, Key: store.StageKey(repoID, "prod"), Token: 1}, r, at(2)), store.ErrLeaseLost)
		f.ok(f.Enqueue(f.ctx, store.WorkStage, store.StageKey(repoID, "test"), at(2)))
		if err := f.SaveHealth(f.ctx, f.claim(store.WorkStage, at(2)), r, at(2)); err == nil {
			f.Fatal("the holder of another Stage wrote it")
		}
		f.equal("readings", len(f.snapshot().Health), 0)
	},
}

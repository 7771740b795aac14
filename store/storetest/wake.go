package storetest

import (
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// park starts a Promotion of new Freight n and leaves it waiting for events, its
// Stage due again in an hour.
func (f *fixture) park(stage string, n int, events ...string) {
	f.Helper()
	j, p := f.start(stage, f.freight(n), at(n))
	f.wait(j, &p, at(n), events...)
	f.ok(f.Finish(f.ctx, j, at(n).Add(time.Hour)))
}

// wait saves that the first step of a Promotion waits for events.
func (f *fixture) wait(j store.Job, p *pipeline.Promotion, now time.Time, events ...string) {
	f.Helper()
	p.Start(now, nil)
	p.Begin(0, now)
	p.Apply(0, pipeline.StepResult{Phase: pipeline.Running, WakeAt: now.Add(time.Hour), WakeOn: events}, now)
	f.ok(f.SavePromotion(f.ctx, j, *p))
}

var wakeTests = map[string]func(*fixture){
	"an event wakes exactly the stages that wait for it": func(f *fixture) {
		f.repo()
		f.park("test", 1, "pull/acme/gitops/1", "commit/abc")
		f.park("prod", 2, "pull/acme/gitops/2", "commit/abc")
		f.equal("woken", must(f.Wake(f.ctx, []string{"pull/acme/gitops/3"}, at(5)))(f), 0)
		f.nothing(store.WorkStage, at(5))
		f.equal("woken", must(f.Wake(f.ctx, []string{"pull/acme/gitops/2", "pull/acme/gitops/9"}, at(5)))(f), 1)
		f.equal("key", f.claim(store.WorkStage, at(5)).Key, store.StageKey(repoID, "prod"))
		f.equal("woken", must(f.Wake(f.ctx, []string{"commit/abc"}, at(6)))(f), 2)
		f.equal("key", f.claim(store.WorkStage, at(6)).Key, store.StageKey(repoID, "test"))
		f.equal("none", must(f.Wake(f.ctx, nil, at(6)))(f), 0)
	},
	"a step that goes on waits for the new events only": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.wait(j, &p, at(1), "old", "both")
		f.wait(j, &p, at(2), "new", "both")
		f.equal("old", must(f.Wake(f.ctx, []string{"old"}, at(3)))(f), 0)
		f.equal("new", must(f.Wake(f.ctx, []string{"new"}, at(3)))(f), 1)
		f.equal("both", must(f.Wake(f.ctx, []string{"both"}, at(3)))(f), 1)
	},
	"a promotion that ended waits for nothing": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.wait(j, &p, at(1), "event")
		p.Abort(at(2), "enough")
		f.ok(f.FinishPromotion(f.ctx, j, p, at(2)))
		f.equal("woken", must(f.Wake(f.ctx, []string{"event"}, at(3)))(f), 0)
	},
	"an event between the look and the wait is not lost": func(f *fixture) {
		f.repo()
		j, p := f.start("prod", f.freight(1), at(1))
		f.equal("woken", must(f.Wake(f.ctx, []string{"event"}, at(2)))(f), 0)
		f.wait(j, &p, at(3), "event")
		f.ok(f.Finish(f.ctx, j, at(3).Add(time.Hour)))
		j = f.claim(store.WorkStage, at(3))
		// The second pass began after the event, so that saw its effect.
		f.wait(j, &p, at(4), "event")
		f.ok(f.Finish(f.ctx, j, at(4).Add(time.Hour)))
		f.nothing(store.WorkStage, at(5))
	},
	"an event from before the claim does not wake": func(f *fixture) {
		f.repo()
		must(f.Wake(f.ctx, []string{"event"}, at(0)))(f)
		f.park("prod", 1, "event")
		f.nothing(store.WorkStage, at(5))
	},
}

package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

// life is a pipeline in the hands of chance: versions appear, people ask, the
// clock jumps, the file changes, decisions come late or twice, and an engine moves
// Promotions and Verifications, each at any moment and as often as it likes.
type life struct {
	*world
	t *rapid.T
	// asked holds every intent ever stored.
	asked []string
	// late is a decision that nobody has carried out yet.
	late []pipeline.Action
}

func newLife(t *rapid.T) *life {
	all := from("test", "gate")
	all.AvailabilityStrategy = pipeline.All
	match := from("test")
	match.SelectionPolicy = pipeline.MatchUpstream
	mirror := stage("mirror", match)
	mirror.Concurrency = pipeline.ConcurrencyLatest
	w := newWorld(t,
		stage("prod", soaked(from("test"), time.Hour)), checked(stage("edge", all, direct("api"))),
		control("gate", from("test")), mirror, checked(stage("test", direct("web"))),
	)
	w.p.Warehouses = append(w.p.Warehouses, warehouse("api"))
	w.p.Policies = auto("test", "prod", "mirror")
	return &life{world: w, t: t}
}

var lifeStages = []string{"test", "prod", "edge", "mirror"}

func (l *life) decideAndApply(*rapid.T) {
	actions := l.decide()
	if diff := cmp.Diff(actions, l.decide()); diff != "" {
		l.t.Fatalf("the same Snapshot is decided differently: %s", diff)
	}
	l.check(actions)
	l.apply(actions)
	for _, a := range l.decide() {
		if wake, ok := a.(pipeline.Wake); !ok || !wake.At.After(l.now) {
			l.t.Fatalf("decided again with nothing new: %T %+v, after %q", a, a, show(actions, l.s))
		}
	}
}

// put decides and lets others act before the decision is carried out.
func (l *life) put(*rapid.T) { l.late = l.decide() }

// carry carries a late decision out, perhaps not for the first time.
func (l *life) carry(*rapid.T) { l.apply(l.late) }

// check holds every Promotion and Verification that starts against the rules.
func (l *life) check(actions []pipeline.Action) {
	for i, a := range actions {
		before := pipeline.Apply(l.p, l.s, actions[:i], l.now)
		switch a := a.(type) {
		case pipeline.StartVerification:
			if _, ok := before.Active(a.Run.Stage.Name); ok && l.runs(a.Run.Stage.Name) {
				l.t.Fatalf("a Verification in %s while a Promotion runs", a.Run.Stage.Name)
			}
			if _, ok := before.Verifying(a.Run.Stage.Name); ok {
				l.t.Fatalf("a second Verification in %s", a.Run.Stage.Name)
			}
		case pipeline.RetryPromotion:
			i := slices.IndexFunc(before.Promotions, func(p pipeline.Promotion) bool { return p.ID == a.Promotion })
			l.mayStart(before, &before.Promotions[i])
		case pipeline.StartPromotion:
			l.mayStart(before, &a.Promotion)
			last, ok := before.Last(a.Promotion.Stage.Name, a.Promotion.Freight.ID)
			if a.Promotion.Actor != "" {
				continue
			}
			if ok && last.Phase != pipeline.Succeeded && !a.Promotion.Rollback {
				l.t.Fatalf("automation repeats %s, which ended %s", last.ID, last.Phase)
			}
			if _, held := before.Held(a.Promotion.Stage.Name, a.Promotion.Freight.Warehouse); held && !a.Promotion.Rollback {
				l.t.Fatalf("automation promotes to %s in spite of a hold", a.Promotion.Stage.Name)
			}
		}
	}
}

func (l *life) runs(stage string) bool {
	p, ok := l.s.Active(stage)
	return ok && p.Phase == pipeline.Running
}

// mayStart holds one Promotion against what was known before it.
func (l *life) mayStart(before pipeline.Snapshot, p *pipeline.Promotion) {
	st, ok := l.p.Stage(p.Stage.Name)
	if !ok || st.ControlFlow() {
		l.t.Fatalf("a Promotion into %q", p.Stage.Name)
	}
	if v := pipeline.Explain(l.p, before, st, p.Freight, l.now); !v.Available() {
		l.t.Fatalf("%s may not enter %s: %q", p.Freight.Version(), st.Name, v.Unmet())
	}
	if c := l.p.Closure(before.Freeze, st, l.now); c.Closed {
		l.t.Fatalf("%s is closed: %s", st.Name, c.Reason)
	}
	if last, ok := before.Last(st.Name, p.Freight.ID); ok && !last.Phase.Terminal() {
		l.t.Fatalf("%s is on its way to %s already as %s", p.Freight.Version(), st.Name, last.ID)
	}
}

func (l *life) discover(t *rapid.T) {
	l.see(rapid.SampledFrom([]string{"web", "api"}).Draw(t, "warehouse"), fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "version")))
}

func (l *life) tick(t *rapid.T) {
	l.now = l.now.Add(time.Duration(rapid.IntRange(-30, 90).Draw(t, "minutes")) * time.Minute)
}

func (l *life) request(t *rapid.T) { l.submit(l.intent(t)) }

// comment stores several requests that stand or fall together.
func (l *life) comment(t *rapid.T) {
	batch := fmt.Sprintf("comment-%d", len(l.asked))
	for range rapid.IntRange(2, 3).Draw(t, "requests") {
		in := l.intent(t)
		in.Batch = batch
		l.submit(in)
	}
}

func (l *life) submit(in pipeline.Intent) {
	l.asked = append(l.asked, in.ID)
	l.ask(in)
}

func (l *life) intent(t *rapid.T) pipeline.Intent {
	in := pipeline.Intent{
		ID: fmt.Sprintf("intent-%d", len(l.asked)),
		Kind: rapid.SampledFrom([]pipeline.IntentKind{
			pipeline.IntentPromote, pipeline.IntentPromote, pipeline.IntentRollback, pipeline.IntentAbort, pipeline.IntentRetry,
			pipeline.IntentApprove, pipeline.IntentReject, pipeline.IntentVerify, pipeline.IntentStopVerify, pipeline.IntentHold,
			pipeline.IntentResume, pipeline.IntentFreeze, pipeline.IntentThaw, pipeline.IntentAlias, pipeline.IntentCreate,
			pipeline.IntentDelete, "dance",
		}).Draw(t, "kind"),
		Stage:     rapid.SampledFrom([]string{"test", "prod", "edge", "gate", "mirror", "gone", ""}).Draw(t, "stage"),
		Actor:     rapid.SampledFrom([]pipeline.Actor{root, root, ed}).Draw(t, "actor"),
		Reason:    "because",
		Bypass:    rapid.Bool().Draw(t, "bypass"),
		FromStart: rapid.Bool().Draw(t, "fromStart"),
		Alias:     rapid.SampledFrom([]string{"x", "y", "latest"}).Draw(t, "alias"),
	}
	if rapid.Bool().Draw(t, "ends") {
		in.Until = l.now.Add(time.Hour)
	}
	if len(l.s.Freight) > 0 && rapid.Bool().Draw(t, "named") {
		in.Freight = rapid.SampledFrom(l.s.Freight).Draw(t, "freight").ID
	}
	if len(l.s.Promotions) > 0 && rapid.Bool().Draw(t, "by id") {
		in.Promotion = rapid.SampledFrom(l.s.Promotions).Draw(t, "promotion").ID
	}
	if in.Kind == pipeline.IntentCreate {
		f := image(rapid.SampledFrom([]string{"web", "api"}).Draw(t, "warehouse"), fmt.Sprint(rapid.IntRange(3, 6).Draw(t, "version")))
		in.New = &f
	}
	return in
}

func (l *life) match(t *rapid.T) {
	if len(l.s.Freight) > 0 {
		matches := maps.Clone(l.s.Matches)
		matches[rapid.SampledFrom([]string{"edge", "gate"}).Draw(t, "stage")] = rapid.SampledFrom(l.s.Freight).Draw(t, "freight").ID
		l.s.Matches = matches
	}
}

// reshape drops or brings back a Stage or a Verification, or changes policies and
// windows.
func (l *life) reshape(t *rapid.T) {
	switch rapid.IntRange(0, 2).Draw(t, "what") {
	case 0:
		l.p.Policies = auto(rapid.SliceOf(rapid.SampledFrom(lifeStages)).Draw(t, "automatic")...)
		if rapid.Bool().Draw(t, "recovers") {
			for i := range l.p.Policies {
				l.p.Policies[i].AutoRollback = &pipeline.AutoRollback{OnPromotion: []pipeline.Phase{pipeline.Failed}}
			}
		}
	case 1:
		l.p.Windows = nil
		if rapid.Bool().Draw(t, "windows") {
			l.p.Windows = []pipeline.PromotionWindow{{
				Name: "even", Kind: rapid.SampledFrom([]pipeline.WindowKind{pipeline.AllowWindow, pipeline.DenyWindow}).Draw(t, "kind"),
				Selector: pipeline.StageSelector{Name: "prod"}, Cron: "0 */2 * * *", Duration: pipeline.Duration(time.Hour),
			}}
		}
	default:
		stages := newLife(t).p.Stages
		if i := rapid.IntRange(0, 2*len(stages)).Draw(t, "unverified"); i < len(stages) {
			stages[i].Verification = nil
		}
		if i := rapid.IntRange(0, 2*len(stages)).Draw(t, "dropped"); i < len(stages) {
			stages = slices.Delete(stages, i, i+1)
		}
		l.p.Stages = stages
	}
}

// run is the engine: it takes the Running Promotion of a Stage, else the first
// Pending one unless the Stage is closed or a Verification is under way, and
// either aborts it as asked, goes on or ends it.
func (l *life) run(t *rapid.T) {
	name := rapid.SampledFrom(lifeStages).Draw(t, "stage")
	p, ok := l.s.Active(name)
	if !ok {
		return
	}
	p.Steps = slices.Clone(p.Steps)
	phase := rapid.SampledFrom([]pipeline.Phase{pipeline.Running, pipeline.Succeeded, pipeline.Failed, pipeline.Errored, pipeline.Aborted}).Draw(t, "phase")
	if p.AbortRequested != "" && phase != pipeline.Succeeded {
		p.Abort(l.now, p.AbortRequested)
		l.s = pipeline.RecordPromotion(l.p, l.s, p, l.now)
		return
	}
	if p.Phase == pipeline.Pending {
		_, verifying := l.s.Verifying(name)
		if verifying || l.p.Closure(l.s.Freeze, p.Stage, l.now).Closed {
			return
		}
		var previous *pipeline.Freight
		if cur, ok := l.s.Current(name, p.Freight.Warehouse); ok {
			previous = &cur
		}
		p.Start(l.now, previous)
	}
	if p.Phase = phase; phase.Terminal() {
		p.FinishedAt = l.now
	} else {
		p.Steps[0] = pipeline.StepState{Phase: pipeline.Running, Attempts: 1, WakeAt: l.now.Add(time.Minute), Message: "waits"}
	}
	l.s = pipeline.RecordPromotion(l.p, l.s, p, l.now)
}

// measure ends or moves the Verification of a Stage.
func (l *life) measure(t *rapid.T) {
	run, ok := l.s.Verifying(rapid.SampledFrom(lifeStages).Draw(t, "stage"))
	if !ok {
		return
	}
	run.Phase = rapid.SampledFrom([]pipeline.VerificationPhase{
		pipeline.VerificationRunning, pipeline.VerificationSuccessful, pipeline.VerificationSuccessful, pipeline.VerificationFailed,
		pipeline.VerificationError, pipeline.VerificationInconclusive,
	}).Draw(t, "phase")
	if run.AbortRequested != "" {
		run.Phase = pipeline.VerificationAborted
	}
	if run.Phase.Terminal() {
		run.FinishedAt = l.now
	}
	l.s = pipeline.RecordVerification(l.p, l.s, run, l.now)
}

func (l *life) invariants(*rapid.T) {
	running, unfinished, verifying := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range l.s.Promotions {
		p := &l.s.Promotions[i]
		if p.Phase == pipeline.Running {
			if running[p.Stage.Name]++; running[p.Stage.Name] > 1 {
				l.t.Fatalf("two Promotions run in %s", p.Stage.Name)
			}
		}
		if !p.Phase.Terminal() {
			key := p.Stage.Name + " " + p.Freight.ID
			if unfinished[key]++; unfinished[key] > 1 {
				l.t.Fatalf("%s is on its way to %s twice", p.Freight.Version(), p.Stage.Name)
			}
		}
	}
	for i := range l.s.Verifications {
		if r := &l.s.Verifications[i]; !r.Phase.Terminal() {
			if verifying[r.Stage.Name]++; verifying[r.Stage.Name] > 1 {
				l.t.Fatalf("two Verifications run in %s", r.Stage.Name)
			}
		}
	}
	for _, id := range l.asked {
		open := slices.ContainsFunc(l.s.Intents, func(in pipeline.Intent) bool { return in.ID == id })
		if _, answered := l.answers[id]; open == answered {
			l.t.Fatalf("intent %s: open %v, answered %v", id, open, answered)
		}
	}
	l.agree()
	aliases, current := map[string]bool{}, map[string]bool{}
	for _, f := range l.s.Freight {
		if aliases[f.Alias] {
			l.t.Fatalf("two Freight are called %s", f.Alias)
		}
		aliases[f.Alias] = true
	}
	for _, m := range l.s.Marks {
		if f, ok := l.s.FreightByID(m.Freight); ok && !m.CurrentSince.IsZero() {
			if key := m.Stage + " " + f.Warehouse; current[key] {
				l.t.Fatalf("two Freight of %s are current in %s", f.Warehouse, m.Stage)
			} else {
				current[key] = true
			}
		}
	}
}

// agree compares what the index and the Snapshot itself say.
func (l *life) agree() {
	k := l.s.Facts()
	for _, stage := range lifeStages {
		for _, origin := range []string{"web", "api"} {
			one, held := l.s.Held(stage, origin)
			other, also := k.Held(stage, origin)
			if held != also || !cmp.Equal(one, other) {
				l.t.Fatalf("%s in %s is held by %+v according to one and by %+v according to the other", origin, stage, one, other)
			}
		}
		one, verifying := l.s.Verifying(stage)
		other, also := k.Verifying(stage)
		if verifying != also || one.ID != other.ID {
			l.t.Fatalf("%q or %q verifies in %s", one.ID, other.ID, stage)
		}
	}
}

// TestAnyHistory: whatever happens in whatever order, no rule is broken, every
// decision settles at once, and every intent is answered at last.
func TestAnyHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		l.t = t
		t.Repeat(map[string]func(*rapid.T){
			"decide": l.decideAndApply, "put": l.put, "carry": l.carry, "discover": l.discover, "tick": l.tick,
			"request": l.request, "comment": l.comment, "match": l.match, "reshape": l.reshape, "run": l.run, "measure": l.measure,
			"": l.invariants,
		})
		for range 3 { // what waits for an abort needs the engine in between
			l.decideAndApply(t)
			for _, p := range l.s.Promotions {
				if !p.Phase.Terminal() && p.AbortRequested != "" {
					p.Steps = slices.Clone(p.Steps)
					p.Abort(l.now, p.AbortRequested)
					l.s = pipeline.RecordPromotion(l.p, l.s, p, l.now)
				}
			}
		}
		if len(l.s.Intents) > 0 {
			t.Fatalf("never answered: %+v", l.s.Intents)
		}
	})
}

// TestApplyIsTotal: whatever outcomes arrive for whatever step, an end stays an
// end and a step that goes on knows when.
func TestApplyIsTotal(t *testing.T) {
	t.Parallel()
	phases := []pipeline.Phase{
		"", pipeline.Pending, pipeline.Running, pipeline.Succeeded, pipeline.Skipped, pipeline.Aborted, pipeline.Failed, pipeline.Errored, "Odd",
	}
	rapid.Check(t, func(t *rapid.T) {
		specs := make([]pipeline.StepSpec, rapid.IntRange(0, 3).Draw(t, "steps"))
		for i := range specs {
			specs[i] = pipeline.StepSpec{
				Uses: "x", ContinueOnError: rapid.Bool().Draw(t, "continueOnError"),
				Retry: pipeline.Retry{
					ErrorThreshold: rapid.IntRange(-1, 3).Draw(t, "threshold"),
					Timeout:        pipeline.Duration(rapid.IntRange(-1, 3).Draw(t, "timeout")) * pipeline.Duration(time.Minute),
				},
			}
		}
		p, now := running(specs...), t0
		for range rapid.IntRange(0, 20).Draw(t, "passes") {
			now = now.Add(time.Duration(rapid.IntRange(-2, 3).Draw(t, "minutes")) * time.Minute)
			before := slices.Clone(p.Steps)
			i := rapid.IntRange(-1, len(specs)).Draw(t, "step")
			if next := p.Next(); next >= 0 && i == next {
				p.Begin(i, now)
			}
			p.Apply(i, pipeline.StepResult{
				Phase: rapid.SampledFrom(phases).Draw(t, "phase"), Message: rapid.String().Draw(t, "message"),
				Terminal: rapid.Bool().Draw(t, "terminal"), Transient: rapid.Bool().Draw(t, "transient"),
			}, now)
			for j := range p.Steps {
				switch {
				case before[j].Phase.Terminal() && !cmp.Equal(before[j], p.Steps[j]):
					t.Fatalf("step %d left its end: %+v", j, p.Steps[j])
				case p.Steps[j].Phase.Terminal() && !p.Steps[j].WakeAt.IsZero():
					t.Fatalf("ended step %d wakes at %v", j, p.Steps[j].WakeAt)
				case p.Steps[j].Phase == pipeline.Running && p.Steps[j].WakeAt.IsZero():
					t.Fatalf("step %d sleeps for ever", j)
				}
			}
			p.Finish(now)
			if p.Phase.Terminal() != (p.Next() < 0) {
				t.Fatalf("phase %s with next step %d", p.Phase, p.Next())
			}
		}
	})
}

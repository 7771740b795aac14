package pipeline_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

// life is a pipeline in the hands of chance: versions appear, people ask, the
// clock jumps, and an engine moves Promotions, each at any moment and as often
// as it likes.
type life struct {
	*world
	t *rapid.T
	// asked holds every intent ever stored.
	asked []string
}

func newLife(t *rapid.T) *life {
	all := from("test", "gate")
	all.AvailabilityStrategy = pipeline.All
	match := from("test")
	match.SelectionPolicy = pipeline.MatchUpstream
	w := newWorld(t,
		stage("prod", soaked(from("test"), time.Hour)), stage("edge", all, direct("api")),
		control("gate", from("test")), stage("mirror", match), stage("test", direct("web")),
	)
	w.p.Warehouses = append(w.p.Warehouses, warehouse("api"))
	w.p.Policies = auto("test", "prod", "mirror")
	return &life{world: w, t: t}
}

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

// check holds every Promotion that starts against the rules.
func (l *life) check(actions []pipeline.Action) {
	after := l.s
	after.Freight, after.Marks = slices.Clone(l.s.Freight), slices.Clone(l.s.Marks)
	for _, a := range actions {
		switch a := a.(type) {
		case pipeline.CreateFreight:
			after.Freight = append(after.Freight, a.Freight)
		case pipeline.MarkVerified:
			i := slices.IndexFunc(after.Marks, func(m pipeline.Mark) bool { return m.Stage == a.Stage && m.Freight == a.Freight })
			if i < 0 {
				i, after.Marks = len(after.Marks), append(after.Marks, pipeline.Mark{Stage: a.Stage, Freight: a.Freight})
			}
			after.Marks[i].VerifiedAt = l.now
		case pipeline.StartPromotion:
			st, ok := l.p.Stage(a.Promotion.Stage.Name)
			if !ok || st.ControlFlow() {
				l.t.Fatalf("a Promotion into %q", a.Promotion.Stage.Name)
			}
			if v := pipeline.Explain(l.p, after, st, a.Promotion.Freight, l.now); !v.Available() {
				l.t.Fatalf("%s may not enter %s: %q", a.Promotion.Freight.Version(), st.Name, v.Unmet())
			}
			last, ok := l.s.Last(st.Name, a.Promotion.Freight.ID)
			if ok && !last.Phase.Terminal() {
				l.t.Fatalf("%s is on its way to %s already as %s", a.Promotion.Freight.Version(), st.Name, last.ID)
			}
			if a.Intent != "" {
				continue
			}
			if ok && last.Phase != pipeline.Succeeded {
				l.t.Fatalf("automation repeats %s, which ended %s", last.ID, last.Phase)
			}
			if _, held := l.s.Held(st.Name, a.Promotion.Freight.Warehouse); held {
				l.t.Fatalf("automation promotes to %s in spite of a hold", st.Name)
			}
		}
	}
}

func (l *life) discover(t *rapid.T) {
	l.see(rapid.SampledFrom([]string{"web", "api"}).Draw(t, "warehouse"), fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "version")))
}

func (l *life) tick(t *rapid.T) {
	l.now = l.now.Add(time.Duration(rapid.IntRange(-30, 90).Draw(t, "minutes")) * time.Minute)
}

func (l *life) request(t *rapid.T) {
	in := pipeline.Intent{
		ID:    fmt.Sprintf("intent-%d", len(l.asked)),
		Kind:  rapid.SampledFrom([]pipeline.IntentKind{pipeline.IntentPromote, pipeline.IntentAbort, "dance"}).Draw(t, "kind"),
		Stage: rapid.SampledFrom([]string{"test", "prod", "edge", "gate", "mirror", "gone", ""}).Draw(t, "stage"),
		Actor: rapid.SampledFrom([]pipeline.Actor{ana, ed}).Draw(t, "actor"),
	}
	if len(l.s.Freight) > 0 && rapid.Bool().Draw(t, "named") {
		in.Freight = rapid.SampledFrom(l.s.Freight).Draw(t, "freight").ID
	}
	l.asked = append(l.asked, in.ID)
	l.ask(in)
}

func (l *life) approve(t *rapid.T) {
	if len(l.s.Freight) == 0 {
		return
	}
	f := rapid.SampledFrom(l.s.Freight).Draw(t, "freight")
	l.mark(rapid.SampledFrom([]string{"prod", "edge"}).Draw(t, "stage"), f, func(m *pipeline.Mark) { m.ApprovedAt = t0 })
}

func (l *life) match(t *rapid.T) {
	if len(l.s.Freight) > 0 {
		l.s.Matches[rapid.SampledFrom([]string{"edge", "gate"}).Draw(t, "stage")] = rapid.SampledFrom(l.s.Freight).Draw(t, "freight").ID
	}
}

// reshape drops or brings back a Stage, or turns automation on or off.
func (l *life) reshape(t *rapid.T) {
	if rapid.Bool().Draw(t, "policy") {
		l.p.Policies = auto(rapid.SliceOf(rapid.SampledFrom([]string{"test", "prod", "edge", "mirror"})).Draw(t, "automatic")...)
		return
	}
	stages := newLife(t).p.Stages
	i := rapid.IntRange(0, 2*len(stages)).Draw(t, "dropped")
	if i < len(stages) {
		stages = slices.Delete(stages, i, i+1)
	}
	l.p.Stages = stages
}

// run is the engine: it takes the Running Promotion of a Stage, else the first
// Pending one, and either aborts it as asked, goes on or ends it.
func (l *life) run(t *rapid.T) {
	p, ok := l.s.Active(rapid.SampledFrom([]string{"test", "prod", "edge", "mirror"}).Draw(t, "stage"))
	if !ok {
		return
	}
	i := slices.IndexFunc(l.s.Promotions, func(q pipeline.Promotion) bool { return q.ID == p.ID })
	pr := &l.s.Promotions[i]
	if pr.Phase == pipeline.Pending {
		pr.Start(l.now, nil)
	}
	phase := rapid.SampledFrom([]pipeline.Phase{pipeline.Running, pipeline.Succeeded, pipeline.Failed, pipeline.Aborted}).Draw(t, "phase")
	switch {
	case pr.AbortRequested != "" && phase != pipeline.Succeeded:
		pr.Abort(l.now, pr.AbortRequested)
	case phase == pipeline.Succeeded:
		l.succeed(pr)
	default:
		pr.Phase = phase
	}
}

func (l *life) invariants(*rapid.T) {
	running, unfinished := map[string]int{}, map[string]int{}
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
	for _, id := range l.asked {
		open := slices.ContainsFunc(l.s.Intents, func(in pipeline.Intent) bool { return in.ID == id })
		if _, answered := l.answers[id]; open == answered {
			l.t.Fatalf("intent %s: open %v, answered %v", id, open, answered)
		}
	}
	aliases := map[string]bool{}
	for _, f := range l.s.Freight {
		if aliases[f.Alias] {
			l.t.Fatalf("two Freight are called %s", f.Alias)
		}
		aliases[f.Alias] = true
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
			"decide": l.decideAndApply, "discover": l.discover, "tick": l.tick, "request": l.request, "approve": l.approve,
			"match": l.match, "reshape": l.reshape, "run": l.run, "": l.invariants,
		})
		for range 3 { // what waits for an abort needs the engine in between
			l.decideAndApply(t)
			for i := range l.s.Promotions {
				if p := &l.s.Promotions[i]; !p.Phase.Terminal() && p.AbortRequested != "" {
					p.Abort(l.now, p.AbortRequested)
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

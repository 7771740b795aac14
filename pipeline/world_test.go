package pipeline_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ana may promote and abort, ed may look.
var (
	ana = pipeline.Actor{Login: "ana", Role: "write"}
	ed  = pipeline.Actor{Login: "ed", Role: "read"}
)

// world is a pipeline and its state, changed by the actions that are applied to
// it as a store would.
type world struct {
	t   rapid.TB
	p   pipeline.Pipeline
	s   pipeline.Snapshot
	now time.Time
	// answers says what became of intents: a Promotion or a refusal.
	answers map[string]string
}

// warehouse declares an automatic Warehouse.
func warehouse(name string) pipeline.Warehouse {
	return pipeline.Warehouse{Name: name, FreightCreationPolicy: pipeline.CreateAutomatically}
}

// stage declares a Stage with one step.
func stage(name string, reqs ...pipeline.FreightRequest) pipeline.Stage {
	return pipeline.Stage{Name: name, Requests: reqs, Steps: []pipeline.StepSpec{{Uses: "fail", As: "step-1"}}}
}

// control declares a control-flow Stage.
func control(name string, reqs ...pipeline.FreightRequest) pipeline.Stage {
	return pipeline.Stage{Name: name, Requests: reqs}
}

func direct(warehouse string) pipeline.FreightRequest {
	return pipeline.FreightRequest{Origin: warehouse, Direct: true}
}

// from takes web's Freight from upstream Stages.
func from(stages ...string) pipeline.FreightRequest {
	return pipeline.FreightRequest{Origin: "web", Stages: stages}
}

func soaked(r pipeline.FreightRequest, d time.Duration) pipeline.FreightRequest {
	r.RequiredSoakTime = pipeline.Duration(d)
	return r
}

func auto(names ...string) []pipeline.PromotionPolicy {
	var out []pipeline.PromotionPolicy
	for _, n := range names {
		out = append(out, pipeline.PromotionPolicy{Selector: pipeline.StageSelector{Name: n}, AutoPromotionEnabled: true})
	}
	return out
}

func newWorld(t rapid.TB, stages ...pipeline.Stage) *world {
	w := &world{t: t, now: t0, answers: map[string]string{}}
	w.p = pipeline.Pipeline{Name: "web", Warehouses: []pipeline.Warehouse{warehouse("web")}, Stages: stages}
	w.s = pipeline.Snapshot{
		Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, ConfigSHA: "c0ffee",
		Discoveries: map[string]pipeline.Discovery{}, Matches: map[string]string{},
	}
	return w
}

// image is Freight of one image.
func image(warehouse, tag string) pipeline.Freight {
	f := pipeline.Freight{Warehouse: warehouse, Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/" + warehouse, Tag: tag}}}
	f.ID = pipeline.FreightID(f)
	return f
}

// freight puts Freight of web into the world that was found a minute after the
// one before, and returns it.
func (w *world) freight(tag string) pipeline.Freight { return w.freightOf("web", tag) }

func (w *world) freightOf(warehouse, tag string) pipeline.Freight {
	f := image(warehouse, tag)
	f.Alias = "alias-" + tag
	f.DiscoveredAt = t0.Add(time.Duration(len(w.s.Freight)) * time.Minute)
	w.s.Freight = append(w.s.Freight, f)
	return f
}

// see lets a Warehouse discover an image.
func (w *world) see(warehouse, tag string) {
	f := image(warehouse, tag)
	w.s.Discoveries[warehouse] = pipeline.Discovery{
		Warehouse: warehouse, Subscriptions: []pipeline.DiscoveredSubscription{{Kind: pipeline.ImageArtifact, Images: f.Images}},
	}
}

// mark changes the record of Freight in a Stage.
func (w *world) mark(stage string, f pipeline.Freight, change func(*pipeline.Mark)) {
	for i := range w.s.Marks {
		if w.s.Marks[i].Stage == stage && w.s.Marks[i].Freight == f.ID {
			change(&w.s.Marks[i])
			return
		}
	}
	m := pipeline.Mark{Stage: stage, Freight: f.ID}
	change(&m)
	w.s.Marks = append(w.s.Marks, m)
}

func (w *world) verified(stage string, f pipeline.Freight) {
	w.mark(stage, f, func(m *pipeline.Mark) { m.VerifiedAt = w.now })
}

// current makes Freight current and verified, as a Promotion and what follows
// from it would.
func (w *world) current(stage string, f pipeline.Freight) {
	w.occupy(stage, f)
	w.mark(stage, f, func(m *pipeline.Mark) {
		if m.VerifiedAt.IsZero() {
			m.VerifiedAt = w.now
		}
	})
}

func (w *world) occupy(stage string, f pipeline.Freight) {
	for i := range w.s.Marks {
		m := &w.s.Marks[i]
		other, ok := w.s.FreightByID(m.Freight)
		if !ok || m.Stage != stage || other.Warehouse != f.Warehouse || m.CurrentSince.IsZero() || m.Freight == f.ID {
			continue
		}
		if !m.VerifiedAt.IsZero() {
			m.LongestSoak = max(m.LongestSoak, w.now.Sub(m.CurrentSince))
		}
		m.CurrentSince = time.Time{}
	}
	w.mark(stage, f, func(m *pipeline.Mark) {
		if m.CurrentSince.IsZero() {
			m.CurrentSince = w.now
		}
	})
}

// promotion records a Promotion in some phase.
func (w *world) promotion(stage string, f pipeline.Freight, phase pipeline.Phase) *pipeline.Promotion {
	st, _ := w.p.Stage(stage)
	p := pipeline.NewPromotion(pipeline.Promotion{Repo: w.s.Repo, Stage: st, Freight: f, CreatedAt: w.now})
	if st.Name == "" {
		p.Stage.Name = stage
	}
	p.Phase = phase
	return w.store(p)
}

func (w *world) store(p pipeline.Promotion) *pipeline.Promotion {
	for i := range w.s.Promotions {
		if w.s.Promotions[i].Stage.Name == p.Stage.Name {
			p.Seq = max(p.Seq, w.s.Promotions[i].Seq)
		}
	}
	p.Seq++
	p.ID = fmt.Sprintf("%s-%d", p.Stage.Name, p.Seq)
	w.s.Promotions = append(w.s.Promotions, p)
	return &w.s.Promotions[len(w.s.Promotions)-1]
}

// ask stores an intent.
func (w *world) ask(in pipeline.Intent) {
	if in.ID == "" {
		in.ID = fmt.Sprintf("intent-%d", len(w.answers)+len(w.s.Intents)+1)
	}
	if in.Actor.Login == "" {
		in.Actor = ana
	}
	w.s.Intents = append(w.s.Intents, in)
}

func (w *world) decide() []pipeline.Action { return pipeline.Decide(w.p, w.s, w.now) }

// settle decides and applies, checks that nothing is left to do, and returns the
// actions.
func (w *world) settle() []pipeline.Action {
	w.t.Helper()
	actions := w.decide()
	w.apply(actions)
	for _, a := range w.decide() {
		if _, ok := a.(pipeline.Wake); !ok {
			w.t.Fatalf("after applying %+v there is still %T %+v", actions, a, a)
		}
	}
	return actions
}

func (w *world) apply(actions []pipeline.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case pipeline.CreateFreight:
			w.s.Freight = append(w.s.Freight, a.Freight)
		case pipeline.AdoptFreight:
			f, _ := w.s.FreightByID(a.Freight)
			w.occupy(a.Stage, f)
			delete(w.s.Matches, a.Stage)
		case pipeline.MarkVerified:
			f, _ := w.s.FreightByID(a.Freight)
			w.verified(a.Stage, f)
		case pipeline.StartPromotion:
			w.answer(a.Intent, "started "+w.store(a.Promotion).ID)
		case pipeline.AbortPromotion:
			for i := range w.s.Promotions {
				if w.s.Promotions[i].ID == a.Promotion {
					w.s.Promotions[i].AbortRequested = a.Reason
				}
			}
			w.answer(a.Intent, "aborting "+a.Promotion)
		case pipeline.RefuseIntent:
			w.answer(a.Intent, a.Err.Error())
		case pipeline.Wake:
		default:
			w.t.Fatalf("unknown action %T", a)
		}
	}
}

func (w *world) answer(id, what string) {
	i := slices.IndexFunc(w.s.Intents, func(in pipeline.Intent) bool { return in.ID == id })
	if i < 0 {
		return
	}
	w.s.Intents = slices.Delete(slices.Clone(w.s.Intents), i, i+1)
	w.answers[id] = what
}

// succeed ends a Promotion as the engine and the store do.
func (w *world) succeed(p *pipeline.Promotion) {
	p.Phase, p.FinishedAt = pipeline.Succeeded, w.now
	w.occupy(p.Stage.Name, p.Freight)
	w.s.Holds = slices.DeleteFunc(w.s.Holds, func(h pipeline.Hold) bool {
		return p.HoldIntent != pipeline.NoHoldIntent && h.Stage == p.Stage.Name && h.Warehouse == p.Freight.Warehouse
	})
	if p.HoldIntent == pipeline.SetHold {
		w.s.Holds = append(w.s.Holds, pipeline.Hold{
			Stage: p.Stage.Name, Warehouse: p.Freight.Warehouse, Freight: p.Freight.ID, Promotion: p.ID, Actor: p.Actor, CreatedAt: w.now,
		})
	}
}

// show writes actions one per line, without what tests do not look at.
func show(actions []pipeline.Action, s pipeline.Snapshot) []string {
	tag := func(id string) string {
		if f, ok := s.FreightByID(id); ok {
			return f.Version()
		}
		return id
	}
	var out []string
	for _, a := range actions {
		switch a := a.(type) {
		case pipeline.CreateFreight:
			out = append(out, "create "+a.Freight.Version())
		case pipeline.AdoptFreight:
			out = append(out, fmt.Sprintf("adopt %s in %s", tag(a.Freight), a.Stage))
		case pipeline.MarkVerified:
			out = append(out, fmt.Sprintf("verify %s in %s", tag(a.Freight), a.Stage))
		case pipeline.StartPromotion:
			line := fmt.Sprintf("promote %s to %s", a.Promotion.Freight.Version(), a.Promotion.Stage.Name)
			if a.Promotion.HoldIntent != "" {
				line += " and " + string(a.Promotion.HoldIntent)
			}
			out = append(out, line)
		case pipeline.AbortPromotion:
			out = append(out, fmt.Sprintf("abort %s: %s", a.Promotion, a.Reason))
		case pipeline.RefuseIntent:
			out = append(out, "refuse: "+a.Err.Error())
		case pipeline.Wake:
			out = append(out, "wake at +"+a.At.Sub(t0).String())
		}
	}
	return out
}

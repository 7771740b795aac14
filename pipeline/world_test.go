package pipeline_test

import (
	"fmt"
	"slices"
	"strings"
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
	w.p = pipeline.Pipeline{Name: "web", Warehouses: []pipeline.Warehouse{warehouse("web")}, Stages: slices.Clone(stages)}
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

// apply carries actions out and notes what became of the intents.
func (w *world) apply(actions []pipeline.Action) {
	before := w.s
	w.s = pipeline.Apply(w.p, w.s, actions, w.now)
	for _, a := range actions {
		switch a := a.(type) {
		case pipeline.StartPromotion:
			started := w.s.Promotions[len(before.Promotions):]
			i := slices.IndexFunc(started, func(p pipeline.Promotion) bool {
				return p.Stage.Name == a.Promotion.Stage.Name && p.Freight.ID == a.Promotion.Freight.ID
			})
			if i < 0 { // the decision was made from an older Snapshot
				w.answer(a.Intent, "nothing")
				continue
			}
			w.answer(a.Intent, "started "+started[i].ID)
		case pipeline.AbortPromotion:
			w.answer(a.Intent, "aborting "+a.Promotion)
		case pipeline.RefuseIntent:
			w.answer(a.Intent, a.Err.Error())
		case pipeline.Wake, pipeline.MarkVerified, pipeline.RevokeVerified, pipeline.AdoptFreight:
		case pipeline.CreateFreight:
			w.answer(a.Intent, "done")
		case pipeline.DeleteFreight:
			w.answer(a.Intent, "done")
		case pipeline.RenameFreight:
			w.answer(a.Intent, "done")
		case pipeline.ApproveFreight:
			w.answer(a.Intent, "done")
		case pipeline.AnswerPromotion:
			w.answer(a.Intent, "done")
		case pipeline.ApprovePromotion:
			w.answer(a.Intent, "done")
		case pipeline.StartVerification:
			w.answer(a.Intent, "done")
		case pipeline.StopVerification:
			w.answer(a.Intent, "done")
		case pipeline.RecordHold:
			w.answer(a.Intent, "done")
		case pipeline.ReleaseHold:
			w.answer(a.Intent, "done")
		case pipeline.FreezePipeline:
			w.answer(a.Intent, "done")
		case pipeline.ThawPipeline:
			w.answer(a.Intent, "done")
		case pipeline.RetryPromotion:
			w.answer(a.Intent, "retrying "+a.Promotion)
		default:
			w.t.Fatalf("unknown action %T", a)
		}
	}
}

func (w *world) answer(id, what string) {
	if id != "" {
		w.answers[id] = what
	}
}

// succeed ends a Promotion as the engine and the store do.
func (w *world) succeed(p *pipeline.Promotion) {
	done := *p
	done.Phase, done.FinishedAt = pipeline.Succeeded, w.now
	w.s = pipeline.RecordPromotion(w.p, w.s, done, w.now)
}

// fail ends a Promotion without success.
func (w *world) fail(p *pipeline.Promotion, phase pipeline.Phase) {
	done := *p
	done.Phase, done.FinishedAt = phase, w.now
	w.s = pipeline.RecordPromotion(w.p, w.s, done, w.now)
}

// end ends the VerificationRun that is under way in a Stage.
func (w *world) end(stage string, phase pipeline.VerificationPhase) {
	w.t.Helper()
	run, ok := w.s.Verifying(stage)
	if !ok {
		w.t.Fatalf("no verification is under way in %s", stage)
	}
	run.Phase, run.FinishedAt = phase, w.now
	w.s = pipeline.RecordVerification(w.p, w.s, run, w.now)
}

// promoted brings Freight into a Stage from creation to success.
func (w *world) promoted(stage string, f pipeline.Freight) {
	w.t.Helper()
	var previous *pipeline.Freight
	if cur, ok := w.s.Current(stage, f.Warehouse); ok {
		previous = &cur
	}
	p := w.promotion(stage, f, pipeline.Pending)
	p.Start(w.now, previous)
	w.succeed(p)
}

// run records a VerificationRun of what is current in a Stage that has ended.
func (w *world) verification(stage string, phase pipeline.VerificationPhase) *pipeline.VerificationRun {
	st, _ := w.p.Stage(stage)
	run := pipeline.VerificationRun{
		Stage: st, Seq: len(w.s.Verifications) + 1, Collection: w.s.Facts().Collection(stage), Phase: phase, CreatedAt: w.now,
	}
	run.ID = fmt.Sprintf("%s-v%d", stage, run.Seq)
	if phase.Terminal() {
		run.FinishedAt = w.now
	}
	w.s.Verifications = append(w.s.Verifications, run)
	return &w.s.Verifications[len(w.s.Verifications)-1]
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
		case pipeline.RevokeVerified:
			out = append(out, fmt.Sprintf("revoke %s in %s", tag(a.Freight), a.Stage))
		case pipeline.StartPromotion:
			line := fmt.Sprintf("promote %s to %s", a.Promotion.Freight.Version(), a.Promotion.Stage.Name)
			if a.Promotion.Rollback {
				line = "roll back to " + a.Promotion.Freight.Version() + " in " + a.Promotion.Stage.Name
			}
			if a.Promotion.HoldIntent != "" {
				line += " and " + string(a.Promotion.HoldIntent)
			}
			out = append(out, line)
		case pipeline.AbortPromotion:
			line := fmt.Sprintf("abort %s: %s", a.Promotion, a.Reason)
			if a.As != "" {
				line += " as " + string(a.As)
			}
			out = append(out, line)
		case pipeline.RetryPromotion:
			out = append(out, "retry "+a.Promotion)
		case pipeline.StartVerification:
			out = append(out, "run in "+a.Run.Stage.Name+" on "+collection(a.Run))
		case pipeline.StopVerification:
			out = append(out, fmt.Sprintf("stop %s: %s", a.Run, a.Reason))
		case pipeline.RecordHold:
			out = append(out, fmt.Sprintf("hold %s in %s", a.Hold.Warehouse, a.Hold.Stage))
		case pipeline.ReleaseHold:
			out = append(out, fmt.Sprintf("release %s in %s", a.Warehouse, a.Stage))
		case pipeline.FreezePipeline:
			out = append(out, "freeze: "+a.Freeze.Reason)
		case pipeline.ThawPipeline:
			out = append(out, "thaw")
		case pipeline.ApproveFreight:
			out = append(out, fmt.Sprintf("approve %s for %s: %s", tag(a.Freight), a.Stage, a.Reason))
		case pipeline.ApprovePromotion:
			out = append(out, fmt.Sprintf("%s approves %s at %s", a.Approval.Actor.Login, a.Promotion, a.Approval.Head))
		case pipeline.AnswerPromotion:
			out = append(out, fmt.Sprintf("%s answers %s of %s", a.Answer.Actor.Login, a.Answer.Step, a.Promotion))
		case pipeline.RenameFreight:
			out = append(out, fmt.Sprintf("call %s %s", tag(a.Freight), a.Alias))
		case pipeline.DeleteFreight:
			out = append(out, "delete "+tag(a.Freight))
		case pipeline.RefuseIntent:
			out = append(out, "refuse: "+a.Err.Error())
		case pipeline.Wake:
			out = append(out, "wake at +"+a.At.Sub(t0).String())
		}
	}
	return out
}

// collection names what a run verifies, by version.
func collection(run pipeline.VerificationRun) string {
	var versions []string
	for _, f := range run.Collection {
		versions = append(versions, f.Version())
	}
	out := strings.Join(versions, " and ")
	if run.Again {
		out += " again"
	}
	if run.Promotion != "" {
		out += " after " + run.Promotion
	}
	return out
}

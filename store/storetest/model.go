package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
		}
		names := []string{"decide", "decide", "decide", "ask", "run promotion", "run promotion", "run verification", "prune"}
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

// action returns an action that makes sense or not; nil when there is nothing
// that it could be about.
func (w *twin) action() pipeline.Action {
	kind := rapid.SampledFrom([]string{
		"create", "create", "start", "start", "delete", "rename", "adopt", "verified", "approve", "approval", "abort", "retry",
		"verify", "stop", "hold", "release", "freeze", "thaw", "grant", "refuse", "wake",
	}).Draw(w.T, "action")
	intent := w.intent()
	stage, _ := w.p.Stage(w.stage())
	warehouse := rapid.SampledFrom([]string{"web", "api"}).Draw(w.T, "warehouse")
	switch kind {
	case "create":
		w.born++
		f := newFreight(warehouse, rapid.IntRange(1, 4).Draw(w.T, "version"))
		f.Alias, f.DiscoveredAt = fmt.Sprint("alias-", w.born), w.now
		return pipeline.CreateFreight{Freight: f, Intent: intent}
	case "release":
		return pipeline.ReleaseHold{Stage: stage.Name, Warehouse: warehouse, Intent: intent}
	case "freeze":
		return pipeline.FreezePipeline{Freeze: pipeline.Freeze{Reason: "r", Actor: "ada", Since: w.now}, Intent: intent}
	case "thaw":
		return pipeline.ThawPipeline{Intent: intent}
	case "grant":
		return pipeline.GrantIntent{Intent: intent}
	case "refuse":
		return pipeline.RefuseIntent{Intent: intent, Err: &pipeline.UserError{Message: "no"}}
	case "wake":
		return pipeline.Wake{At: w.now}
	case "abort", "retry", "approval":
		return w.aboutPromotion(kind, intent)
	case "stop":
		if len(w.model.Verifications) == 0 {
			return nil
		}
		return pipeline.StopVerification{
			Run:    w.one("run", len(w.model.Verifications), func(i int) string { return w.model.Verifications[i].ID }),
			Reason: rapid.SampledFrom([]string{"enough", "more than enough"}).Draw(w.T, "reason"), Intent: intent,
		}
	}
	if len(w.model.Freight) == 0 {
		return nil
	}
	id := w.one("freight", len(w.model.Freight), func(i int) string { return w.model.Freight[i].ID })
	f, _ := w.model.FreightByID(id)
	return w.aboutFreight(kind, intent, stage, f)
}

func (w *twin) stage() string { return rapid.SampledFrom(w.p.StageNames()).Draw(w.T, "stage") }

// one draws one of several by name.
func (w *twin) one(what string, n int, name func(int) string) string {
	names := make([]string, n)
	for i := range names {
		names[i] = name(i)
	}
	return rapid.SampledFrom(names).Draw(w.T, what)
}

func (w *twin) aboutPromotion(kind, intent string) pipeline.Action {
	if len(w.model.Promotions) == 0 {
		return nil
	}
	id := w.one("promotion", len(w.model.Promotions), func(i int) string { return w.model.Promotions[i].ID })
	switch kind {
	case "abort":
		return pipeline.AbortPromotion{
			Promotion: id, Reason: rapid.SampledFrom([]string{"enough", "more than enough"}).Draw(w.T, "reason"),
			As: rapid.SampledFrom([]pipeline.Phase{"", pipeline.Failed}).Draw(w.T, "as"), Intent: intent,
		}
	case "retry":
		i := slices.IndexFunc(w.model.Promotions, func(p pipeline.Promotion) bool { return p.ID == id })
		if _, ok := w.model.FreightByID(w.model.Promotions[i].Freight.ID); !ok {
			return nil // a store refuses this
		}
		return pipeline.RetryPromotion{Promotion: id, Intent: intent}
	}
	return pipeline.ApprovePromotion{Promotion: id, Intent: intent, Approval: pipeline.Approval{
		Actor: pipeline.Actor{Login: rapid.SampledFrom([]string{"ada", "bob"}).Draw(w.T, "login")},
		Head:  rapid.SampledFrom([]string{"h1", "h2"}).Draw(w.T, "head"), At: w.now,
	}}
}

func (w *twin) aboutFreight(kind, intent string, stage pipeline.Stage, f pipeline.Freight) pipeline.Action {
	switch kind {
	case "delete":
		if w.used(f.ID) {
			return nil
		}
		return pipeline.DeleteFreight{Freight: f.ID, Intent: intent}
	case "rename":
		w.born++
		return pipeline.RenameFreight{Freight: f.ID, Alias: fmt.Sprint("alias-", w.born), Intent: intent}
	case "adopt":
		return pipeline.AdoptFreight{Stage: stage.Name, Freight: f.ID}
	case "verified":
		return pipeline.MarkVerified{Stage: stage.Name, Freight: f.ID}
	case "approve":
		return pipeline.ApproveFreight{Stage: stage.Name, Freight: f.ID, Intent: intent}
	case "verify":
		return pipeline.StartVerification{Intent: intent, Run: pipeline.NewVerificationRun(pipeline.VerificationRun{
			Repo: w.model.Repo, Pipeline: w.p.Name, Stage: stage, Collection: []pipeline.Freight{f}, CreatedAt: w.now,
			Again: rapid.Bool().Draw(w.T, "again"),
		})}
	case "hold":
		h := pipeline.Hold{Stage: stage.Name, Warehouse: f.Warehouse, Actor: "ada", CreatedAt: w.now}
		if rapid.Bool().Draw(w.T, "manual") {
			h.Reason = "because"
		} else {
			h.Freight, h.Promotion = f.ID, stage.Name+"-1"
		}
		return pipeline.RecordHold{Hold: h, Intent: intent}
	}
	return pipeline.StartPromotion{Intent: intent, Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Repo: w.model.Repo, Pipeline: w.p.Name, Stage: stage, Freight: f, Collection: []pipeline.Freight{f}, CreatedAt: w.now,
		HoldIntent: rapid.SampledFrom([]pipeline.HoldIntent{"", pipeline.SetHold, pipeline.ClearHold}).Draw(w.T, "intends"),
		Rollback:   rapid.Bool().Draw(w.T, "rollback"),
	})}
}

// used reports whether a store refuses to delete Freight; [pipeline.Decide] never
// asks for that.
func (w *twin) used(id string) bool {
	in := func(f pipeline.Freight) bool { return f.ID == id }
	return slices.ContainsFunc(w.model.Marks, func(m pipeline.Mark) bool { return m.Freight == id && !m.CurrentSince.IsZero() }) ||
		slices.ContainsFunc(w.model.Promotions, func(p pipeline.Promotion) bool {
			return !p.Phase.Terminal() && (in(p.Freight) || slices.ContainsFunc(p.Collection, in))
		}) ||
		slices.ContainsFunc(w.model.Verifications, func(r pipeline.VerificationRun) bool {
			return !r.Phase.Terminal() && slices.ContainsFunc(r.Collection, in)
		})
}

func (w *twin) ask() {
	w.asked++
	in := pipeline.Intent{ID: fmt.Sprint("intent-", w.asked), Stage: "prod", ReceivedAt: w.now}
	w.check(w.PutIntents(w.ctx, w.repoID, []pipeline.Intent{in}, w.now))
	w.model.Intents = append(slices.Clone(w.model.Intents), in)
}

// intent returns one that was asked, answered or not, or none.
func (w *twin) intent() string {
	if n := rapid.IntRange(0, w.asked).Draw(w.T, "intent"); n > 0 {
		return fmt.Sprint("intent-", n)
	}
	return ""
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

func (w *twin) compare() {
	whole, err := w.Snapshot(w.ctx, w.repoID)
	w.check(err)
	part, err := w.PipelineSnapshot(w.ctx, w.repoID, "")
	w.check(err)
	if diff := gocmp.Diff(whole, part); diff != "" {
		w.Fatalf("a part that is the whole (-whole +part):\n%s", diff)
	}
	want := w.model
	want.Promotions = shown(w.T, want.Promotions, whole.Promotions, func(p pipeline.Promotion) (string, bool) {
		last, ok := w.model.Last(p.Stage.Name, p.Freight.ID)
		return p.ID, !p.Phase.Terminal() || ok && last.ID == p.ID
	})
	want.Verifications = shown(w.T, want.Verifications, whole.Verifications, func(r pipeline.VerificationRun) (string, bool) {
		return r.ID, !r.Phase.Terminal() || !slices.ContainsFunc(w.model.Verifications, func(o pipeline.VerificationRun) bool {
			return o.Stage.Name == r.Stage.Name && o.Phase.Terminal() && o.Seq > r.Seq &&
				pipeline.CollectionKey(o.Collection) == pipeline.CollectionKey(r.Collection)
		})
	})
	if diff := gocmp.Diff(canonical(want), canonical(whole), cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("the store differs from the model (-model +store):\n%s", diff)
	}
}

// shown keeps of what the model has what the store shows, and what it must show.
func shown[T any](t *rapid.T, model, got []T, look func(T) (id string, needed bool)) []T {
	t.Helper()
	var out []T
	for _, v := range model {
		id, needed := look(v)
		if needed || slices.ContainsFunc(got, func(g T) bool { other, _ := look(g); return other == id }) {
			out = append(out, v)
		}
	}
	return out
}

// canonical puts everything in one order, drops marks that say nothing, and leaves
// of Freight that Promotions and runs carry what never changes: stores show its
// present alias.
func canonical(s pipeline.Snapshot) pipeline.Snapshot {
	s.Freight = sorted(s.Freight, func(f pipeline.Freight) string { return f.ID })
	s.Marks = sorted(s.Marks, func(m pipeline.Mark) string { return m.Stage + " " + m.Freight })
	s.Marks = slices.DeleteFunc(s.Marks, func(m pipeline.Mark) bool {
		return m == pipeline.Mark{Stage: m.Stage, Freight: m.Freight}
	})
	s.Holds = sorted(s.Holds, func(h pipeline.Hold) string { return h.Stage + " " + h.Warehouse })
	s.Intents = sorted(s.Intents, func(in pipeline.Intent) string { return in.ID })
	s.Promotions = sorted(s.Promotions, func(p pipeline.Promotion) string { return p.ID })
	for i := range s.Promotions {
		p := &s.Promotions[i]
		p.Freight, p.Collection = bare(p.Freight), bareAll(p.Collection)
		if p.Previous != nil {
			f := bare(*p.Previous)
			p.Previous = &f
		}
	}
	s.Verifications = sorted(s.Verifications, func(r pipeline.VerificationRun) string { return r.ID })
	for i := range s.Verifications {
		s.Verifications[i].Collection = bareAll(s.Verifications[i].Collection)
	}
	return s
}

func sorted[T any](all []T, key func(T) string) []T {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return all
}

func bare(f pipeline.Freight) pipeline.Freight {
	f.Alias, f.DiscoveredAt = "", time.Time{}
	return f
}

func bareAll(all []pipeline.Freight) []pipeline.Freight {
	out := make([]pipeline.Freight, len(all))
	for i := range all {
		out[i] = bare(all[i])
	}
	return out
}

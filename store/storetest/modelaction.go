package storetest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

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
	case "abort", "retry", "approval", "answer":
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
	if kind == "answer" {
		return pipeline.AnswerPromotion{Promotion: id, Intent: intent, Answer: pipeline.Answer{
			Step: "ask", Actor: pipeline.Actor{Login: rapid.SampledFrom([]string{"ada", "bob"}).Draw(w.T, "login")}, At: w.now,
		}}
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

// intent returns one that was asked, answered or not, or none.
func (w *twin) intent() string {
	if n := rapid.IntRange(0, w.asked).Draw(w.T, "intent"); n > 0 {
		return fmt.Sprint("intent-", n)
	}
	return ""
}

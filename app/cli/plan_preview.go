package cli

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// preview runs the steps of Stages and works out what is verified where: a Stage
// whose files hold its Freight already counts as having verified it, and a Stage
// without steps verifies what reaches it.
func (pl *planner) preview(ctx context.Context, stages []pipeline.Stage) error {
	pl.views = map[string]preview{}
	for _, stage := range stages {
		pr, ok := pl.promotion(stage)
		if !ok || stage.ControlFlow() {
			continue
		}
		view, err := pl.local.Preview(ctx, pr)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pl.views[stage.Name] = preview{Preview: view, err: err}
		if err == nil && view.Unchanged() {
			for _, f := range pr.Collection {
				pl.verified(stage, f)
			}
		}
	}
	for pl.route(stages) {
	}
	return nil
}

// promotion is the one that a Stage would make of the chosen Freight.
func (pl *planner) promotion(stage pipeline.Stage) (pipeline.Promotion, bool) {
	pr := pipeline.Promotion{
		ID: stage.Name + "-next", Pipeline: pl.p.Name, Stage: stage, Vars: pl.p.Vars, Reason: "plan", CreatedAt: pl.now,
	}
	if _, takes := stage.Request(pl.asked); pl.asked != "" && !takes {
		return pr, false
	}
	for _, req := range stage.Requests {
		f, ok := pl.freightOf(req.Origin)
		if !ok {
			continue
		}
		if pr.Freight.ID == "" || f.Warehouse == pl.asked {
			pr.Freight = f
		}
		pr.Collection = append(pr.Collection, f)
	}
	return pr, pr.Freight.ID != ""
}

// route passes Freight through Stages without steps and reports whether any
// moved.
func (pl *planner) route(stages []pipeline.Stage) (moved bool) {
	for _, stage := range stages {
		pr, ok := pl.promotion(stage)
		if !ok || !stage.ControlFlow() {
			continue
		}
		for _, f := range pr.Collection {
			if !pl.snap.Mark(stage.Name, f.ID).VerifiedAt.IsZero() {
				continue
			}
			if pipeline.Explain(pl.p, pl.snap, stage, f, pl.now).Available() {
				pl.verified(stage, f)
				moved = true
			}
		}
	}
	return moved
}

func (pl *planner) verified(stage pipeline.Stage, f pipeline.Freight) {
	pl.snap.Marks = append(pl.snap.Marks, pipeline.Mark{
		Stage: stage.Name, Freight: f.ID, CurrentSince: pl.now, VerifiedAt: pl.now,
	})
}

package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// What a Stage would do.
const (
	actionPromote   = "promote"
	actionWait      = "wait"
	actionUnchanged = "unchanged"
	actionFail      = "fail"
	actionPass      = "pass"
	actionNone      = "none"
)

// The JSON of kargo plan.
type (
	planResult struct {
		Freight []freightJSON `json:"freight"`
		// Withheld are the Warehouses that yield no Freight.
		Withheld []withheldJSON `json:"withheld"`
		Stages   []stageJSON    `json:"stages"`
		// Forecast says when Freight reaches Stages that it does not reach at once.
		Forecast []arrivalJSON `json:"forecast"`
	}
	freightJSON struct {
		Warehouse string            `json:"warehouse"`
		ID        string            `json:"id"`
		Alias     string            `json:"alias"`
		Headline  string            `json:"headline"`
		Images    []pipeline.Image  `json:"images,omitempty"`
		Commits   []pipeline.Commit `json:"commits,omitempty"`
		Charts    []pipeline.Chart  `json:"charts,omitempty"`
	}
	withheldJSON struct {
		Warehouse string `json:"warehouse"`
		Reason    string `json:"reason"`
	}
	stageJSON struct {
		Name string `json:"name"`
		// Mode is auto, manual or flow.
		Mode   string `json:"mode"`
		Action string `json:"action"`
		// Reasons say what a Stage waits for, why it fails, or why there is nothing
		// to do.
		Reasons []string `json:"reasons"`
		// MergeNeeds say what the pull request would wait for.
		MergeNeeds []string          `json:"mergeNeeds"`
		Files      []step.FileChange `json:"files"`
		// Diff is the unified diff of all commits.
		Diff string `json:"diff"`
		// verb is the action in the words of the Stage's steps.
		verb string
	}
)

func (pl *planner) result(ctx context.Context, stages []pipeline.Stage) (planResult, error) {
	r := planResult{Freight: []freightJSON{}, Withheld: pl.withheld, Stages: []stageJSON{}}
	if r.Withheld == nil {
		r.Withheld = []withheldJSON{}
	}
	for _, f := range pl.chosen {
		r.Freight = append(r.Freight, freightJSON{
			Warehouse: f.Warehouse, ID: f.ID, Alias: f.Alias, Headline: f.Headline(),
			Images: f.Images, Commits: f.Commits, Charts: f.Charts,
		})
	}
	for _, stage := range stages {
		s, err := pl.stage(ctx, stage)
		if err != nil {
			return planResult{}, err
		}
		r.Stages = append(r.Stages, s)
	}
	r.Forecast = pl.forecast(stages)
	return r, nil
}

// stage says what would happen to one Stage.
func (pl *planner) stage(ctx context.Context, stage pipeline.Stage) (stageJSON, error) {
	out := stageJSON{Name: stage.Name, Mode: pl.mode(stage), Reasons: []string{}, MergeNeeds: []string{}, Files: []step.FileChange{}}
	pr, ok := pl.promotion(stage)
	if !ok {
		out.Action, out.Reasons = actionNone, pl.nothing(stage)
		return out, nil
	}
	waits := pl.waits(stage, pr.Collection)
	view := pl.views[stage.Name]
	switch {
	case stage.ControlFlow():
		out.Action, out.Reasons = actionPass, waits
		if len(waits) > 0 {
			out.Action = actionWait
		}
		return out, nil
	case view.err != nil:
		out.Action, out.Reasons = actionFail, []string{view.err.Error()}
		return out, nil //nolint:nilerr // that it would fail is the result
	case view.Unchanged():
		out.Action = actionUnchanged
		return out, nil
	}
	switch {
	case pl.older:
		waits = append(waits, "/promote "+stage.Name+" "+pr.Freight.Alias)
	case !pl.p.AutoPromotion(stage):
		waits = append(waits, "/promote "+stage.Name)
	}
	out.Action, out.Reasons, out.MergeNeeds = actionPromote, waits, mergeNeeds(stage)
	if len(waits) > 0 {
		out.Action = actionWait
	}
	out.verb = "would run its steps"
	switch {
	case uses(stage, "git-open-pr"):
		out.verb = "would open PR"
	case uses(stage, "git-push"), uses(stage, "github-push"):
		out.verb = "would push"
	}
	var err error
	out.Files, out.Diff, err = view.changes(ctx)
	return out, err
}

func (pl *planner) mode(stage pipeline.Stage) string {
	switch {
	case stage.ControlFlow():
		return "flow"
	case pl.p.AutoPromotion(stage):
		return "auto"
	}
	return "manual"
}

// nothing says why a Stage has no Freight to promote.
func (pl *planner) nothing(stage pipeline.Stage) []string {
	if _, takes := stage.Request(pl.asked); pl.asked != "" && !takes {
		return []string{"takes no Freight from Warehouse " + pl.asked}
	}
	return []string{"no Freight"}
}

// waits are the conditions that Freight does not meet yet. A clone does not tell
// since when a Stage has held its Freight, so none of them says how far it is.
func (pl *planner) waits(stage pipeline.Stage, collection []pipeline.Freight) []string {
	waits := []string{}
	add := func(reason string) {
		if !slices.Contains(waits, reason) {
			waits = append(waits, reason)
		}
	}
	for _, f := range collection {
		if w, ok := pl.p.Warehouse(f.Warehouse); ok && w.FreightCreationPolicy == pipeline.CreateManually {
			add("somebody to create the Freight of Warehouse " + w.Name)
		}
		req, _ := stage.Request(f.Warehouse)
		for _, g := range pipeline.Explain(pl.p, pl.snap, stage, f, pl.now).Gates {
			if g.Pass {
				continue
			}
			var open []string
			for _, child := range g.Children {
				if !child.Pass {
					open = append(open, child.Name)
				}
			}
			switch {
			case len(open) == 0:
				add(g.Name)
			case req.AvailabilityStrategy == pipeline.All:
				for _, name := range open {
					add(name)
				}
			default:
				add(strings.Join(open, " or "))
			}
		}
	}
	return waits
}

func mergeNeeds(stage pipeline.Stage) []string {
	needs := []string{}
	if n := stage.Approvals.Required; n > 0 {
		needs = append(needs, count(n, "approving review"))
	}
	if stage.PullRequest.Merge == pipeline.MergeManual {
		needs = append(needs, "somebody to merge")
	}
	return needs
}

func uses(stage pipeline.Stage, name string) bool {
	return slices.ContainsFunc(stage.Steps, func(s pipeline.StepSpec) bool { return s.Uses == name })
}

// changes describes the commits that a preview would make.
func (v preview) changes(ctx context.Context) ([]step.FileChange, string, error) {
	files := []step.FileChange{}
	var diff strings.Builder
	for _, path := range v.Workspace.Mounts() {
		c, err := v.Workspace.Checkout(path)
		if err != nil {
			return nil, "", err
		}
		for _, made := range c.Pending() {
			d, err := step.Describe(ctx, c.FS, made.ParentTree, made.Tree)
			if err != nil {
				return nil, "", err
			}
			files = append(files, d.Files...)
			diff.WriteString(d.Diff)
		}
	}
	return files, diff.String(), nil
}

package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
)

type planOptions struct {
	file, stage, freight string
}

func planCommand(e *env) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [--stage STAGE] [--freight FREIGHT]",
		Short: "Show what would be promoted where, with the exact diff",
		Long: "Discovers artifacts now and runs the steps of every Stage, or of one, on the files at HEAD of the clone around FILE.\n" +
			"FREIGHT is an alias, an id prefix, or name@version (web@1.9.3) of an artifact that discovery finds; default is the newest.\n" +
			"Nothing is changed, neither here nor anywhere else.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return e.plan(cmd.Context(), o) },
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", defaultFile, "the .kargo.yaml to read")
	cmd.Flags().StringVar(&o.stage, "stage", "", "plan for this Stage only")
	cmd.Flags().StringVar(&o.freight, "freight", "", "plan for this Freight instead of the newest")
	return cmd
}

func (e *env) plan(ctx context.Context, o planOptions) error {
	f, err := e.loadValid(o.file)
	if err != nil {
		return err
	}
	p := f.Pipeline
	if o.stage != "" {
		if _, ok := p.Stage(o.stage); !ok {
			return pipeline.UnknownStage(p, o.stage)
		}
	}
	local, err := app.OpenLocal(filepath.Dir(o.file), e.localOptions())
	if err != nil {
		return err
	}
	pl := &planner{p: p, local: local, now: time.Now().UTC(), out: e.out}
	if err := pl.discover(ctx, o.freight); err != nil {
		return err
	}
	if err := pl.preview(ctx); err != nil {
		return err
	}
	return pl.print(ctx, o.stage)
}

// planner works out what each Stage would do with the chosen Freight.
type planner struct {
	p     pipeline.Pipeline
	local *app.Local
	now   time.Time
	out   io.Writer
	// chosen is the Freight to plan with, by Warehouse.
	chosen map[string]pipeline.Freight
	snap   pipeline.Snapshot
	views  map[string]promotion.Preview
	errs   map[string]error
}

func (pl *planner) discover(ctx context.Context, want string) error {
	pl.chosen = map[string]pipeline.Freight{}
	var all []pipeline.Freight
	for _, w := range pl.p.Warehouses {
		d, err := pl.local.Discover(ctx, w)
		if err != nil {
			return err
		}
		f, ok := d.Freight()
		if !ok {
			fmt.Fprintf(pl.out, "Warehouse %s: no Freight, because a subscription found nothing; kargo discover %s shows why\n", w.Name, w.Name)
			continue
		}
		if satisfied, err := pl.local.Satisfied(w, f); err != nil || !satisfied {
			fmt.Fprintf(pl.out, "Warehouse %s: freightCreationCriteria does not admit the newest artifacts\n", w.Name)
			if err != nil {
				return err
			}
		}
		newest := pl.name(f)
		pl.chosen[w.Name] = newest
		all = append(all, newest)
		for _, other := range variants(d) {
			all = append(all, pl.name(other))
		}
	}
	pl.snap.Freight = all
	if want == "" {
		pl.snap.Freight = slices.Collect(maps.Values(pl.chosen))
		return nil
	}
	f, refusal := pl.snap.ResolveFreight(want)
	if refusal != nil {
		return refusal
	}
	pl.chosen = map[string]pipeline.Freight{f.Warehouse: f}
	pl.snap.Freight = []pipeline.Freight{f}
	return nil
}

func (pl *planner) name(f pipeline.Freight) pipeline.Freight {
	f.Alias = pipeline.Alias(f.ID, func(string) bool { return false })
	f.DiscoveredAt = pl.now
	return f
}

// variants are the Freight that differ from the newest in one artifact.
func variants(d pipeline.Discovery) []pipeline.Freight {
	base, ok := d.Freight()
	if !ok {
		return nil
	}
	var out []pipeline.Freight
	for i, s := range d.Subscriptions {
		n := max(len(s.Images), len(s.Commits), len(s.Charts))
		for j := 1; j < n; j++ {
			alt := pipeline.Discovery{Warehouse: d.Warehouse, Subscriptions: slices.Clone(d.Subscriptions)}
			switch {
			case len(s.Images) > 0:
				s.Images = d.Subscriptions[i].Images[j:]
			case len(s.Commits) > 0:
				s.Commits = d.Subscriptions[i].Commits[j:]
			default:
				s.Charts = d.Subscriptions[i].Charts[j:]
			}
			alt.Subscriptions[i] = s
			if f, ok := alt.Freight(); ok && f.ID != base.ID {
				out = append(out, f)
			}
		}
	}
	return out
}

// preview runs the steps of every Stage. A Stage whose files hold the Freight
// already counts as having it, so that the Stages after it see it verified.
func (pl *planner) preview(ctx context.Context) error {
	pl.views, pl.errs = map[string]promotion.Preview{}, map[string]error{}
	for _, stage := range pl.p.Stages {
		if stage.ControlFlow() {
			continue
		}
		pr := pipeline.Promotion{ID: stage.Name + "-next", Pipeline: pl.p.Name, Stage: stage, Vars: pl.p.Vars, Reason: "plan", CreatedAt: pl.now}
		for _, req := range stage.Requests {
			if f, ok := pl.chosen[req.Origin]; ok {
				if pr.Freight.ID == "" {
					pr.Freight = f
				}
				pr.Collection = append(pr.Collection, f)
			}
		}
		if pr.Freight.ID == "" {
			continue
		}
		view, err := pl.local.Preview(ctx, pr)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pl.views[stage.Name], pl.errs[stage.Name] = view, err
		if err != nil || !view.Unchanged() {
			continue
		}
		for _, f := range pr.Collection {
			pl.snap.Marks = append(pl.snap.Marks, pipeline.Mark{Stage: stage.Name, Freight: f.ID, CurrentSince: pl.now, VerifiedAt: pl.now})
		}
	}
	return nil
}

func (pl *planner) print(ctx context.Context, only string) error {
	for _, w := range pl.p.Warehouses {
		if f, ok := pl.chosen[w.Name]; ok {
			fmt.Fprintf(pl.out, "Freight %s (%s) from Warehouse %s\n", printable(f.Headline()), f.Alias, w.Name)
		}
	}
	var diffs strings.Builder
	table := tabwriter.NewWriter(pl.out, 0, 4, 2, ' ', 0)
	for _, stage := range pl.p.Stages {
		if only != "" && stage.Name != only {
			continue
		}
		what, size, diff, err := pl.stage(ctx, stage)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", stage.Name, pl.mode(stage), what, size)
		if diff != "" {
			fmt.Fprintf(&diffs, "\n# %s\n%s", stage.Name, diff)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(pl.out, "%s\nNothing was changed.\n", diffs.String())
	return err
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

// stage says what would happen to one Stage.
func (pl *planner) stage(ctx context.Context, stage pipeline.Stage) (what, size, diff string, err error) {
	var waits []string
	for _, req := range stage.Requests {
		f, ok := pl.chosen[req.Origin]
		if !ok {
			continue
		}
		if v := pipeline.Explain(pl.p, pl.snap, stage, f, pl.now); !v.Available() {
			waits = append(waits, v.Unmet()...)
		}
	}
	view, planned := pl.views[stage.Name]
	switch {
	case stage.ControlFlow():
		what = "passes Freight on"
	case !planned:
		return "no Freight to promote", "", "", nil
	case pl.errs[stage.Name] != nil:
		return "would fail: " + printable(pl.errs[stage.Name].Error()), "", "", nil
	case view.Unchanged():
		return "holds it already", "", "", nil
	case len(waits) > 0:
		what = "would wait: " + strings.Join(waits, "; ")
	case pl.p.AutoPromotion(stage):
		what = "would be promoted now" + approvals(stage)
	default:
		what = "would wait for /promote " + stage.Name + approvals(stage)
	}
	if !planned {
		return what, "", "", nil
	}
	size, diff, err = changes(ctx, view)
	return what, size, diff, err
}

func approvals(stage pipeline.Stage) string {
	if n := stage.Approvals.Required; n > 0 {
		return fmt.Sprintf(", and %d approving review(s) to merge", n)
	}
	return ""
}

// changes renders the commits that a preview would make.
func changes(ctx context.Context, view promotion.Preview) (size, diff string, err error) {
	files, added, deleted := 0, 0, 0
	var text strings.Builder
	for _, path := range view.Workspace.Mounts() {
		c, err := view.Workspace.Checkout(path)
		if err != nil {
			return "", "", err
		}
		for _, made := range c.Pending() {
			d, err := step.Describe(ctx, c.FS, made.ParentTree, made.Tree)
			if err != nil {
				return "", "", err
			}
			files += len(d.Files)
			for _, f := range d.Files {
				added, deleted = added+f.Added, deleted+f.Deleted
			}
			text.WriteString(printableText(d.Diff))
		}
	}
	return fmt.Sprintf("%d file(s) +%d −%d", files, added, deleted), text.String(), nil
}

// printableText is printable for text of several lines with tabs.
func printableText(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		body, nl := strings.CutSuffix(line, "\n")
		for i, part := range strings.Split(body, "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(printable(part))
		}
		if nl {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

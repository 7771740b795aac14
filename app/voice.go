package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/handlers"
	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// voice speaks to people: check runs about configuration, and answers.
type voice struct {
	db        *sqlite.DB
	publisher *promotion.Publisher
	comments  *handlers.Comments
	files     files
	steps     kargofile.StepChecker
	now       func() time.Time
}

var (
	_ reconcile.Voice       = (*voice)(nil)
	_ handlers.ConfigChecks = (*voice)(nil)
)

// Config implements reconcile.Voice.
func (v *voice) Config(ctx context.Context, r store.RepoRecord, commit string, root reconcile.Checked, included []reconcile.Checked) error {
	return v.publisher.PublishCheck(ctx, r.Repo, configCheck(commit, root, included...))
}

// Answer implements reconcile.Voice. All that was decided on of one comment and one
// pipeline is answered at once: what another pipeline decides, it decides at the
// same time.
func (v *voice) Answer(ctx context.Context, r store.RepoRecord, in store.ResolvedIntent) error {
	open, err := v.db.ResolvedIntents(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("load answers for %s: %w", r.Repo, err)
	}
	var together []store.ResolvedIntent
	var ids []string
	for _, other := range open {
		if other.ID == in.ID || in.Comment != 0 && other.Comment == in.Comment && thread(other) == thread(in) {
			together, ids = append(together, other), append(ids, other.ID)
		}
	}
	if !slices.Contains(ids, in.ID) {
		return nil // told together with another one
	}
	if err := v.comments.Answer(ctx, r, together); err != nil {
		return err
	}
	return v.db.AnswerIntents(ctx, r.ID, ids, v.now())
}

// thread names the pipeline that decided on a request, or the request itself where
// only its Freight would tell.
func thread(in store.ResolvedIntent) string {
	switch name := in.Names(); {
	case name != "":
		return pipeline.Qualifier(name)
	case in.Intent.Freight != "":
		return "intent " + in.ID
	}
	return in.Pipeline
}

// CheckConfig implements handlers.ConfigChecks. What is the same as on the default
// branch is not proposed.
func (v *voice) CheckConfig(ctx context.Context, r store.RepoRecord, head string) error {
	base, err := v.files.Head(ctx, r)
	if err != nil {
		return fmt.Errorf("read present configuration: %w", err)
	}
	present, err := reconcile.Propose(ctx, v.files, v.steps, r, base, reconcile.Proposal{})
	if err != nil {
		return fmt.Errorf("read present configuration: %w", err)
	}
	proposed, err := reconcile.Propose(ctx, v.files, v.steps, r, head, present)
	if err != nil {
		return fmt.Errorf("read proposed configuration: %w", err)
	}
	if proposed.Root.Path == "" {
		return nil
	}
	return v.Config(ctx, r, head, proposed.Root, proposed.Included)
}

// Bounds of a check run's text, which GitHub refuses beyond 65,535 characters, and
// of the lines that it marks.
const (
	maxSummary = 65_000
	maxMarked  = 500
)

// configCheck describes the check run kargo / config of the root's file and those
// that it includes. It fails when one of them cannot be used.
func configCheck(commit string, root reconcile.Checked, included ...reconcile.Checked) report.CheckRun {
	c := report.CheckRun{
		Name: report.ConfigCheck, SHA: commit, ExternalID: "config",
		Status: "completed", Conclusion: "success", Title: "Valid",
	}
	var b strings.Builder
	if root.File != nil {
		b.WriteString(diagram(root.File.Pipeline))
	}
	problems := 0
	for i, file := range append([]reconcile.Checked{root}, included...) {
		switch {
		case file.File == nil:
			c.Conclusion = "failure"
			fmt.Fprintf(&b, "This %s cannot be used. The last valid one stays in force.\n\n", report.Code(file.Path))
		case i > 0:
			p := file.File.Pipeline
			fmt.Fprintf(&b, "%s declares the pipeline **%s** with %d Warehouses and %d Stages.\n\n",
				report.Code(file.Path), report.Text(p.Name), len(p.Warehouses), len(p.Stages))
		}
		for _, p := range file.Problems {
			problems++
			fmt.Fprintf(&b, "- line %d, column %d: %s\n", p.Line, p.Column, report.Text(describe(p)))
			if len(c.Annotations) < maxMarked {
				c.Annotations = append(c.Annotations, annotation(file.Path, p))
			}
		}
		if len(included) > 0 && len(file.Problems) > 0 {
			b.WriteByte('\n')
		}
	}
	if problems > 0 {
		c.Title = fmt.Sprintf("%d problem", problems)
		if problems > 1 {
			c.Title += "s"
		}
	}
	c.Summary = b.String()
	if len(c.Summary) > maxSummary {
		cut := strings.LastIndexByte(c.Summary[:maxSummary], '\n')
		c.Summary = c.Summary[:cut+1] + "\n(cut: too long for GitHub)\n"
	}
	return c
}

func annotation(path string, p kargofile.Problem) report.Annotation {
	level := "failure"
	if p.Severity == kargofile.Warning {
		level = "warning"
	}
	return report.Annotation{
		Path: path, Line: max(1, p.Line), Column: p.Column, EndColumn: p.EndColumn,
		Level: level, Title: "kargo", Message: describe(p),
	}
}

func describe(p kargofile.Problem) string {
	s := p.Message
	if p.Expected != "" {
		s += "; expected " + p.Expected
	}
	if p.Suggestion != "" {
		s += fmt.Sprintf("; did you mean %q?", p.Suggestion)
	}
	return s
}

// diagram draws the pipeline as Mermaid, which GitHub renders; beyond twenty
// nodes a list reads better.
func diagram(p pipeline.Pipeline) string {
	var b strings.Builder
	if len(p.Warehouses)+len(p.Stages) <= 20 {
		b.WriteString("```mermaid\nflowchart LR\n")
		ids := map[string]string{}
		node := func(kind, name string) string {
			key := kind + name
			if _, ok := ids[key]; !ok {
				ids[key] = fmt.Sprintf("%s%d", kind, len(ids))
				// Quoted, because a bare "end" would end the drawing.
				fmt.Fprintf(&b, "  %s[\"%s\"]\n", ids[key], name)
			}
			return ids[key]
		}
		for _, s := range p.Stages {
			to := node("s", s.Name)
			for _, r := range s.Requests {
				if r.Direct {
					fmt.Fprintf(&b, "  %s --> %s\n", node("w", r.Origin), to)
				}
				for _, up := range r.Stages {
					fmt.Fprintf(&b, "  %s --> %s\n", node("s", up), to)
				}
			}
		}
		b.WriteString("```\n\n")
	}
	b.WriteString("| Stage | Takes Freight from | Promotion |\n|---|---|---|\n")
	for _, s := range p.Stages {
		var from []string
		for _, r := range s.Requests {
			if r.Direct {
				from = append(from, "Warehouse "+r.Origin)
			}
			from = append(from, r.Stages...)
		}
		mode := "by `/promote " + s.Name + "`"
		switch {
		case s.ControlFlow():
			mode = "none: control flow"
		case p.AutoPromotion(s):
			mode = "automatic"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", report.Text(s.Name), report.Text(strings.Join(from, ", ")), mode)
	}
	return b.String() + "\n"
}

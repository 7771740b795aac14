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
func (v *voice) Config(ctx context.Context, r store.RepoRecord, commit string, file *kargofile.File, problems kargofile.Problems) error {
	return v.publisher.PublishCheck(ctx, r.Repo, configCheck(commit, file, problems))
}

// Answer implements reconcile.Voice. All that was decided on of one comment is
// answered at once.
func (v *voice) Answer(ctx context.Context, r store.RepoRecord, in store.ResolvedIntent) error {
	open, err := v.db.ResolvedIntents(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("load answers for %s: %w", r.Repo, err)
	}
	var together []store.ResolvedIntent
	var ids []string
	for _, other := range open {
		if other.ID == in.ID || in.Comment != 0 && other.Comment == in.Comment {
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

// CheckConfig implements handlers.ConfigChecks.
func (v *voice) CheckConfig(ctx context.Context, r store.RepoRecord, head string) error {
	data, blob, err := v.files.Config(ctx, r, head)
	if err != nil {
		return fmt.Errorf("read proposed configuration: %w", err)
	}
	if blob == "" {
		return nil
	}
	base, err := v.files.Head(ctx, r)
	if err != nil {
		return fmt.Errorf("read present configuration: %w", err)
	}
	if base != "" {
		_, present, err := v.files.Config(ctx, r, base)
		if err != nil {
			return fmt.Errorf("read present configuration: %w", err)
		}
		if present == blob {
			return nil
		}
	}
	file, problems := kargofile.Parse(data, kargofile.Options{Repo: r.Name, Steps: v.steps})
	return v.Config(ctx, r, head, file, problems)
}

// configCheck describes the check run kargo / config.
func configCheck(commit string, file *kargofile.File, problems kargofile.Problems) report.CheckRun {
	c := report.CheckRun{
		Name: report.ConfigCheck, SHA: commit, ExternalID: "config",
		Status: "completed", Conclusion: "success", Title: "Valid",
	}
	if file == nil {
		c.Conclusion = "failure"
	}
	if n := len(problems); n > 0 {
		c.Title = fmt.Sprintf("%d problem", n)
		if n > 1 {
			c.Title += "s"
		}
	}
	var b strings.Builder
	if file != nil {
		b.WriteString(diagram(file.Pipeline))
	} else {
		b.WriteString("This `.kargo.yaml` cannot be used. The last valid one stays in force.\n\n")
	}
	for _, p := range problems {
		fmt.Fprintf(&b, "- line %d, column %d: %s\n", p.Line, p.Column, report.Text(describe(p)))
		level := "failure"
		if p.Severity == kargofile.Warning {
			level = "warning"
		}
		c.Annotations = append(c.Annotations, report.Annotation{
			Path: configFile, Line: max(1, p.Line), Column: p.Column, EndColumn: p.EndColumn,
			Level: level, Title: "kargo", Message: describe(p),
		})
	}
	c.Summary = b.String()
	return c
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

package ghapp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

// GitHub's limits for check runs.
const (
	maxOutput          = 65_535
	maxAnnotations     = 50 // in one request
	maxAnnotationTitle = 255
	maxAnnotationText  = 64 << 10
	maxCheckTitle      = 255
)

// Checks publishes check runs.
type Checks struct{ app *App }

var _ promotion.Checks = (*Checks)(nil)

// Checks returns the port.
func (a *App) Checks() *Checks { return &Checks{app: a} }

// checkBody is a request to create or to update a check run.
type checkBody struct {
	Name       string       `json:"name,omitempty"`
	HeadSHA    string       `json:"head_sha,omitempty"`
	ExternalID string       `json:"external_id,omitempty"`
	DetailsURL string       `json:"details_url,omitempty"`
	Status     string       `json:"status,omitempty"`
	Conclusion string       `json:"conclusion,omitempty"`
	Output     *checkOutput `json:"output,omitempty"`
}

type checkOutput struct {
	Title       string            `json:"title"`
	Summary     string            `json:"summary"`
	Text        string            `json:"text,omitempty"`
	Annotations []checkAnnotation `json:"annotations,omitempty"`
}

type checkAnnotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title,omitempty"`
}

// checkRun is GitHub's check run, as far as it is looked at.
type checkRun struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	ExternalID string `json:"external_id"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	HTMLURL    string `json:"html_url"`
	DetailsURL string `json:"details_url"`
	App        struct {
		ID int64 `json:"id"`
	} `json:"app"`
	Output struct {
		Title       string `json:"title"`
		Annotations int    `json:"annotations_count"`
	} `json:"output"`
}

type checkRunPage struct {
	Runs []checkRun `json:"check_runs"`
}

// FindCheck implements promotion.Checks.
func (s *Checks) FindCheck(ctx context.Context, repo pipeline.Repo, sha, name, externalID string) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("check run %q: %w", name, err)
	}
	query := url.Values{"check_name": {name}, "filter": {"all"}, "app_id": {strconv.FormatInt(s.app.opts.AppID, 10)}}
	var newest int64
	err = each(ctx, r, r.path("/commits/%s/check-runs", sha), query, func(page checkRunPage) bool {
		for _, run := range page.Runs {
			if run.Name == name && run.ExternalID == externalID && run.App.ID == s.app.opts.AppID {
				newest = max(newest, run.ID)
			}
		}
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("check run %q: %w", name, err)
	}
	if newest == 0 {
		return 0, fmt.Errorf("check run %q: %w", name, step.ErrNotFound)
	}
	return newest, nil
}

// CreateCheck implements promotion.Checks. More annotations than one request
// takes follow in others.
func (s *Checks) CreateCheck(ctx context.Context, repo pipeline.Repo, c report.CheckRun) (int64, error) {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return 0, fmt.Errorf("create check run %q: %w", c.Name, err)
	}
	body := newCheckBody(c)
	notes := annotations(c.Annotations)
	first := notes[:min(len(notes), maxAnnotations)]
	body.Output.Annotations = first
	var made checkRun
	if _, err := r.do(ctx, http.MethodPost, r.path("/check-runs"), body, &made); err != nil {
		return 0, fmt.Errorf("create check run %q: %w", c.Name, err)
	}
	if err := r.annotate(ctx, made.ID, body, notes[len(first):]); err != nil {
		return 0, fmt.Errorf("create check run %q: %w", c.Name, err)
	}
	return made.ID, nil
}

// UpdateCheck implements promotion.Checks. GitHub adds annotations to those that
// are there, so only those that are missing are sent.
func (s *Checks) UpdateCheck(ctx context.Context, repo pipeline.Repo, id int64, c report.CheckRun) error {
	r, err := s.app.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return fmt.Errorf("update check run %q: %w", c.Name, err)
	}
	body := newCheckBody(c)
	body.HeadSHA = ""
	notes := annotations(c.Annotations)
	if len(notes) > 0 {
		var now checkRun
		if _, err := r.do(ctx, http.MethodGet, r.path("/check-runs/%d", id), nil, &now); err != nil {
			return fmt.Errorf("update check run %q: %w", c.Name, err)
		}
		notes = notes[min(len(notes), now.Output.Annotations):]
	}
	first := notes[:min(len(notes), maxAnnotations)]
	body.Output.Annotations = first
	if _, err := r.do(ctx, http.MethodPatch, r.path("/check-runs/%d", id), body, nil); err != nil {
		return fmt.Errorf("update check run %q: %w", c.Name, err)
	}
	if err := r.annotate(ctx, id, body, notes[len(first):]); err != nil {
		return fmt.Errorf("update check run %q: %w", c.Name, err)
	}
	return nil
}

// annotate sends annotations in batches; each repeats the output, which GitHub
// would otherwise refuse.
func (r *rest) annotate(ctx context.Context, id int64, body checkBody, notes []checkAnnotation) error {
	for len(notes) > 0 {
		n := min(len(notes), maxAnnotations)
		output := *body.Output
		output.Annotations = notes[:n]
		if _, err := r.do(ctx, http.MethodPatch, r.path("/check-runs/%d", id), checkBody{Output: &output}, nil); err != nil {
			return fmt.Errorf("annotations: %w", err)
		}
		notes = notes[n:]
	}
	return nil
}

func newCheckBody(c report.CheckRun) checkBody {
	b := checkBody{
		Name: c.Name, HeadSHA: c.SHA, ExternalID: c.ExternalID, Status: c.Status,
		Output: &checkOutput{
			Title:   cut(cmp.Or(c.Title, c.Name), maxCheckTitle),
			Summary: cut(cmp.Or(c.Summary, c.Title, c.Name), maxOutput),
			Text:    cut(c.Text, maxOutput),
		},
	}
	if c.Status == "completed" {
		b.Conclusion = c.Conclusion
	}
	if strings.HasPrefix(c.DetailsURL, "https://") || strings.HasPrefix(c.DetailsURL, "http://") {
		b.DetailsURL = c.DetailsURL
	}
	return b
}

func annotations(in []report.Annotation) []checkAnnotation {
	out := make([]checkAnnotation, 0, len(in))
	for _, a := range in {
		line := max(a.Line, 1)
		n := checkAnnotation{
			Path: a.Path, StartLine: line, EndLine: line, Level: cmp.Or(a.Level, "failure"),
			Message: cut(cmp.Or(a.Message, a.Title, "see the summary"), maxAnnotationText), Title: cut(a.Title, maxAnnotationTitle),
		}
		if a.Column > 0 {
			n.StartColumn, n.EndColumn = a.Column, max(a.EndColumn, a.Column)
		}
		out = append(out, n)
	}
	return out
}

func isNotFound(err error) bool { return errors.Is(err, step.ErrNotFound) }

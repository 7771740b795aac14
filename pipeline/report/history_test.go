package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestSpansAreWhereBothFreightNameTheirSource(t *testing.T) {
	t.Parallel()
	web := report.Span{RepoURL: "https://github.com/acme/web", Base: oldSHA, Head: newSHA}
	config := report.Span{RepoURL: "https://github.com/acme/config", Base: oldSHA, Head: newSHA}
	tests := map[string]struct {
		change func(p *pipeline.Promotion)
		want   []report.Span
	}{
		"commits and images": {func(*pipeline.Promotion) {}, []report.Span{config, web}},
		"nothing was there":  {func(p *pipeline.Promotion) { p.Previous = nil }, nil},
		"the same commit":    {func(p *pipeline.Promotion) { p.Freight.Commits[0].ID = oldSHA }, []report.Span{web}},
		"no revision":        {func(p *pipeline.Promotion) { p.Freight.Images[0].Annotations = nil }, []report.Span{config}},
		"a revision that is no commit id": {func(p *pipeline.Promotion) {
			p.Freight.Images[0].Annotations["org.opencontainers.image.revision"] = "main...evil?x"
		}, []report.Span{config}},
		"a source that is no repository": {func(p *pipeline.Promotion) {
			p.Freight.Images[0].Annotations["org.opencontainers.image.source"] = "https://github.com/acme/web/tree/main"
		}, []report.Span{config}},
		"two images of one source": {func(p *pipeline.Promotion) {
			p.Freight.Images[1].Annotations, p.Previous.Images[1].Annotations = p.Freight.Images[0].Annotations, p.Previous.Images[0].Annotations
		}, []report.Span{config, web}},
	}
	for name, tt := range tests {
		p := promotion()
		tt.change(p)
		if diff := cmp.Diff(tt.want, report.Spans(p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestHistoryNamesPullRequestsWithoutTouchingThem(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"Raise the limit (#12)":                                      "`Raise the limit (#12)`",
		"Merge pull request #13 from acme/fix\n\nFix it\n\nlong":     "`Fix it (#13)`",
		"Merge pull request #14 from acme/fix":                       "`Merge pull request #14 from acme/fix`",
		"Tidy up\n\nCloses #15":                                      "`Tidy up`",
		"@everyone see https://example.com ` <b>\u202e":              "``@everyone see https://example.com ` <b>``",
		"Merge pull request #99999999999999 from acme/fix\n\nFix it": "`Merge pull request #99999999999999 from acme/fix`",
	} {
		p := promotion()
		h := report.History{Span: report.Spans(p)[1], Total: 1, Commits: []report.HistoryCommit{{ID: newSHA, Message: message, Author: "ana"}}}
		if body := report.Body(p, h); !strings.Contains(body, "- `2222222` "+want+" by ana\n") {
			t.Errorf("%q is not told as %s:\n%s", message, want, body)
		}
	}
}

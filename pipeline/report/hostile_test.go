package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// replies are all answers about a pipeline in which somebody else's text is
// whatever is given, in every place that takes some.
func replies(evil string) map[string]string {
	p, s := busy()
	s.Freeze.Reason, s.Freeze.Actor = evil, evil
	for i := range s.Holds {
		s.Holds[i].Reason, s.Holds[i].Actor = evil, evil
	}
	for i := range s.Freight {
		s.Freight[i].Alias, s.Freight[i].Images[0].Tag, s.Freight[i].Images[0].RepoURL = evil, evil, "ghcr.io/"+evil
		s.Freight[i].Commits = []pipeline.Commit{{RepoURL: "https://github.com/" + evil, ID: newSHA, Tag: evil, Message: evil, Author: evil}}
	}
	for i := range s.Verifications {
		s.Verifications[i].Message = evil
		for j := range s.Verifications[i].Metrics {
			s.Verifications[i].Metrics[j].Name, s.Verifications[i].Metrics[j].Message = "x"+evil, evil
		}
		s.Verifications[i].Collection = []pipeline.Freight{s.Freight[i+1]}
	}
	for i := range s.Promotions {
		pr := &s.Promotions[i]
		pr.Message, pr.Actor, pr.Steps[0].Message = evil, evil, evil
		pr.Stage.Approvals.From = []string{"@acme/sre", evil}
		for j := range pr.Approvals {
			pr.Approvals[j].Actor.Login = evil
		}
		for _, f := range s.Freight {
			if f.ID == pr.Freight.ID {
				pr.Freight = f
			}
		}
	}
	d := s.Discoveries["web"]
	d.Withheld = "x" + evil
	d.Subscriptions = append([]pipeline.DiscoveredSubscription(nil), d.Subscriptions...)
	sub := &d.Subscriptions[0]
	sub.RepoURL, sub.Images = "x"+evil, []pipeline.Image{{Tag: "x" + evil}, {Tag: "1"}}
	sub.Rejected = []pipeline.RejectedArtifact{{Ref: "x" + evil, Reason: evil}}
	s.Discoveries["web"] = d
	later := now.Add(time.Hour)
	prod := p.Stages[2]
	tr := trial(p, &pipeline.UserError{Message: evil})
	tr.Promotion.Freight.Alias, tr.Change = evil, report.Change{Obstacle: "x" + evil}
	refused := answers()
	for i := range refused {
		refused[i].Reason, refused[i].Actor.Login = "x"+evil, evil
		if refused[i].Refusal != nil {
			refused[i].Refusal = &pipeline.UserError{Message: evil, Hint: "x" + evil}
		}
	}
	return map[string]string{
		"overview": report.Overview(p, s, nil, later), "stage": report.Stage(p, s, prod, later), "stage that verifies": report.Stage(p, s, p.Stages[0], later),
		"why": report.Why(p, s, prod, "", later), "where": report.Where(p, s, s.Freight[2], later), "freight": report.FreightList(p, s, ""),
		"dry run": report.DryRun(p, s, tr, later), "diff": report.Diff(tr.Promotion, tr.Change), "answers": report.Answer(s, refused),
	}
}

func TestRepliesLetNobodyElseSpeak(t *testing.T) {
	t.Parallel()
	calm := map[string]map[ast.NodeKind]int{}
	for name, text := range replies("calm") {
		_, calm[name] = rendered(t, text)
	}
	for _, evil := range corpus {
		for name, text := range replies(evil) {
			_, got := rendered(t, text)
			for _, kind := range []ast.NodeKind{
				ast.KindRawHTML, ast.KindHTMLBlock, ast.KindAutoLink, ast.KindImage, ast.KindLink, ast.KindHeading, ast.KindBlockquote, ast.KindFencedCodeBlock,
				ast.KindCodeBlock, ast.KindThematicBreak, ast.KindListItem, extast.KindStrikethrough, extast.KindTable, extast.KindTableRow, extast.KindTableCell,
				extast.KindTaskCheckBox, extast.KindFootnoteLink,
			} {
				if got[kind] != calm[name][kind] && (kind != ast.KindLink || got[kind] > calm[name][kind]) {
					t.Errorf("%q: %d %s in %s, want %d:\n%s", evil, got[kind], kind, name, calm[name][kind], text)
				}
			}
			if strings.Contains(text, "<!-- kargo") {
				t.Errorf("%q: a mark of ours in %s:\n%s", evil, name, text)
			}
		}
	}
}

package report_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestGolden(t *testing.T) {
	t.Parallel()
	p, s := state()
	site := report.Site{PublicURL: "https://kargo.example.com/"}
	check := func(pr *pipeline.Promotion) string {
		c, ok := report.Check(pr, site)
		if !ok {
			return "none\n"
		}
		return fmt.Sprintf("%s on %s\n%s %s\n%s\n\n%s\n----\n\n%s\n----\n\n%s", c.Name, c.SHA, c.Status, c.Conclusion, c.Title, c.DetailsURL, c.Summary, c.Text)
	}
	why := func(stage, freight string) string {
		st, _ := p.Stage(stage)
		return report.Why(p, s, st, freight, now.Add(10*time.Minute))
	}
	title, message := report.MergeMessage(promotion(), 7)
	fullP, full := busy()
	stageOf := func(name string) string {
		st, _ := fullP.Stage(name)
		return report.Stage(fullP, full, st, now.Add(time.Hour))
	}
	whyBusy := func(stage, freight string) string {
		st, _ := fullP.Stage(stage)
		return report.Why(fullP, full, st, freight, now.Add(time.Hour))
	}
	for name, got := range map[string]string{
		"body": report.Body(promotion()), "body-first": report.Body(first()), "body-rollback": report.Title(rolledBack()) + "\n\n" + report.Body(rolledBack()),
		"where":           report.Where(fullP, full, full.Freight[2], now.Add(time.Hour)),
		"journey":         report.Journey(fullP, full, full.Freight[2], now.Add(time.Hour)),
		"comment-waiting": report.Comment(promotion(), site), "comment-merged": report.Comment(merged(), report.Site{}), "comment-failed": report.Comment(failed(), site),
		"check-waiting": check(promotion()), "check-merged": check(merged()), "check-failed": check(failed()),
		"status": report.Overview(p, s, nil, now.Add(10*time.Minute)), "status-prod": report.Overview(p, s, []string{"prod"}, now),
		"why-soak": why("prod", ""), "why-held": why("held", ""), "why-failed": why("broken", ""), "why-waiting": why("busy", ""), "why-older": why("test", "aaaaaaaaaa"),
		"why-control-flow": why("gate", ""), "why-nothing": report.Why(p, pipeline.Snapshot{}, p.Stages[0], "", now),
		"refusal-command": report.Refusal(&pipeline.UserError{Message: "web 1.9.3 cannot enter prod yet: verified in test: never promoted there", Hint: "/promote test"}),
		"refusal-hint":    report.Refusal(pipeline.UnknownStage(p, "prd")),
		"body-history":    report.Body(promotion(), history(promotion())...),
		"merge":           title + "\n\n" + message,
		"frozen":          report.Overview(fullP, full, nil, now.Add(time.Hour)),
		"stage-prod":      stageOf("prod"), "stage-test": stageOf("test"), "stage-gate": stageOf("gate"),
		"why-frozen": whyBusy("prod", "cccccccccc"), "why-queued": whyBusy("prod", "bbbbbbbbbb"), "why-manual-hold": whyBusy("test", "cccccccccc"),
		"freight": report.FreightList(fullP, full, ""), "freight-none": report.FreightList(fullP, full, "api"),
		"dry-run":         report.DryRun(fullP, full, trial(fullP, nil), now.Add(time.Hour)),
		"dry-run-refused": report.DryRun(fullP, full, trial(fullP, &pipeline.UserError{Message: "carl may not promote"}), now.Add(time.Hour)),
		"diff":            report.Diff(promotion(), report.Change{Known: true, Effect: report.EffectOf(promotion())}),
		"diff-nothing":    report.Diff(promotion(), report.Change{Known: true}), "diff-obstacle": report.Diff(promotion(), report.Change{Obstacle: "env/prod is no directory"}),
		"answers": report.Answer(withCreated(full), answers()),
	} {
		path := filepath.Join("testdata", name+".md")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestHostile puts outside text into every place that takes some.
func TestHostile(t *testing.T) {
	t.Parallel()
	calm, _ := rendered(t, report.Body(promotion()))
	_, kinds := rendered(t, report.Body(promotion()))
	for _, evil := range corpus {
		p := promotion()
		p.Freight.Images[0].Tag, p.Freight.Images[0].RepoURL, p.Freight.Alias = evil, "ghcr.io/"+evil, evil
		p.Freight.Images[0].Annotations["org.opencontainers.image.source"] = "https://github.com/" + evil
		p.Freight.Commits[0].Message, p.Freight.Commits[0].Author, p.Freight.Commits[0].Tag = evil+" x", evil, evil
		p.Freight.Charts[0].Version = evil
		p.Previous.Alias, p.Previous.Images[0].Tag = evil, evil+evil
		p.Reason, p.Steps[5].Message = evil, evil
		p.Stage.Approvals.From, p.Stage.Requests[0].Stages = []string{evil}, []string{evil, evil}
		p.Steps[2].Output, _ = json.Marshal(report.Effect{Files: []report.FileChange{{Path: evil, Status: evil, Added: 1}}, Diff: "+" + evil + "\n" + evil + "\n"})
		body := report.Body(p)
		_, got := rendered(t, body)
		for _, kind := range []ast.NodeKind{
			ast.KindRawHTML, ast.KindHTMLBlock, ast.KindAutoLink, ast.KindImage, ast.KindHeading, ast.KindBlockquote, ast.KindFencedCodeBlock, ast.KindThematicBreak,
			extast.KindStrikethrough, extast.KindTable, extast.KindTableCell, extast.KindTaskCheckBox, extast.KindFootnoteLink,
		} {
			if got[kind] != kinds[kind] {
				t.Errorf("%q: %d %s in the body, want %d:\n%s", evil, got[kind], kind, kinds[kind], body)
			}
		}
		if got[ast.KindLink] > kinds[ast.KindLink] {
			t.Errorf("%q: %d links in the body, want at most %d", evil, got[ast.KindLink], kinds[ast.KindLink])
		}
		if n := strings.Count(body, "<!-- kargo"); n != 1 || !strings.HasPrefix(body, report.Marker(p)) {
			t.Errorf("%q: %d marks in the body:\n%s", evil, n, body)
		}
		comment := report.Comment(p, report.Site{})
		if n := strings.Count(comment, "<!-- kargo"); n != 1 || !strings.HasPrefix(comment, report.StickyMarker(p)) {
			t.Errorf("%q: %d marks in the comment:\n%s", evil, n, comment)
		}
		for _, text := range []string{report.Title(p), report.Trailers(p)} {
			if strings.Contains(text, "@a") || strings.Contains(text, "#1") {
				t.Errorf("%q: %q mentions somebody", evil, text)
			}
		}
		if strings.Contains(report.Title(p), "\n") || strings.Count(report.Trailers(p), "\n") != 4 {
			t.Errorf("%q adds lines", evil)
		}
	}
	if calm == "" {
		t.Error("nothing was rendered")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	const github = 65_535
	p := promotion()
	var e report.Effect
	for i := range 400 {
		e.Files = append(e.Files, report.FileChange{Path: fmt.Sprintf("env/%d/%s.yaml", i, strings.Repeat("x", 150)), Added: 1})
	}
	set := func(diff string) { e.Diff = diff; p.Steps[2].Output, _ = json.Marshal(e) }
	set(strings.Repeat("+x\n", 1000))
	if body := report.Body(p); !strings.Contains(body, "```diff") || !strings.Contains(body, "and 380 more") || len(body) > github {
		t.Errorf("a diff that fits is gone, or %d are too many", len(body))
	}
	set(strings.Repeat("+x\n", 30_000))
	body := report.Body(p)
	if strings.Contains(body, "```diff") || !strings.Contains(body, "and 380 more") || !strings.Contains(body, "Newest commits") || !strings.Contains(body, "**Undo:**") {
		t.Errorf("the diff goes first and alone:\n%.2000s", body)
	}
	for range 400 {
		p.Freight.Commits = append(p.Freight.Commits, pipeline.Commit{RepoURL: "https://github.com/acme/app", ID: newSHA, Message: strings.Repeat("x", 80), Author: "a"})
	}
	body = report.Body(p)
	if strings.Contains(body, "Newest commits") || !strings.Contains(body, "**Undo:**") || len(body) > github {
		t.Errorf("the commits go next; %d characters", len(body))
	}
	for range 2000 {
		p.Freight.Commits = append(p.Freight.Commits, p.Freight.Commits[1])
	}
	if body = report.Body(p); len(body) > github || !strings.HasPrefix(body, report.Marker(p)) {
		t.Errorf("%d characters", len(body))
	}

	for range 300 {
		p.Stage.Steps = append(p.Stage.Steps, pipeline.StepSpec{Uses: "x", As: "x"})
		p.Steps = append(p.Steps, pipeline.StepState{Phase: pipeline.Failed, Message: strings.Repeat("m ", 300)})
	}
	c, _ := report.Check(p, report.Site{})
	comment := report.Comment(p, report.Site{})
	if len(c.Text) > github || len(c.Summary) > github || len([]rune(c.Title)) > 255 || len(comment) > github || strings.Contains(comment, "m m m") {
		t.Errorf("check %d, comment %d", len(c.Text), len(comment))
	}
	d, _ := report.DeploymentOf(p)
	if n := len([]rune(d.Description)); n > 140 {
		t.Errorf("description of %d characters", n)
	}
}

func TestCompareLinks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(p *pipeline.Promotion)
		want   string
	}{
		"by the revisions that images carry": {func(*pipeline.Promotion) {}, "https://github.com/acme/web/compare/" + oldSHA + "..." + newSHA},
		"by release tags where there are none": {func(p *pipeline.Promotion) {
			delete(p.Freight.Images[0].Annotations, "org.opencontainers.image.revision")
		}, "https://github.com/acme/web/compare/v1.9.2...v1.9.3"},
		"of a server of one's own": {func(p *pipeline.Promotion) {
			p.Steps[3].Output = json.RawMessage(`{"commitURL":"https://git.acme.io/acme/gitops/commit/1"}`)
			p.Freight.Images[0].Annotations["org.opencontainers.image.source"] = "https://git.acme.io/acme/web"
		}, "https://git.acme.io/acme/web/compare/" + oldSHA + "..." + newSHA},
		"not of a host that is not known": {func(p *pipeline.Promotion) {
			p.Freight.Images[0].Annotations["org.opencontainers.image.source"] = "https://evil.example/acme/web"
		}, ""},
		"not of something that is no repository": {func(p *pipeline.Promotion) {
			p.Freight.Images[0].Annotations["org.opencontainers.image.source"] = "https://github.com/acme/web/tree/main"
		}, ""},
		"not without something to compare with": {func(p *pipeline.Promotion) { p.Previous.Images = nil }, ""},
	}
	for name, tt := range tests {
		p := promotion()
		tt.change(p)
		line := ""
		for l := range strings.Lines(report.Body(p)) {
			if strings.Contains(l, "ghcr.io/acme/web") {
				line = l
			}
		}
		if has := strings.Contains(line, "/compare/"); has != (tt.want != "") || !strings.Contains(line, tt.want) {
			t.Errorf("%s: %s", name, line)
		}
	}
}

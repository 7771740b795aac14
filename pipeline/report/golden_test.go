package report_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

const (
	oldSHA  = "1111111111111111111111111111111111111111"
	newSHA  = "2222222222222222222222222222222222222222"
	headSHA = "3333333333333333333333333333333333333333"
)

// promotion waits for an approval.
func promotion() *pipeline.Promotion {
	labels := func(revision string) map[string]string {
		return map[string]string{"org.opencontainers.image.source": "https://github.com/acme/web", "org.opencontainers.image.revision": revision}
	}
	prev := pipeline.Freight{
		ID: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Alias: "calm-owl", Warehouse: "web",
		Images:  []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.2", Annotations: labels(oldSHA)}, {RepoURL: "ghcr.io/acme/sidecar", Tag: "2.0.0"}},
		Commits: []pipeline.Commit{{RepoURL: "https://github.com/acme/config", ID: oldSHA}},
		Charts:  []pipeline.Chart{{RepoURL: "oci://ghcr.io/acme/chart", Version: "4.1.0"}},
	}
	next := pipeline.Freight{
		ID: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", Alias: "bold-otter", Warehouse: "web",
		Images:  []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3", Annotations: labels(newSHA)}, {RepoURL: "ghcr.io/acme/sidecar", Tag: "2.0.0"}},
		Commits: []pipeline.Commit{{RepoURL: "https://github.com/acme/config", ID: newSHA, Message: "Raise the limit (#12)\n\nLong text", Author: "Ana Doe <ana@example.com>"}},
		Charts:  []pipeline.Chart{{RepoURL: "oci://ghcr.io/acme/chart", Version: "4.2.0"}},
	}
	p := pipeline.NewPromotion(pipeline.Promotion{
		ID: "prod-142", Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, Pipeline: "web", ConfigSHA: "c0ffee",
		Stage: pipeline.Stage{
			Name: "prod", Environment: "production",
			Requests: []pipeline.FreightRequest{{
				Origin: "web", Stages: []string{"test", "staging"}, RequiredSoakTime: pipeline.Duration(time.Hour), AvailabilityStrategy: pipeline.All,
			}},
			Approvals: pipeline.Approvals{Required: 2, From: []string{"@acme/sre"}},
			Steps: []pipeline.StepSpec{
				{Uses: "git-clone", As: "clone"},
				{Uses: "kustomize-set-image", As: "step-2"},
				{Uses: "git-commit", As: "git-commit"},
				{Uses: "git-push", As: "push"},
				{Uses: "git-open-pr", As: "open-pr"},
				{Uses: "git-merge-pr", As: "merge-pr"},
			},
		},
		Freight: next, Reason: "asked for by ana", Actor: "ana",
	})
	p.Start(now, &prev)
	out := []string{
		fmt.Sprintf(`{"commits":{"src":"%s"}}`, oldSHA), `{}`,
		`{"commit":"` + headSHA + `","files":[{"path":"env/prod/kustomization.yaml","added":1,"deleted":1,"status":"modified"},{"path":"env/prod/new.yaml","added":3,"deleted":0,"status":"added"}],` +
			`"diff":"--- a/env/prod/kustomization.yaml\n+++ b/env/prod/kustomization.yaml\n@@ -1 +1 @@\n-tag: 1.9.2\n+tag: 1.9.3\n"}`,
		`{"commit":"` + headSHA + `","branch":"kargo/prod/prod-142","commitURL":"https://github.com/acme/gitops/commit/` + headSHA + `","repo":"acme/gitops"}`,
		`{"pr":{"id":7,"url":"https://github.com/acme/gitops/pull/7","head":"` + headSHA + `","repo":"acme/gitops"}}`,
	}
	for i, o := range out {
		p.Begin(i, now)
		p.Apply(i, pipeline.StepResult{Phase: pipeline.Succeeded, Output: json.RawMessage(o)}, now)
	}
	p.Begin(5, now)
	p.Apply(5, pipeline.StepResult{Phase: pipeline.Running, Message: "1 of 2 approvals from @acme/sre", WakeAt: now.Add(time.Minute)}, now)
	return &p
}

func merged() *pipeline.Promotion {
	p := promotion()
	p.Apply(5, pipeline.StepResult{Phase: pipeline.Succeeded, Output: json.RawMessage(`{"commit":"` + newSHA + `","pr":{"id":7,"merged":true,"repo":"acme/gitops"}}`)}, now)
	p.Finish(now)
	return p
}

func failed() *pipeline.Promotion {
	p := promotion()
	p.Apply(5, pipeline.StepResult{Phase: pipeline.Failed, Terminal: true, Message: "required checks failed: ci (https://ci.example.com/1)"}, now)
	p.Finish(now)
	return p
}

func first() *pipeline.Promotion {
	p := promotion()
	p.Previous, p.Actor, p.Reason = nil, "", "auto-promotion: newest Freight available to prod"
	p.Stage.Requests[0] = pipeline.FreightRequest{Origin: "web", Direct: true}
	p.Stage.PullRequest.Merge = pipeline.MergeManual
	return p
}

// history is what two source repositories went through.
func history(p *pipeline.Promotion) []report.History {
	spans := report.Spans(p)
	all := make([]report.History, len(spans))
	for i, s := range spans {
		all[i] = report.History{Span: s, Total: 30}
		for n := range 25 {
			all[i].Commits = append(all[i].Commits, report.HistoryCommit{
				ID: fmt.Sprintf("%040x", 1<<30+n), Author: []string{"ana", "Ben Roe <ben@example.com>"}[n%2],
				Message: []string{"Raise the limit (#12)", "Merge pull request #13 from acme/fix\n\nFix @everyone\n", "tidy up\n\nlong text"}[n%3],
			})
		}
	}
	return all
}

// rolledBack is a rollback into a Stage that verifies.
func rolledBack() *pipeline.Promotion {
	p := promotion()
	p.Rollback, p.HoldIntent, p.Reason = true, pipeline.SetHold, "rolled back by ana: 1.9.4 leaks"
	p.Freight, *p.Previous = *p.Previous, p.Freight
	p.Stage.Verification = &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}, {Name: "errors | 5xx"}}}
	p.Stage.Approvals.Quorum = []pipeline.Quorum{{From: []string{"@acme/security"}, Required: 1}}
	return p
}

// state is a pipeline with something of everything, for answers.
func state() (pipeline.Pipeline, pipeline.Snapshot) {
	p := pipeline.Pipeline{
		Name:       "web",
		Warehouses: []pipeline.Warehouse{{Name: "web"}, {Name: "api"}, {Name: "db"}},
		Policies: []pipeline.PromotionPolicy{
			{Selector: pipeline.StageSelector{Name: "test"}, AutoPromotionEnabled: true}, {Selector: pipeline.StageSelector{Name: "held"}, AutoPromotionEnabled: true},
		},
	}
	steps := []pipeline.StepSpec{{Uses: "git-merge-pr", As: "merge"}}
	p.Stages = []pipeline.Stage{
		{Name: "test", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
		{Name: "gate", Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"test"}}}},
		{Name: "prod", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"test"}, RequiredSoakTime: pipeline.Duration(time.Hour)}}},
		{Name: "held", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
		{Name: "broken", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
		{Name: "busy", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
		{Name: "fresh", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}, {Origin: "api", Direct: true}}},
	}
	older := pipeline.Freight{ID: "aaaaaaaaaa", Alias: "calm-owl", Warehouse: "web", DiscoveredAt: now, Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.2"}}}
	newer := pipeline.Freight{ID: "bbbbbbbbbb", Alias: "bold-otter", Warehouse: "web", DiscoveredAt: now.Add(time.Minute), Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}}}
	at := func(stage string, phase pipeline.Phase, message string) pipeline.Promotion {
		st, _ := p.Stage(stage)
		pr := pipeline.NewPromotion(pipeline.Promotion{ID: stage + "-2", Seq: 2, Stage: st, Freight: newer})
		pr.Start(now, nil)
		pr.Steps[0] = pipeline.StepState{Phase: phase, Message: message, WakeAt: now}
		pr.Phase, pr.Message = phase, message
		return pr
	}
	s := pipeline.Snapshot{
		Freight: []pipeline.Freight{older, newer},
		Marks: []pipeline.Mark{
			{Stage: "test", Freight: newer.ID, VerifiedAt: now, CurrentSince: now},
			{Stage: "test", Freight: older.ID, VerifiedAt: now, LongestSoak: 2 * time.Hour},
			{Stage: "prod", Freight: older.ID, VerifiedAt: now, CurrentSince: now},
			{Stage: "held", Freight: older.ID, CurrentSince: now},
		},
		Holds:      []pipeline.Hold{{Stage: "held", Warehouse: "web", Freight: older.ID, Promotion: "held-1", Actor: "ana"}},
		Promotions: []pipeline.Promotion{at("broken", pipeline.Failed, "no such file"), at("busy", pipeline.Running, "required checks are not done: ci")},
		Discoveries: map[string]pipeline.Discovery{
			"web": {Subscriptions: []pipeline.DiscoveredSubscription{{RepoURL: "ghcr.io/acme/web", Images: []pipeline.Image{{Tag: "1.9.3"}}}}},
			"api": {Subscriptions: []pipeline.DiscoveredSubscription{{RepoURL: "ghcr.io/acme/api", Rejected: []pipeline.RejectedArtifact{{Ref: "nightly", Reason: "no semantic version"}}}}},
			"db":  {Withheld: "freightCreationCriteria is false: 1 > 2"},
		},
	}
	return p, s
}

// busy is a pipeline in which a lot goes on: frozen, held by hand, verifying,
// with a queue and a past.
func busy() (pipeline.Pipeline, pipeline.Snapshot) {
	p := pipeline.Pipeline{
		Name:       "web",
		Warehouses: []pipeline.Warehouse{{Name: "web"}, {Name: "api", FreightCreationPolicy: pipeline.CreateManually}},
		Policies:   []pipeline.PromotionPolicy{{Selector: pipeline.StageSelector{Name: "test"}, AutoPromotionEnabled: true}},
	}
	steps := []pipeline.StepSpec{{Uses: "git-merge-pr", As: "merge"}}
	verify := &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}, {Name: "errors"}, {Name: "latency"}}}
	p.Stages = []pipeline.Stage{
		{Name: "test", Steps: steps, Verification: verify, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}},
		{Name: "gate", Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"test"}}}},
		{
			Name: "prod", Steps: steps, Requests: []pipeline.FreightRequest{{Origin: "web", Stages: []string{"test"}}},
			Approvals: pipeline.Approvals{Required: 2, From: []string{"@acme/sre"}, Quorum: []pipeline.Quorum{{From: []string{"@acme/security"}, Required: 1}}},
		},
	}
	freight := func(id, alias, tag string, after time.Duration) pipeline.Freight {
		return pipeline.Freight{
			ID: strings.Repeat(id, 10), Alias: alias, Warehouse: "web", DiscoveredAt: now.Add(after),
			Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: tag}},
		}
	}
	a, b, c := freight("a", "calm-owl", "1.9.2", 0), freight("b", "bold-otter", "1.9.3", time.Minute), freight("c", "keen-fox", "1.9.4", 2*time.Minute)
	promoted := func(stage string, seq int, f pipeline.Freight, phase pipeline.Phase) pipeline.Promotion {
		st, _ := p.Stage(stage)
		pr := pipeline.NewPromotion(pipeline.Promotion{ID: fmt.Sprintf("%s-%d", stage, seq), Seq: seq, Stage: st, Freight: f, Actor: "ana"})
		pr.Phase = phase
		if phase == pipeline.Succeeded {
			pr.FinishedAt = now.Add(time.Duration(seq) * time.Minute)
		}
		return pr
	}
	waiting := promoted("prod", 3, c, pipeline.Running)
	waiting.Steps[0] = pipeline.StepState{Phase: pipeline.Running, Message: "1 of 2 approvals from acme/sre", WakeAt: now}
	waiting.Approvals = []pipeline.Approval{{Actor: pipeline.Actor{Login: "ben"}, At: now.Add(30 * time.Minute)}}
	back := promoted("prod", 2, a, pipeline.Succeeded)
	back.Rollback = true
	run := pipeline.VerificationRun{
		ID: "test-v2", Seq: 2, Stage: p.Stages[0], Collection: []pipeline.Freight{c}, Phase: pipeline.VerificationRunning,
		Metrics: []pipeline.MetricRun{
			{Name: "smoke", Phase: pipeline.VerificationSuccessful}, {Name: "errors", Phase: pipeline.VerificationRunning, Message: "0.2 | so far"}, {Name: "latency"},
		},
	}
	failed := run
	failed.ID, failed.Seq, failed.Collection, failed.Phase, failed.Message = "test-v1", 1, []pipeline.Freight{b}, pipeline.VerificationFailed, "smoke failed"
	return p, pipeline.Snapshot{
		Freight: []pipeline.Freight{a, b, c},
		Marks: []pipeline.Mark{
			{Stage: "test", Freight: a.ID, VerifiedAt: now, LeftAt: now.Add(time.Minute)},
			{Stage: "test", Freight: c.ID, CurrentSince: now.Add(3 * time.Minute)},
			{Stage: "prod", Freight: a.ID, VerifiedAt: now, CurrentSince: now.Add(2 * time.Minute)},
			{Stage: "prod", Freight: b.ID, ApprovedAt: now},
		},
		Freeze:        &pipeline.Freeze{Reason: "end of *year*", Actor: "zoe", Since: now, Until: now.Add(48 * time.Hour)},
		Holds:         []pipeline.Hold{{Stage: "test", Warehouse: "web", Actor: "ana", Reason: "load test", CreatedAt: now}},
		Verifications: []pipeline.VerificationRun{failed, run},
		Promotions: []pipeline.Promotion{
			promoted("test", 1, a, pipeline.Succeeded), promoted("test", 2, c, pipeline.Succeeded),
			promoted("prod", 1, b, pipeline.Succeeded), back, waiting, promoted("prod", 4, b, pipeline.Pending),
		},
		Discoveries: map[string]pipeline.Discovery{"web": {Warehouse: "web", Withheld: "freightCreationCriteria is false", Subscriptions: []pipeline.DiscoveredSubscription{{
			Kind: pipeline.ImageArtifact, RepoURL: "ghcr.io/acme/web", Images: []pipeline.Image{{Tag: "1.9.4"}, {Tag: "1.9.3"}, {Tag: "1.9.2"}},
			Rejected: []pipeline.RejectedArtifact{{Ref: "nightly", Reason: "no semantic version"}},
		}}}},
	}
}

// trial promotes what prod left behind.
func trial(p pipeline.Pipeline, refusal *pipeline.UserError) report.Trial {
	stage, _ := p.Stage("prod")
	pr := promotion()
	pr.Stage.Requests, pr.Stage.Approvals, pr.Freight.ID, pr.HoldIntent = stage.Requests, stage.Approvals, strings.Repeat("a", 10), pipeline.SetHold
	return report.Trial{Promotion: pr, Refusal: refusal, Change: report.Change{Known: true, Effect: report.EffectOf(pr)}}
}

// made is Freight that somebody put together.
var made = pipeline.Freight{Warehouse: "web", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "9"}}}

func withCreated(s pipeline.Snapshot) pipeline.Snapshot {
	f := made
	f.ID, f.Alias = pipeline.FreightID(made), "new-newt"
	s.Freight = append(slices.Clone(s.Freight), f)
	return s
}

// answers holds one of everything that is said about requests.
func answers() []report.Answered {
	return []report.Answered{
		{Intent: pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "test"}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "prod", Batch: "1:1"}, Refusal: &pipeline.UserError{Message: "it is *closed*", Hint: "/kargo why prod"}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentFreeze, Reason: "@everyone", Until: now}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentHold, Stage: "prod", Reason: "audit"}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentApprove, Stage: "prod", Bypass: true, Freight: oldSHA, Reason: "hotfix", Actor: pipeline.Actor{Login: "zoe"}}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentRollback, Stage: "prod", Promotion: "prod-5"}},
		{Intent: pipeline.Intent{Kind: pipeline.IntentCreate, New: &made, Freight: pipeline.FreightID(made)}},
	}
}

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

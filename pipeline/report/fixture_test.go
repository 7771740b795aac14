package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

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

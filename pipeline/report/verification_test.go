package report_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

func verificationRun(change func(*pipeline.VerificationRun)) *pipeline.VerificationRun {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := pipeline.NewVerificationRun(pipeline.VerificationRun{
		ID: "prod-v3", Seq: 3, Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}, Pipeline: "web",
		Stage: pipeline.Stage{Name: "prod", Verification: &pipeline.Verification{Metrics: []pipeline.Metric{
			{Name: "smoke"}, {Name: "error-rate", DryRun: true},
		}}},
		Collection: []pipeline.Freight{{ID: "f1", Alias: "bold-otter", Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.3"}}}},
		Promotion:  "prod-142", Commit: "0123456789012345678901234567890123456789", CommitRepo: "ACME/gitops", Reason: "prod-142 succeeded",
	})
	run.Phase, run.StartedAt = pipeline.VerificationRunning, start
	run.Metrics[0] = pipeline.MetricRun{
		Name: "smoke", Phase: pipeline.VerificationSuccessful, StartedAt: start, FinishedAt: start.Add(90 * time.Second), Successful: 1,
		Measurements: []pipeline.Measurement{{Phase: pipeline.VerificationSuccessful, Value: "success", URL: "https://ci.example.com/1"}},
	}
	if change != nil {
		change(&run)
	}
	return &run
}

func TestVerificationConclusion(t *testing.T) {
	t.Parallel()
	for phase, want := range map[pipeline.VerificationPhase]string{
		pipeline.VerificationPending:      "queued/",
		pipeline.VerificationRunning:      "in_progress/",
		pipeline.VerificationSuccessful:   "completed/success",
		pipeline.VerificationFailed:       "completed/failure",
		pipeline.VerificationError:        "completed/failure",
		pipeline.VerificationAborted:      "completed/cancelled",
		pipeline.VerificationInconclusive: "completed/neutral",
	} {
		t.Run(string(phase), func(t *testing.T) {
			t.Parallel()
			run := verificationRun(func(r *pipeline.VerificationRun) { r.Phase, r.Message = phase, "smoke failed" })
			c, ok := report.Verification(run, report.Site{PublicURL: "https://kargo.example.com/"})
			if !ok || c.Status+"/"+c.Conclusion != want {
				t.Errorf("%v %s/%s, want %s", ok, c.Status, c.Conclusion, want)
			}
			if c.Name != "kargo / verify" || c.SHA != run.Commit || c.ExternalID != "prod-v3" {
				t.Errorf("check run %+v", c)
			}
			if c.DetailsURL != "https://kargo.example.com/acme/gitops/promotions/prod-142" {
				t.Errorf("details at %s", c.DetailsURL)
			}
			if again := strings.Contains(c.Summary, "/kargo verify prod"); again != (phase.Terminal() && phase != pipeline.VerificationSuccessful) {
				t.Errorf("summary %q", c.Summary)
			}
		})
	}
}

func TestVerificationText(t *testing.T) {
	t.Parallel()
	c, _ := report.Verification(verificationRun(nil), report.Site{})
	if c.Title != "Verifying web 1.9.3 in prod" || c.DetailsURL != "https://ci.example.com/1" {
		t.Errorf("title %q, details %q", c.Title, c.DetailsURL)
	}
	for _, want := range []string{
		"| `smoke` | ✓ Successful | 1 successful | took 1m30s | `success` [details](https://ci.example.com/1) |",
		"| `error-rate` (dry run) | ○ Pending | – | – |  |",
	} {
		if !strings.Contains(c.Text, want) {
			t.Errorf("text %q lacks %q", c.Text, want)
		}
	}
	if want := "Since 2026-01-02 03:04:05 UTC."; !strings.Contains(c.Summary, want) {
		t.Errorf("summary %q lacks %q", c.Summary, want)
	}
}

func TestVerificationShowsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pipeline.VerificationRun){
		"without a commit":                  func(r *pipeline.VerificationRun) { r.Commit = "" },
		"on a commit of other repositories": func(r *pipeline.VerificationRun) { r.CommitRepo = "acme/other" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, ok := report.Verification(verificationRun(change), report.Site{}); ok {
				t.Errorf("shows %+v", c)
			}
		})
	}
}

func TestVerificationKeepsWithinLimits(t *testing.T) {
	t.Parallel()
	run := verificationRun(func(r *pipeline.VerificationRun) {
		long := strings.Repeat("@everyone <b>`|x` ", 400)
		r.Message, r.Reason, r.Phase = long, long, pipeline.VerificationFailed
		for range 400 {
			r.Metrics = append(r.Metrics, pipeline.MetricRun{
				Name: long, Phase: pipeline.VerificationFailed, Message: long,
				Measurements: []pipeline.Measurement{{Value: long, Message: long, URL: "javascript:alert(1)"}},
			})
		}
	})
	c, _ := report.Verification(run, report.Site{})
	if n := utf8.RuneCountInString(c.Title); n > 255 {
		t.Errorf("title of %d characters", n)
	}
	if len(c.Text) > 65_535 || len(c.Summary) > 65_535 {
		t.Errorf("summary of %d, text of %d bytes", len(c.Summary), len(c.Text))
	}
	if strings.Contains(c.Text, "javascript") || strings.Contains(c.Summary+c.Text, "<b>") {
		t.Error("outside text got through")
	}
}

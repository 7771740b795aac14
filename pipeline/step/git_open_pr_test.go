package step_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestGitOpenPR(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.p.Stage.PullRequest = pipeline.PullRequestPolicy{
		Labels: []string{"promotion"}, Reviewers: []string{"ana"}, TeamReviewers: []string{"sre"}, Draft: true,
	}
	b.p.Stage.Steps[openStep].Config["labels"] = []any{"prod", "promotion"}
	b.p.Stage.Steps[openStep].Config["reviewers"] = []any{"bob"}
	b.upTo(openStep + 1)
	tip := b.world.Tip(repoURL, "kargo/prod/prod-142")

	want := pipeline.PullRef{Number: 1, URL: "https://github.com/acme/gitops/pull/1", Head: tip, Repo: "acme/gitops"}
	if diff := cmp.Diff(want, b.p.Pull()); diff != "" {
		t.Errorf("the Promotion's pull request (-want +got):\n%s", diff)
	}
	asked := step.NewPullRequest{
		Head: "kargo/prod/prod-142", Base: "main", Title: report.Title(b.p), Body: report.Body(b.p), Draft: true,
		Labels: []string{"prod", "promotion"}, Reviewers: []string{"bob"}, TeamReviewers: []string{"sre"},
	}
	got := b.world.Pulls.Asked(1)
	if diff := cmp.Diff(asked, got); diff != "" {
		t.Errorf("opened with (-want +got):\n%s", diff)
	}
}

func TestGitOpenPRKeepsToLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.p.Stage.Steps[openStep].Config["title"] = "é\n" + strings.Repeat("x", 300)
	b.p.Stage.Steps[openStep].Config["description"] = strings.Repeat("é", 70_000)
	b.upTo(openStep + 1)
	got := b.world.Pulls.Asked(1)
	if n := utf8.RuneCountInString(got.Title); n != 256 || strings.Contains(got.Title, "\n") {
		t.Errorf("title of %d characters: %q", n, got.Title)
	}
	if n := utf8.RuneCountInString(got.Body); n != 65_536 || !strings.HasSuffix(got.Body, "…\n\n"+report.Marker(b.p)) {
		t.Errorf("body of %d characters ends in %q", n, got.Body[len(got.Body)-80:])
	}
}

func TestGitOpenPRAdoptsItsOwn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		meanwhile func(b *bench)
		phase     pipeline.Phase
		message   string
		pulls     int
	}{
		{name: "an open one", meanwhile: func(*bench) {}, phase: pipeline.Succeeded, pulls: 1},
		{
			name: "a merged one",
			meanwhile: func(b *bench) {
				if _, err := b.world.Pulls.Merge(b.t.Context(), repoURL, 1, step.MergeRequest{}); err != nil {
					b.t.Fatal(err)
				}
			},
			phase: pipeline.Succeeded, pulls: 1,
		},
		{
			name: "one that was closed ends the Promotion",
			meanwhile: func(b *bench) {
				if err := b.world.Pulls.Close(b.t.Context(), repoURL, 1, "no"); err != nil {
					b.t.Fatal(err)
				}
			},
			phase: pipeline.Aborted, message: "#1 was closed by hand", pulls: 1,
		},
		{
			name: "one that somebody pushed to and merged",
			meanwhile: func(b *bench) {
				b.world.Write(repoURL, "kargo/prod/prod-142", "fix", map[string]string{"README.md": "fixed\n"})
				if _, err := b.world.Pulls.Merge(b.t.Context(), repoURL, 1, step.MergeRequest{}); err != nil {
					b.t.Fatal(err)
				}
			},
			phase: pipeline.Succeeded, pulls: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()...)
			b.upTo(openStep)
			if _, err := b.try(t.Context(), openStep); err != nil {
				t.Fatal(err)
			}
			tt.meanwhile(b)
			if res := b.want(openStep, tt.phase); !strings.Contains(res.Message, tt.message) {
				t.Errorf("message %q", res.Message)
			}
			if got := len(b.world.Pulls.All()); got != tt.pulls {
				t.Errorf("%d pull requests, want %d", got, tt.pulls)
			}
			if got := b.p.Pull().Head; got != output[step.PushOutput](b, pushStep).Commit {
				t.Errorf("head %s is not what was pushed", got)
			}
		})
	}
}

func TestGitOpenPRLeavesOldOnesAlone(t *testing.T) {
	t.Parallel()
	for name, old := range map[string][]string{
		"closed": {"closed\n"}, "merged": {"merged\n"}, "both": {"closed\n", "merged\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaveAlone(t, old)
		})
	}
}

func leaveAlone(t *testing.T, old []string) {
	t.Helper()
	// A long-lived source branch has closed and merged pull requests of others.
	specs := pushing(config{"targetBranch": "staging"})
	specs = append(specs, use("git-open-pr", config{"repoURL": repoURL, "sourceBranch": "staging", "targetBranch": "main"}))
	b := newBench(t, specs...)
	ctx := t.Context()
	b.world.Branch(repoURL, "staging", "main")
	for _, content := range old {
		b.world.Write(repoURL, "staging", "old", map[string]string{"README.md": content})
		pr, err := b.world.Pulls.Create(ctx, repoURL, step.NewPullRequest{Head: "staging", Base: "main"})
		if err != nil {
			t.Fatal(err)
		}
		if content == "closed\n" {
			err = b.world.Pulls.Close(ctx, repoURL, pr.Number, "old")
		} else {
			_, err = b.world.Pulls.Merge(ctx, repoURL, pr.Number, step.MergeRequest{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.upTo(openStep)
	b.p.Begin(openStep, b.world.Now) // an attempt that died before it did anything
	b.want(openStep, pipeline.Succeeded)
	if got, want := b.p.Pull().Number, len(old)+1; got != want {
		t.Errorf("got #%d, want the new #%d", got, want)
	}
}

func TestGitOpenPRWithNothingToMergeIsSkipped(t *testing.T) {
	t.Parallel()
	t.Run("because nothing was pushed", func(t *testing.T) {
		t.Parallel()
		specs := promotion()
		b := newBench(t, specs[cloneStep], specs[pushStep], specs[openStep])
		b.upTo(2)
		if res := b.want(2, pipeline.Skipped); res.Output != nil {
			t.Errorf("output %s", res.Output)
		}
	})
	t.Run("because the branches are the same", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, use("git-open-pr", config{"repoURL": repoURL, "sourceBranch": "same", "targetBranch": "main"}))
		b.world.Branch(repoURL, "same", "main")
		if res := b.want(0, pipeline.Skipped); res.Output != nil {
			t.Errorf("output %s", res.Output)
		}
	})
}

func TestGitOpenPRCompletesWhatADeadAttemptOpened(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.p.Stage.PullRequest.Labels = []string{"promotion"}
	b.upTo(openStep)
	_, err := b.world.Pulls.Create(t.Context(), repoURL, step.NewPullRequest{Head: "kargo/prod/prod-142", Base: "main"})
	if err != nil {
		t.Fatal(err)
	}
	b.p.Begin(openStep, b.world.Now)
	b.want(openStep, pipeline.Succeeded)
	if got := b.world.Pulls.Asked(1).Labels; !cmp.Equal(got, []string{"promotion"}) {
		t.Errorf("labels %v", got)
	}
}

func TestGitOpenPRWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()...)
	b.upTo(openStep)
	b.world.Fault = failOnce("create", true, &pipeline.TransientError{Err: errors.New("timeout")})
	b.want(openStep, pipeline.Running)
	b.want(openStep, pipeline.Succeeded)
	if got := len(b.world.Pulls.All()); got != 1 {
		t.Errorf("%d pull requests, want 1", got)
	}
}

func TestGitOpenPRAfterARetry(t *testing.T) {
	t.Parallel()
	retried := func(t *testing.T) *bench {
		t.Helper()
		b := opened(t)
		if err := b.world.Pulls.Close(t.Context(), repoURL, 1, "no"); err != nil {
			t.Fatal(err)
		}
		s := &b.p.Steps[openStep]
		s.Output = step.Abandoned(s.Output, 1)
		s.Phase = ""
		return b
	}
	t.Run("opens another pull request in place of the one that was closed", func(t *testing.T) {
		t.Parallel()
		b := retried(t)
		b.want(openStep, pipeline.Succeeded)
		if got := output[step.OpenPROutput](b, openStep); got.PR.Number != 2 || got.Abandoned != 1 {
			t.Errorf("output %+v", got)
		}
	})
	t.Run("adopts it after a crash", func(t *testing.T) {
		t.Parallel()
		b := retried(t)
		if _, err := b.try(t.Context(), openStep); err != nil {
			t.Fatal(err)
		}
		b.want(openStep, pipeline.Succeeded)
		if got := output[step.OpenPROutput](b, openStep); got.PR.Number != 2 || len(b.world.Pulls.All()) != 2 {
			t.Errorf("output %+v, %d pull requests", got, len(b.world.Pulls.All()))
		}
	})
	t.Run("is aborted when that one is closed, too", func(t *testing.T) {
		t.Parallel()
		b := retried(t)
		if _, err := b.try(t.Context(), openStep); err != nil {
			t.Fatal(err)
		}
		if err := b.world.Pulls.Close(t.Context(), repoURL, 2, "no again"); err != nil {
			t.Fatal(err)
		}
		b.want(openStep, pipeline.Aborted)
	})
	t.Run("forgets no other pull request", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		before := string(b.p.Steps[openStep].Output)
		if got := string(step.Abandoned(b.p.Steps[openStep].Output, 7)); got != before {
			t.Errorf("output %s, want %s", got, before)
		}
	})
}

// archive knows what lies in every span of one repository.
type archive struct {
	asked []report.Span
	err   error
}

func (a *archive) Compare(_ context.Context, _ pipeline.Repo, s report.Span) (report.History, error) {
	a.asked = append(a.asked, s)
	return report.History{Span: s, Total: 1, Commits: []report.HistoryCommit{{ID: s.Head, Message: "Fix the leak (#12)", Author: "ana"}}}, a.err
}

func TestGitOpenPRTellsTheHistoryOnce(t *testing.T) {
	t.Parallel()
	labels := func(revision string) map[string]string {
		return map[string]string{"org.opencontainers.image.source": "https://github.com/acme/web", "org.opencontainers.image.revision": revision}
	}
	for name, a := range map[string]*archive{"known": {}, "unknown": {err: errors.New("rate limited")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()...)
			b.histories = a
			b.p.Previous = &pipeline.Freight{Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.9.2", Annotations: labels(strings.Repeat("1", 40))}}}
			b.p.Freight.Images[0].Annotations = labels(strings.Repeat("2", 40))
			b.upTo(openStep + 1)
			if told := strings.Contains(b.world.Pulls.Asked(1).Body, "Fix the leak"); told != (a.err == nil) {
				t.Errorf("history told: %t", told)
			}
			if len(a.asked) != 1 {
				t.Errorf("asked %d times", len(a.asked))
			}
		})
	}
}

package step_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestClosed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	berlin := time.FixedZone("CET", 3600)
	for _, tt := range []struct {
		name, message string
		opens, until  time.Time
	}{
		{
			name: "far from its opening it is looked at again by polling", message: "window \"x\" denies Promotions now: payday; opens Tue 2026-12-01 09:00 CET",
			opens: time.Date(2026, 12, 1, 9, 0, 0, 0, berlin), until: now.Add(5 * time.Minute),
		},
		{
			name: "near its opening it is looked at again then", message: "window \"x\" denies Promotions now: payday; opens Mon 2026-11-30 13:01 CET",
			opens: time.Date(2026, 11, 30, 13, 1, 0, 0, berlin), until: now.Add(time.Minute),
		},
		{name: "without an opening it polls", message: "window \"x\" denies Promotions now: payday", until: now.Add(5 * time.Minute)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := step.Closed(pipeline.Closure{Closed: true, Reason: "window \"x\" denies Promotions now: payday", Opens: tt.opens}, now, 5*time.Minute)
			if w.Message != tt.message || !w.Until.Equal(tt.until) {
				t.Errorf("%q until %s, want %q until %s", w.Message, w.Until, tt.message, tt.until)
			}
		})
	}
}

// closeStage closes the Stage for the steps of the bench.
func (b *bench) closeStage(reason string) {
	b.closure = func(context.Context) (pipeline.Closure, error) {
		return pipeline.Closure{Closed: reason != "", Reason: reason}, nil
	}
}

func TestGitMergePRDoesNotMergeWhileClosed(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]any{"waiting": true, "and even without wait it does not fail": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			b.p.Stage.Steps[mergeStep].Config["wait"] = wait
			b.closeStage("frozen by ana")
			res := b.want(mergeStep, pipeline.Running)
			if res.Message != "frozen by ana" || !res.WakeAt.Equal(b.world.Now.Add(5*time.Minute)) || len(res.WakeOn) != 2 {
				t.Errorf("%+v", res)
			}
			b.closeStage("")
			b.want(mergeStep, pipeline.Succeeded)
		})
	}
}

func TestGitMergePRWhileClosed(t *testing.T) {
	t.Parallel()
	t.Run("notices that somebody merged by hand", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		b.closeStage("frozen by ana")
		if _, err := b.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{Title: "by hand"}); err != nil {
			t.Fatal(err)
		}
		b.want(mergeStep, pipeline.Succeeded)
	})
	t.Run("starts over on a conflict, to be ready when it opens", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		b.closeStage("frozen by ana")
		b.conflict()
		b.wantRewind("#1 conflicts with main")
	})
	t.Run("goes nowhere when nobody can tell", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		b.closure = func(context.Context) (pipeline.Closure, error) {
			return pipeline.Closure{}, &pipeline.TransientError{Err: errors.New("database is away")}
		}
		if res := b.want(mergeStep, pipeline.Running); !res.Transient || b.world.Pulls.All()[0].Merged {
			t.Errorf("%+v", res)
		}
	})
}

// conflict changes the line on main that the Promotion changes.
func (b *bench) conflict() {
	b.world.Write(repoURL, "main", "theirs", map[string]string{
		"env/prod/kustomization.yaml": "images:\n  - name: ghcr.io/acme/web\n    newTag: 1.9.9\n",
	})
}

func (b *bench) wantRewind(reason string) {
	b.t.Helper()
	_, err := b.try(b.t.Context(), mergeStep)
	var rewind *step.RewindError
	if !errors.As(err, &rewind) || rewind.Reason != reason {
		b.t.Fatalf("error %v, want a RewindError: %s", err, reason)
	}
}

func TestConflictIsNoticedBeforePeopleAreAsked(t *testing.T) {
	t.Parallel()
	approvals := func(b *bench) { b.p.Stage.Approvals = pipeline.Approvals{Required: 2} }
	byHand := func(b *bench) { b.p.Stage.PullRequest.Merge = pipeline.MergeManual }
	for name, arrange := range map[string]func(b *bench){"to approve": approvals, "to merge": byHand} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			arrange(b)
			b.conflict()
			b.wantRewind("#1 conflicts with main")
		})
		t.Run(name+", which the host may not know yet", func(t *testing.T) {
			t.Parallel()
			b := opened(t)
			arrange(b)
			b.world.Pulls.Computing = 3
			for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
				res := b.want(mergeStep, pipeline.Running)
				if got := res.WakeAt.Sub(b.world.Now); got != want {
					t.Errorf("looks again after %s, want %s", got, want)
				}
				b.world.Now = res.WakeAt
			}
			if res := b.want(mergeStep, pipeline.Running); res.WakeAt.Sub(b.world.Now) != 5*time.Minute {
				t.Errorf("once it is known, it looks again after %s", res.WakeAt.Sub(b.world.Now))
			}
			b.conflict()
			b.wantRewind("#1 conflicts with main")
		})
	}
	t.Run("to merge, unless somebody pushed", func(t *testing.T) {
		t.Parallel()
		b := opened(t)
		byHand(b)
		b.world.Write(repoURL, "kargo/prod/prod-142", "mine", map[string]string{"README.md": "mine\n"})
		b.conflict()
		if res := b.want(mergeStep, pipeline.Running); !strings.Contains(res.Message, "waits to be merged by hand") {
			t.Errorf("message %q", res.Message)
		}
	})
}

func TestGitWaitForPRStartsOverOnAConflict(t *testing.T) {
	t.Parallel()
	specs := append(promotion()[:mergeStep], use("git-wait-for-pr", config{"repoURL": repoURL, "prNumber": 1}))
	b := newBench(t, specs...)
	b.upTo(mergeStep)
	b.want(mergeStep, pipeline.Running)
	b.conflict()
	b.wantRewind("#1 conflicts with main")
}

func TestPushesToOwnBranch(t *testing.T) {
	t.Parallel()
	p := &pipeline.Promotion{ID: "shop/prod-1", Stage: pipeline.Stage{Name: "shop/prod"}}
	for _, tt := range []struct {
		config config
		want   bool
	}{
		{config{"generateTargetBranch": true}, true},
		{config{"targetBranch": "kargo/shop/prod/shop/prod-1"}, true},
		{config{"targetBranch": "main"}, false},
		{config{"targetBranch": "env/prod", "force": true}, false},
		{config{}, false},
	} {
		if got := step.PushesToOwnBranch(p, tt.config); got != tt.want {
			t.Errorf("%v: %v", tt.config, got)
		}
	}
}

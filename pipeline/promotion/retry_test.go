package promotion_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
)

func (c *town) retry(id string) {
	c.t.Helper()
	c.apply(pipeline.RetryPromotion{Promotion: id})
}

func (c *town) closePull(number int) {
	c.t.Helper()
	c.ok(c.world.Pulls.Close(context.Background(), repoURL, number, "no"))
}

// closeAndRetry closes the first pull request and has its Promotion taken up
// again once it ended for that.
func (c *town) closeAndRetry() {
	c.t.Helper()
	if all := c.world.Pulls.All(); len(all) == 1 && all[0].Open {
		fault := c.world.Fault
		c.world.Fault = nil // people do not die with the server
		c.closePull(1)
		c.world.Fault = fault
		_, err := c.db.Wake(context.Background(), []string{pipeline.PullEvent(repo, 1)}, c.world.Now)
		c.ok(err)
		return
	}
	c.retryAborted()
}

func (c *town) retryAborted() {
	c.t.Helper()
	if p := c.promotion("prod-1"); p.Phase == pipeline.Aborted && p.Retries == 0 {
		c.retry("prod-1")
	}
}

// judgeRetried requires one closed and one merged pull request, and one of
// everything else.
func (c *town) judgeRetried() {
	c.t.Helper()
	p := c.promotion("prod-1")
	if p.Phase != pipeline.Succeeded || p.Retries != 1 {
		c.t.Errorf("it is %s after %d retries: %s", p.Phase, p.Retries, p.Message)
	}
	pulls := c.world.Pulls.All()
	if len(pulls) != 2 || pulls[0].Merged || pulls[0].Open || !pulls[1].Merged {
		c.t.Fatalf("pull requests %+v, want one closed, one merged", pulls)
	}
	if got, want := p.MergeCommit(), pulls[1].MergeCommit; got != want {
		c.t.Errorf("merge commit %q recorded, the pull request says %q", got, want)
	}
	if n := c.commits("prod-1"); n != 1 {
		c.t.Errorf("%d commits on main", n)
	}
	if len(c.host.deployments) != 1 {
		c.t.Errorf("%d Deployments", len(c.host.deployments))
	} else if s := c.host.deployments[0].states; len(s) == 0 || s[len(s)-1] != "success" {
		c.t.Errorf("Deployment states %q", s)
	}
	if b := c.world.Branches(repoURL); len(b) != 1 {
		c.t.Errorf("branches %q are left", b)
	}
	c.judgeChecks(pulls[1].Head, "success")
}

func TestRetry(t *testing.T) {
	t.Parallel()
	// failing ends with a step that fails once.
	failing := func() pipeline.Stage {
		last := use("fail", config{"message": "on purpose"})
		last.If = "${{ success() && vars.broken == true }}"
		return prod(append(promote(), last)...)
	}
	t.Run("goes on from the step that did not succeed", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod(use("compose-output", config{"n": 1}), use("fail", config{"message": "on purpose"}))
		c.queue(s, freight("1.0.1"))
		c.settle()
		c.wantPhase("prod-1", pipeline.Failed)
		c.retry("prod-1")
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Failed)
		if p.Steps[0].Attempts != 1 || p.Steps[1].Attempts != 2 || p.Retries != 1 || p.Rewinds != 0 {
			t.Errorf("%d retries, steps %+v", p.Retries, p.Steps)
		}
	})
	t.Run("keeps the pull request that is open", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod()
		s.Steps[mergeStep].Config["wait"] = false
		c.queue(s, freight("1.0.1"))
		c.hold()
		c.settle()
		p := c.wantPhase("prod-1", pipeline.Failed)
		if !strings.Contains(p.Message, "required checks are not done") {
			t.Errorf("message %q", p.Message)
		}
		c.green()
		c.retry("prod-1")
		c.settle()
		p = c.wantPhase("prod-1", pipeline.Succeeded)
		if p.Rewinds != 0 || len(c.world.Pulls.All()) != 1 || c.commits("prod-1") != 1 {
			t.Errorf("%d new starts, pull requests %+v", p.Rewinds, c.world.Pulls.All())
		}
		if got, want := c.host.deployments[0].states, []string{"failure", "success"}; !slices.Equal(got, want) {
			t.Errorf("Deployment states %q, want %q", got, want)
		}
	})
	t.Run("sees that the pull request was merged meanwhile", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod()
		s.Steps[mergeStep].Config["wait"] = false
		c.queue(s, freight("1.0.1"))
		c.hold()
		c.settle()
		_, err := c.world.Pulls.Merge(t.Context(), repoURL, 1, step.MergeRequest{Title: "by hand"})
		c.ok(err)
		c.retry("prod-1")
		c.settle()
		if p := c.wantPhase("prod-1", pipeline.Succeeded); p.Rewinds != 0 || len(c.world.Pulls.All()) != 1 {
			t.Errorf("%d new starts, pull requests %+v", p.Rewinds, c.world.Pulls.All())
		}
	})
	t.Run("opens another pull request in place of one that was closed", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.closePull(1)
		c.sleep()
		c.settle()
		c.wantPhase("prod-1", pipeline.Aborted)
		c.green()
		c.retry("prod-1")
		c.settle()
		c.judgeRetried()
		if p := c.promotion("prod-1"); p.Rewinds != 1 || p.Pull().Number != 2 {
			t.Errorf("%d new starts, pull request %d", p.Rewinds, p.Pull().Number)
		}
	})
	t.Run("waits while nobody can say whether the pull request is open", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		c.queue(prod(), freight("1.0.1"))
		c.hold()
		c.must()
		c.closePull(1)
		c.sleep()
		c.settle()
		c.retry("prod-1")
		c.world.Fault = func(op string, _ bool) error {
			if op == "get" {
				return &pipeline.TransientError{Err: errors.New("502")}
			}
			return nil
		}
		if _, err := c.advance(); err == nil {
			t.Error("no error")
		}
		c.wantPhase("prod-1", pipeline.Pending)
	})
	t.Run("pushes again when the branch is gone", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod()
		s.Steps[openStep].Config["targetBranch"] = "release"
		c.queue(s, freight("1.0.1"))
		c.settle()
		c.wantPhase("prod-1", pipeline.Errored)
		c.world.Branch(repoURL, "release", "main")
		c.ok(c.world.Ports().Git.DeleteBranch(t.Context(), repoURL, "kargo/prod/prod-1"))
		c.retry("prod-1")
		c.settle()
		if p := c.wantPhase("prod-1", pipeline.Succeeded); p.Rewinds != 1 {
			t.Errorf("%d new starts", p.Rewinds)
		}
	})
	t.Run("uses the branch that is there", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod()
		s.Steps[openStep].Config["targetBranch"] = "release"
		c.queue(s, freight("1.0.1"))
		c.settle()
		c.world.Branch(repoURL, "release", "main")
		c.retry("prod-1")
		c.settle()
		if p := c.wantPhase("prod-1", pipeline.Succeeded); p.Rewinds != 0 || p.Steps[pushStep].Attempts != 1 {
			t.Errorf("%d new starts, %d pushes", p.Rewinds, p.Steps[pushStep].Attempts)
		}
	})
	t.Run("reads the files again when they were what was wrong", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := prod()
		s.Steps[editStep].Config["path"] = "src/env/production"
		c.queue(s, freight("1.0.1"))
		c.settle()
		if p := c.promotion("prod-1"); !p.Phase.Terminal() || p.Phase == pipeline.Succeeded {
			t.Fatalf("it is %s", p.Phase)
		}
		c.world.Write(repoURL, "main", "repair", map[string]string{"env/production/kustomization.yaml": "images: []\n"})
		c.retry("prod-1")
		c.settle()
		c.wantPhase("prod-1", pipeline.Succeeded)
		if got := c.world.Files(repoURL, "main")["env/production/kustomization.yaml"]; !strings.Contains(got, "1.0.1") {
			t.Errorf("main holds %q", got)
		}
	})
	t.Run("after the merge repeats nothing of it", func(t *testing.T) {
		t.Parallel()
		c := newTown(t)
		s := failing()
		s.Vars = []pipeline.Var{{Name: "broken", Value: true}}
		c.queue(s, freight("1.0.1"))
		c.settle()
		c.wantPhase("prod-1", pipeline.Failed)
		c.retry("prod-1")
		c.settle()
		if p := c.wantPhase("prod-1", pipeline.Failed); p.Rewinds != 0 || c.commits("prod-1") != 1 || p.Steps[mergeStep].Attempts != 1 {
			t.Errorf("%d new starts, %d commits, %d merges", p.Rewinds, c.commits("prod-1"), p.Steps[mergeStep].Attempts)
		}
	})
}

// tired is a ledger whose queued Promotions have started over very often.
type tired struct{ promotion.Ledger }

func (l tired) Promotions(ctx context.Context) ([]pipeline.Promotion, error) {
	all, err := l.Ledger.Promotions(ctx)
	for i := range all {
		if all[i].Phase == pipeline.Pending {
			all[i].Rewinds = 50
		}
	}
	return all, err
}

func TestRetryMayStartOverAgain(t *testing.T) {
	t.Parallel()
	for name, retries := range map[string]int{"unless it is no retry": 0, "after it was taken up": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			s := prod()
			s.Steps[mergeStep].Config["wait"] = retries == 0
			c.queue(s, freight("1.0.1"))
			c.hold()
			c.wrap = func(l promotion.Ledger) promotion.Ledger { return tired{l} }
			c.must()
			for range retries {
				c.wantPhase("prod-1", pipeline.Failed)
				c.retry("prod-1")
			}
			c.world.Write(repoURL, "main", "other work", map[string]string{
				kustomization: "images:\n  - name: ghcr.io/acme/web\n    newTag: 0.9.9 # theirs\n",
			})
			c.green()
			c.sleep()
			c.settle()
			want := map[bool]pipeline.Phase{true: pipeline.Succeeded, false: pipeline.Failed}[retries > 0]
			c.wantPhase("prod-1", want)
		})
	}
}

func TestRejected(t *testing.T) {
	t.Parallel()
	for _, as := range []pipeline.Phase{pipeline.Failed, pipeline.Errored, pipeline.Aborted, ""} {
		t.Run("as "+string(as), func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.queue(prod(), freight("1.0.1"))
			c.hold()
			c.must()
			c.apply(pipeline.AbortPromotion{Promotion: "prod-1", Reason: "rejected by ana", As: as})
			c.settle()
			want := as
			if want == "" {
				want = pipeline.Aborted
			}
			p := c.wantPhase("prod-1", want)
			if p.Message != "rejected by ana" || p.Steps[mergeStep].Phase != want {
				t.Errorf("message %q, step %s", p.Message, p.Steps[mergeStep].Phase)
			}
			if pulls := c.world.Pulls.All(); pulls[0].Open || c.world.Pulls.Comments[1][0] != "rejected by ana" {
				t.Errorf("pull requests %+v", pulls)
			}
			if b := c.world.Branches(repoURL); len(b) != 1 {
				t.Errorf("branches %q are left", b)
			}
		})
	}
}

package promotion_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
)

// verifier measures once when a run starts, waits, and judges. Like a real one it
// records that it is about to measure, so that nothing is measured twice.
type verifier struct {
	c       *town
	verdict pipeline.VerificationPhase
	err     error
	// measured counts effects by run.
	measured map[string]int
	// passes counts calls.
	passes int
}

var _ promotion.Verifier = (*verifier)(nil)

// Advance implements promotion.Verifier.
func (v *verifier) Advance(ctx context.Context, run *pipeline.VerificationRun, save func(context.Context, pipeline.VerificationRun) error) error {
	v.passes++
	now := v.c.world.Now
	switch {
	case v.err != nil:
		return v.err
	case run.AbortRequested != "":
		run.Phase, run.Message, run.FinishedAt = pipeline.VerificationAborted, run.AbortRequested, now
		return nil
	case run.Phase == pipeline.VerificationPending:
		run.Phase, run.StartedAt = pipeline.VerificationRunning, now
		run.Metrics[0].Phase, run.Metrics[0].StartedAt = pipeline.VerificationRunning, now
		if err := save(ctx, *run); err != nil {
			return err
		}
	case run.Metrics[0].Count > 0 && !now.Before(run.WakeAt):
		run.Phase, run.FinishedAt = v.verdict, now
		run.Metrics[0].Phase, run.Metrics[0].FinishedAt = v.verdict, now
		return nil
	}
	if v.measured[run.ID] == 0 { // it finds what it began before a crash
		err := v.c.host.do(ctx, "measure", func() error {
			if v.measured == nil {
				v.measured = map[string]int{}
			}
			v.measured[run.ID]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	run.Metrics[0].Count, run.WakeAt, run.WakeOn = 1, now.Add(time.Minute), []string{"measured"}
	return nil
}

// verifiedProd is prod with a Verification.
func verifiedProd() pipeline.Stage {
	s := prod()
	s.Verification = &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}}}
	return s
}

func (c *town) run(id string) pipeline.VerificationRun {
	c.t.Helper()
	run, err := c.db.Verification(context.Background(), repo.ID, id)
	c.ok(err)
	return run
}

func (c *town) wantRun(id string, phase pipeline.VerificationPhase) pipeline.VerificationRun {
	c.t.Helper()
	run := c.run(id)
	if run.Phase != phase {
		c.t.Fatalf("%s is %s (%s), want %s", id, run.Phase, run.Message, phase)
	}
	return run
}

func (c *town) verifiedIn(stage, tag string) bool {
	c.t.Helper()
	s, err := c.db.Snapshot(context.Background(), repo.ID)
	c.ok(err)
	return !s.Mark(stage, freight(tag).ID).VerifiedAt.IsZero()
}

// checksNamed returns the check runs of a name as "SHA status conclusion".
func (c *town) checksNamed(name string) []string {
	var out []string
	for _, run := range c.host.checks {
		if run.Name == name {
			out = append(out, fmt.Sprintf("%s %s %s", run.SHA, run.Status, run.Conclusion))
		}
	}
	return out
}

func TestVerificationFollowsThePromotion(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(verifiedProd(), freight("1.0.1"))
	next := c.must()
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	run := c.wantRun("prod-v1", pipeline.VerificationRunning)
	if want := c.world.Now.Add(time.Minute); !next.Equal(want) {
		t.Errorf("it looks again at %v, want %v", next, want)
	}
	if run.Commit != p.MergeCommit() || run.Promotion != "prod-1" {
		t.Errorf("run %+v", run)
	}
	if got, want := c.checksNamed("kargo / verify"), []string{run.Commit + " in_progress "}; !slices.Equal(got, want) {
		t.Errorf("check runs %q, want %q", got, want)
	}
	if c.verifiedIn("prod", "1.0.1") {
		t.Error("it is verified already")
	}
	if n, err := c.db.Wake(t.Context(), []string{"measured"}, c.world.Now); err != nil || n != 1 {
		t.Fatalf("the event wakes %d Stages, %v", n, err)
	}
	c.settle()
	c.wantRun("prod-v1", pipeline.VerificationSuccessful)
	c.judgeVerified()
}

// judgeVerified requires one run of one measurement that everybody knows of.
func (c *town) judgeVerified() {
	c.t.Helper()
	run := c.wantRun("prod-v1", pipeline.VerificationSuccessful)
	if c.verify.measured["prod-v1"] != 1 {
		c.t.Errorf("measured %d times", c.verify.measured["prod-v1"])
	}
	if !c.verifiedIn("prod", "1.0.1") {
		c.t.Error("it is not verified")
	}
	if got, want := c.checksNamed("kargo / verify"), []string{run.Commit + " completed success"}; !slices.Equal(got, want) {
		c.t.Errorf("check runs %q, want %q", got, want)
	}
}

// judgeStopped requires that a run that was asked to end has ended, in one way or
// the other.
func (c *town) judgeStopped(asked bool) {
	c.t.Helper()
	run := c.run("prod-v1")
	if asked && run.Phase == pipeline.VerificationAborted && run.AbortRequested == "stopped by ana" {
		if got, want := c.checksNamed("kargo / verify"), []string{run.Commit + " completed cancelled"}; !slices.Equal(got, want) {
			c.t.Errorf("check runs %q, want %q", got, want)
		}
		return
	}
	c.judgeVerified()
}

func TestPromotionsWaitForTheVerification(t *testing.T) {
	t.Parallel()
	for _, verdict := range []pipeline.VerificationPhase{pipeline.VerificationSuccessful, pipeline.VerificationFailed} {
		t.Run("whose end is "+string(verdict), func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.verify.verdict = verdict
			c.queue(verifiedProd(), freight("1.0.1"))
			c.must()
			c.queue(verifiedProd(), freight("1.0.2"))
			c.must()
			c.wantRun("prod-v1", pipeline.VerificationRunning)
			c.wantPhase("prod-2", pipeline.Pending)
			c.sleep()
			c.must()
			c.wantRun("prod-v1", verdict)
			c.wantPhase("prod-2", pipeline.Succeeded)
			c.wantRun("prod-v2", pipeline.VerificationRunning)
			if got := c.verifiedIn("prod", "1.0.1"); got != (verdict == pipeline.VerificationSuccessful) {
				t.Errorf("verified: %v", got)
			}
		})
	}
}

func TestQueuedAbortsDoNotWaitForTheVerification(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(verifiedProd(), freight("1.0.1"))
	c.must()
	c.queue(verifiedProd(), freight("1.0.2"))
	c.abort("prod-2")
	c.must()
	c.wantRun("prod-v1", pipeline.VerificationRunning)
	c.wantPhase("prod-2", pipeline.Aborted)
}

func TestVerificationIsStopped(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(verifiedProd(), freight("1.0.1"))
	c.must()
	c.apply(pipeline.StopVerification{Run: "prod-v1", Reason: "stopped by ana"})
	c.must()
	c.wantRun("prod-v1", pipeline.VerificationAborted)
	c.judgeStopped(true)
}

// startRun has what is current in prod verified again.
func (c *town) startRun(stage pipeline.Stage, tag string) {
	c.t.Helper()
	c.apply(pipeline.StartVerification{Run: pipeline.NewVerificationRun(pipeline.VerificationRun{
		Repo: repo, Pipeline: "web", Stage: stage, Collection: []pipeline.Freight{freight(tag)}, Reason: "asked for by ana", CreatedAt: c.world.Now, Again: true,
	})})
}

func TestRunningPromotionGoesOnBesideAVerification(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"that goes on":            nil,
		"that is held up":         &pipeline.TransientError{RetryAfter: 7 * time.Second, Err: errors.New("503")},
		"that cannot be made out": errors.New("no such provider"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			c.apply(pipeline.AdoptFreight{Stage: "prod", Freight: freight("1.0.0").ID})
			c.hold()
			c.queue(prod(), freight("1.0.1"))
			c.must()
			c.wantPhase("prod-1", pipeline.Running)
			c.startRun(verifiedProd(), "1.0.0")
			c.verify.err = fault
			c.green()
			next := c.must()
			c.wantPhase("prod-1", pipeline.Succeeded)
			if run := c.run("prod-v1"); run.Phase.Terminal() {
				t.Errorf("the run is %s", run.Phase)
			}
			want := map[bool]time.Duration{true: time.Minute, false: 5 * time.Minute}[fault == nil]
			if _, transient := pipeline.IsTransient(fault); transient {
				want = 7 * time.Second
			}
			if got := next.Sub(c.world.Now); got != want {
				t.Errorf("looks again after %s, want %s", got, want)
			}
		})
	}
}

// unrecorded is a ledger that does not take the state of runs.
type unrecorded struct{ promotion.Ledger }

func (unrecorded) SaveVerification(context.Context, pipeline.VerificationRun) error {
	return errors.New("disk full")
}

func TestAVerificationThatIsNotRecordedDoesNotMeasure(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.wrap = func(l promotion.Ledger) promotion.Ledger { return unrecorded{l} }
	c.queue(verifiedProd(), freight("1.0.1"))
	if _, err := c.advance(); err == nil {
		t.Error("no error")
	}
	if len(c.verify.measured) != 0 {
		t.Error("it measured")
	}
}

func TestTheEndOfAVerificationIsReportedUntilItWorks(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.queue(verifiedProd(), freight("1.0.1"))
	c.must()
	c.must() // the run is new, which wakes the Stage
	c.sleep()
	c.host.fault = func(op string, _ bool) error {
		if op == "update-check" {
			return errors.New("500")
		}
		return nil
	}
	if next := c.must(); next.IsZero() {
		t.Fatal("it gives up")
	}
	run := c.wantRun("prod-v1", pipeline.VerificationSuccessful)
	if got, want := c.checksNamed("kargo / verify"), []string{run.Commit + " in_progress "}; !slices.Equal(got, want) {
		t.Errorf("check runs %q, want %q", got, want)
	}
	c.host.fault = nil
	c.sleep()
	if next := c.must(); !next.IsZero() {
		t.Errorf("done, and yet it looks again at %v", next)
	}
	c.judgeVerified()
}

package pipeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// running is a Promotion of steps that just started.
func running(specs ...pipeline.StepSpec) pipeline.Promotion {
	for i := range specs {
		if specs[i].As == "" {
			specs[i].As = specs[i].Uses
		}
	}
	p := pipeline.NewPromotion(pipeline.Promotion{ID: "prod-1", Stage: pipeline.Stage{Name: "prod", Steps: specs}})
	p.Start(t0, nil)
	return p
}

// ends runs every step and lets it end in the given phase.
func ends(p *pipeline.Promotion, phases ...pipeline.Phase) {
	for i, phase := range phases {
		p.Begin(i, t0)
		p.Apply(i, pipeline.StepResult{Phase: phase, Message: "because", Terminal: true}, t0)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	wake := t0.Add(minute)
	retry := pipeline.StepSpec{Uses: "x", Retry: pipeline.Retry{ErrorThreshold: 3}}
	limited := pipeline.StepSpec{Uses: "x", Retry: pipeline.Retry{Timeout: pipeline.Duration(10 * minute), ErrorThreshold: 9}}
	type pass struct {
		after time.Duration
		r     pipeline.StepResult
	}
	wait := pipeline.StepResult{Phase: pipeline.Running, Message: "checks", WakeAt: wake, WakeOn: []string{"commit/1"}}
	fail := pipeline.StepResult{Phase: pipeline.Errored, Message: "boom", WakeAt: wake}
	fault := pipeline.StepResult{Phase: pipeline.Running, Message: "502", Transient: true, WakeAt: wake}
	tests := map[string]struct {
		spec   pipeline.StepSpec
		passes []pass
		want   pipeline.StepState
	}{
		"success ends the step": {
			passes: []pass{{0, pipeline.StepResult{Phase: pipeline.Succeeded, Output: json.RawMessage(`1`)}}},
			want:   pipeline.StepState{Phase: pipeline.Succeeded, Attempts: 1, EndedAt: t0, Output: json.RawMessage(`1`)},
		},
		"waiting parks it and is no error": {
			passes: []pass{{0, wait}},
			want:   pipeline.StepState{Phase: pipeline.Running, Message: "checks", Attempts: 1, WakeAt: wake, WakeOn: []string{"commit/1"}},
		},
		"waiting without a time is looked at in five minutes": {
			passes: []pass{{0, pipeline.StepResult{Phase: pipeline.Running, Message: "checks"}}},
			want:   pipeline.StepState{Phase: pipeline.Running, Message: "checks", Attempts: 1, WakeAt: t0.Add(5 * minute)},
		},
		"an error ends it by default": {
			passes: []pass{{0, fail}},
			want:   pipeline.StepState{Phase: pipeline.Errored, Message: "boom", Attempts: 1, Errors: 1, EndedAt: t0},
		},
		"an error below the threshold is tried again": {
			spec: retry, passes: []pass{{0, fail}, {0, fail}},
			want: pipeline.StepState{Phase: pipeline.Running, Message: "boom (error 2 of 3, will try again)", Attempts: 2, Errors: 2, WakeAt: wake},
		},
		"the threshold ends it": {
			spec: retry, passes: []pass{{0, fail}, {0, fail}, {minute, fail}},
			want: pipeline.StepState{Phase: pipeline.Errored, Message: "boom", Attempts: 3, Errors: 3, EndedAt: t0.Add(minute)},
		},
		"errors count in total, not in a row": {
			spec: retry, passes: []pass{{0, fail}, {0, wait}, {0, fail}, {0, wait}, {0, fail}},
			want: pipeline.StepState{Phase: pipeline.Errored, Message: "boom", Attempts: 5, Errors: 3, EndedAt: t0},
		},
		"a terminal error is not tried again": {
			spec: retry, passes: []pass{{0, pipeline.StepResult{Phase: pipeline.Failed, Message: "no", Terminal: true}}},
			want: pipeline.StepState{Phase: pipeline.Failed, Message: "no", Attempts: 1, Errors: 1, EndedAt: t0},
		},
		"transient faults count in a row and cost nothing": {
			passes: []pass{{0, fault}, {0, fault}},
			want:   pipeline.StepState{Phase: pipeline.Running, Message: "502", Attempts: 2, Faults: 2, WakeAt: wake},
		},
		"an answer resets the faults": {
			passes: []pass{{0, fault}, {0, wait}},
			want:   pipeline.StepState{Phase: pipeline.Running, Message: "checks", Attempts: 2, WakeAt: wake, WakeOn: []string{"commit/1"}},
		},
		"the timeout wakes a waiting step": {
			spec: limited, passes: []pass{{9*minute + 30*time.Second, pipeline.StepResult{Phase: pipeline.Running, WakeAt: t0.Add(time.Hour)}}},
			want: pipeline.StepState{Phase: pipeline.Running, Attempts: 1, WakeAt: t0.Add(19*minute + 30*time.Second)},
		},
		"the timeout ends a waiting step, from its first start": {
			spec: limited, passes: []pass{{0, wait}, {10 * minute, wait}},
			want: pipeline.StepState{Phase: pipeline.Errored, Message: "timed out after 10m; last: checks", Attempts: 2, EndedAt: t0.Add(10 * minute)},
		},
		"the timeout ends a failing step": {
			spec: limited, passes: []pass{{0, fail}, {10 * minute, fail}},
			want: pipeline.StepState{Phase: pipeline.Errored, Message: "timed out after 10m; last: boom", Attempts: 2, Errors: 2, EndedAt: t0.Add(10 * minute)},
		},
		"a pass that ends the step beats the timeout": {
			spec: limited, passes: []pass{{0, wait}, {time.Hour, pipeline.StepResult{Phase: pipeline.Succeeded}}},
			want: pipeline.StepState{Phase: pipeline.Succeeded, Attempts: 2, EndedAt: t0.Add(time.Hour)},
		},
		"a fault does not time out": {
			spec: limited, passes: []pass{{0, wait}, {time.Hour, fault}},
			want: pipeline.StepState{Phase: pipeline.Running, Message: "502", Attempts: 2, Faults: 1, WakeAt: wake},
		},
		"output of a waiting pass is kept until the next one": {
			passes: []pass{{0, pipeline.StepResult{Phase: pipeline.Running, Output: json.RawMessage(`1`), WakeAt: wake}}, {0, fault}},
			want:   pipeline.StepState{Phase: pipeline.Running, Message: "502", Attempts: 2, Faults: 1, Output: json.RawMessage(`1`), WakeAt: wake},
		},
		"an outcome without sense is an error": {
			passes: []pass{{0, pipeline.StepResult{Phase: "Odd"}}},
			want:   pipeline.StepState{Phase: pipeline.Errored, Message: `step ended in unknown phase "Odd"`, Attempts: 1, EndedAt: t0},
		},
		"so is Pending": {
			passes: []pass{{0, pipeline.StepResult{Phase: pipeline.Pending}}},
			want:   pipeline.StepState{Phase: pipeline.Errored, Message: `step ended in unknown phase "Pending"`, Attempts: 1, EndedAt: t0},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.spec.Uses == "" {
				tt.spec.Uses = "x"
			}
			p := running(tt.spec)
			var start time.Time
			for i, pass := range tt.passes {
				now := t0.Add(pass.after)
				if i == 0 {
					start = now
				}
				p.Begin(0, now)
				p.Apply(0, pass.r, now)
			}
			tt.want.StartedAt = start
			if diff := cmp.Diff(tt.want, p.Steps[0]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestApplyKeepsEnds(t *testing.T) {
	t.Parallel()
	p := running(pipeline.StepSpec{Uses: "x"}, pipeline.StepSpec{Uses: "y"})
	ends(&p, pipeline.Failed)
	want := p.Steps[0]
	p.Apply(0, pipeline.StepResult{Phase: pipeline.Succeeded}, t0)
	p.Apply(-1, pipeline.StepResult{Phase: pipeline.Succeeded}, t0)
	p.Apply(2, pipeline.StepResult{Phase: pipeline.Succeeded}, t0)
	if diff := cmp.Diff(want, p.Steps[0]); diff != "" {
		t.Errorf("an ended step changed: %s", diff)
	}
	p.Abort(t0, "enough")
	ended := p
	ended.Steps = append([]pipeline.StepState(nil), p.Steps...)
	p.Apply(1, pipeline.StepResult{Phase: pipeline.Succeeded}, t0)
	p.Abort(t0, "again")
	p.Finish(t0)
	if diff := cmp.Diff(ended, p); diff != "" {
		t.Errorf("an ended Promotion changed: %s", diff)
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	const (
		ok, skip, abort, fail, broken = pipeline.Succeeded, pipeline.Skipped, pipeline.Aborted, pipeline.Failed, pipeline.Errored
	)
	tests := map[string]struct {
		phases  []pipeline.Phase
		forgive int // index of a step with continueOnError, from 1
		want    pipeline.Phase
		message string
	}{
		"all succeeded":                        {[]pipeline.Phase{ok, ok}, 0, ok, ""},
		"all skipped is success":               {[]pipeline.Phase{skip, skip}, 0, ok, ""},
		"no steps is success":                  {nil, 0, ok, ""},
		"a failure counts":                     {[]pipeline.Phase{ok, fail, skip}, 0, fail, "step 2 (b): because"},
		"an error is worse than a failure":     {[]pipeline.Phase{broken, fail}, 0, broken, "step 1 (a): because"},
		"of equals the first is named":         {[]pipeline.Phase{fail, fail}, 0, fail, "step 1 (a): because"},
		"continueOnError forgives":             {[]pipeline.Phase{fail, ok}, 1, ok, ""},
		"continueOnError forgives its own":     {[]pipeline.Phase{fail, broken}, 1, broken, "step 2 (b): because"},
		"an abort by a person is not forgiven": {[]pipeline.Phase{abort, ok}, 1, abort, "step 1 (a): because"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var specs []pipeline.StepSpec
			for i := range tt.phases {
				specs = append(specs, pipeline.StepSpec{Uses: string(rune('a' + i)), ContinueOnError: i+1 == tt.forgive})
			}
			p := running(specs...)
			ends(&p, tt.phases...)
			p.Finish(t0)
			if p.Phase != tt.want || p.Message != tt.message || p.FinishedAt != t0 {
				t.Errorf("ended %s %q at %v, want %s %q", p.Phase, p.Message, p.FinishedAt, tt.want, tt.message)
			}
		})
	}
}

func TestFinishWaitsForTheLastStep(t *testing.T) {
	t.Parallel()
	p := running(pipeline.StepSpec{Uses: "a"}, pipeline.StepSpec{Uses: "b"})
	ends(&p, pipeline.Succeeded)
	p.Finish(t0)
	if p.Phase != pipeline.Running {
		t.Errorf("ended %s with a step to go", p.Phase)
	}
}

func TestHealthy(t *testing.T) {
	t.Parallel()
	p := running(
		pipeline.StepSpec{Uses: "a"}, pipeline.StepSpec{Uses: "b", ContinueOnError: true}, pipeline.StepSpec{Uses: "c"},
		pipeline.StepSpec{Uses: "d"},
	)
	ends(&p, pipeline.Skipped, pipeline.Errored, pipeline.Failed)
	for i, want := range []bool{true, true, true, false} {
		if got := p.Healthy(i); got != want {
			t.Errorf("before step %d healthy is %v", i+1, got)
		}
	}
}

func TestRewind(t *testing.T) {
	t.Parallel()
	p := running(pipeline.StepSpec{Uses: "a"}, pipeline.StepSpec{Uses: "b"}, pipeline.StepSpec{Uses: "c"})
	ends(&p, pipeline.Succeeded, pipeline.Succeeded)
	p.Begin(2, t0)
	p.Apply(2, pipeline.StepResult{Phase: pipeline.Running, WakeAt: t0, Output: json.RawMessage(`1`)}, t0)
	p.Rewind(1, "main moved")
	want := []pipeline.StepState{
		{Phase: pipeline.Succeeded, Message: "because", Attempts: 1, StartedAt: t0, EndedAt: t0},
		{Message: "again: main moved", Attempts: 1, StartedAt: t0},
		{Message: "again: main moved", Attempts: 1, StartedAt: t0, Output: json.RawMessage(`1`)},
	}
	if diff := cmp.Diff(want, p.Steps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if p.Next() != 1 || p.Rewinds != 1 || p.Phase != pipeline.Running {
		t.Errorf("next %d, rewinds %d, %s", p.Next(), p.Rewinds, p.Phase)
	}
}

func TestAbort(t *testing.T) {
	t.Parallel()
	t.Run("of a queued Promotion touches no step", func(t *testing.T) {
		t.Parallel()
		p := pipeline.NewPromotion(pipeline.Promotion{Stage: pipeline.Stage{Steps: []pipeline.StepSpec{{Uses: "a"}}}})
		p.Abort(t0, "enough")
		if p.Phase != pipeline.Aborted || p.Steps[0].Phase != "" || p.Message != "enough" || p.FinishedAt != t0 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("ends the step that waits", func(t *testing.T) {
		t.Parallel()
		p := running(pipeline.StepSpec{Uses: "a"}, pipeline.StepSpec{Uses: "b"})
		p.Begin(0, t0)
		p.Apply(0, pipeline.StepResult{Phase: pipeline.Running, WakeAt: t0, WakeOn: []string{"x"}}, t0)
		if p.WaitingOn() != "" || p.Steps[0].WakeAt.IsZero() {
			t.Errorf("it waits for %q", p.WaitingOn())
		}
		p.Abort(t0, "enough")
		want := pipeline.StepState{Phase: pipeline.Aborted, Message: "enough", Attempts: 1, StartedAt: t0, EndedAt: t0}
		if diff := cmp.Diff(want, p.Steps[0]); diff != "" || p.Steps[1].Phase != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestWaitingOn(t *testing.T) {
	t.Parallel()
	p := running(pipeline.StepSpec{Uses: "a"})
	if got := p.WaitingOn(); got != "" {
		t.Errorf("before it began: %q", got)
	}
	p.Begin(0, t0)
	if got := p.WaitingOn(); got != "" {
		t.Errorf("while it runs: %q", got)
	}
	p.Apply(0, pipeline.StepResult{Phase: pipeline.Running, Message: "checks", WakeAt: t0}, t0)
	if got := p.WaitingOn(); got != "checks" {
		t.Errorf("parked: %q", got)
	}
	p.Abort(t0, "enough")
	if got := p.WaitingOn(); got != "" {
		t.Errorf("ended: %q", got)
	}
}

// outputs makes a Promotion whose steps have recorded outputs, as uses and JSON
// in turn.
func outputs(pairs ...string) pipeline.Promotion {
	var specs []pipeline.StepSpec
	for i := 0; i < len(pairs); i += 2 {
		specs = append(specs, pipeline.StepSpec{Uses: pairs[i]})
	}
	p := running(specs...)
	for i := range p.Steps {
		p.Steps[i].Phase, p.Steps[i].Output = pipeline.Succeeded, json.RawMessage(pairs[2*i+1])
	}
	return p
}

func TestPull(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		p    pipeline.Promotion
		want pipeline.PullRef
	}{
		"none":                     {outputs("git-push", `{"pr":{"id":9}}`), pipeline.PullRef{}},
		"as opened":                {outputs("git-open-pr", `{"pr":{"id":7,"head":"a"}}`), pipeline.PullRef{Number: 7, Head: "a"}},
		"later steps know more":    {outputs("git-open-pr", `{"pr":{"id":7,"head":"a"}}`, "git-merge-pr", `{"pr":{"id":7,"merged":true}}`), pipeline.PullRef{Number: 7, Head: "a", Merged: true}},
		"the head is the opener's": {outputs("git-open-pr", `{"pr":{"id":7,"head":"new"}}`, "git-merge-pr", `{"pr":{"id":7,"head":"old"}}`), pipeline.PullRef{Number: 7, Head: "new"}},
		"another pull request":     {outputs("git-open-pr", `{"pr":{"id":7,"head":"a"}}`, "git-wait-for-pr", `{"pr":{"id":8,"head":"b"}}`), pipeline.PullRef{Number: 8, Head: "b"}},
		"output of another form":   {outputs("git-open-pr", `{"pr":{"id":"x"}}`), pipeline.PullRef{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.p.Pull()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhatAPromotionLeft(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		p              pipeline.Promotion
		branch, commit string
		changed        bool
	}{
		"nothing": {p: outputs("git-commit", `{"commit":"a"}`)},
		"a merged pull request": {
			p:      outputs("git-push", `{"commit":"a","branch":"kargo/prod/prod-1"}`, "git-merge-pr", `{"commit":"m","pr":{"id":7}}`),
			branch: "kargo/prod/prod-1", commit: "m", changed: true,
		},
		"an open pull request": {
			p:      outputs("git-push", `{"commit":"a","branch":"kargo/prod/prod-1"}`, "git-open-pr", `{"pr":{"id":7}}`),
			branch: "kargo/prod/prod-1", changed: true,
		},
		"a push to a shared branch": {p: outputs("git-push", `{"commit":"a","branch":"main"}`), commit: "a", changed: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.p.OwnBranch(); got != tt.branch {
				t.Errorf("branch %q, want %q", got, tt.branch)
			}
			if got := tt.p.MergeCommit(); got != tt.commit {
				t.Errorf("commit %q, want %q", got, tt.commit)
			}
			if got := tt.p.Changed(); got != tt.changed {
				t.Errorf("changed %v", got)
			}
		})
	}
	skipped := outputs("git-push", `{"commit":"a","branch":"kargo/prod/prod-1"}`)
	skipped.Steps[0].Phase = pipeline.Skipped
	if skipped.Changed() || skipped.MergeCommit() != "" {
		t.Error("a push that was skipped counts as a change")
	}
	if skipped.OwnBranch() == "" {
		t.Error("the branch of an earlier start is forgotten")
	}
}

package pipeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// modelled is a Snapshot with one of everything: f1 is current and verified in
// test, prod-1 runs with f1, prod-2 failed with f2.
func modelled(t *testing.T) (*world, pipeline.Freight, pipeline.Freight) {
	t.Helper()
	w := newWorld(t, stage("test", direct("web")), stage("prod", from("test")))
	f1, f2 := w.freight("1"), w.freight("2")
	w.current("test", f1)
	w.promotion("prod", f1, pipeline.Running).Actor = "ana"
	p := w.promotion("prod", f2, pipeline.Failed)
	p.Steps[0] = pipeline.StepState{Phase: pipeline.Failed, Attempts: 2, Errors: 2, Message: "broken", Output: json.RawMessage(`{}`), EndedAt: t0}
	w.ask(pipeline.Intent{ID: "i1"})
	return w, f1, f2
}

// frozen fails the test when what Apply was given changed.
func frozen(t *testing.T, s pipeline.Snapshot) {
	t.Helper()
	before, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		after, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before), string(after)); diff != "" {
			t.Errorf("the argument changed: %s", diff)
		}
	})
}

func TestApplyActions(t *testing.T) {
	t.Parallel()
	later := t0.Add(time.Hour)
	_, f1, f2 := modelled(t)
	f3 := image("web", "3")
	hold := pipeline.Hold{Stage: "prod", Warehouse: "web", Actor: "ana", Reason: "demo", CreatedAt: later}
	approval := pipeline.Approval{Actor: ana, Head: "abc", At: later}
	for _, tt := range []struct {
		name    string
		actions []pipeline.Action
		got     func(pipeline.Snapshot) any
		want    any
	}{
		{
			"new Freight is stored once",
			[]pipeline.Action{pipeline.CreateFreight{Freight: f3}, pipeline.CreateFreight{Freight: f3}, pipeline.CreateFreight{Freight: f1}},
			func(s pipeline.Snapshot) any { return len(s.Freight) }, 3,
		},
		{
			"deleted Freight takes its marks along",
			[]pipeline.Action{pipeline.DeleteFreight{Freight: f1.ID}},
			func(s pipeline.Snapshot) any { return [2]int{len(s.Freight), len(s.Marks)} },
			[2]int{1, 0},
		},
		{
			"Freight is renamed",
			[]pipeline.Action{pipeline.RenameFreight{Freight: f2.ID, Alias: "release"}},
			func(s pipeline.Snapshot) any { f, _ := s.FreightByID(f2.ID); return f.Alias }, "release",
		},
		{
			"the first verification counts",
			[]pipeline.Action{pipeline.MarkVerified{Stage: "test", Freight: f1.ID}, pipeline.MarkVerified{Stage: "prod", Freight: f1.ID}},
			func(s pipeline.Snapshot) any {
				return []time.Time{s.Mark("test", f1.ID).VerifiedAt, s.Mark("prod", f1.ID).VerifiedAt}
			},
			[]time.Time{t0, later},
		},
		{
			"unknown Freight gets no mark",
			[]pipeline.Action{pipeline.MarkVerified{Stage: "test", Freight: f3.ID}},
			func(s pipeline.Snapshot) any { return len(s.Marks) }, 1,
		},
		{
			"adopted Freight is current and what was current leaves with its soak",
			[]pipeline.Action{pipeline.AdoptFreight{Stage: "test", Freight: f2.ID}},
			func(s pipeline.Snapshot) any { return []pipeline.Mark{s.Mark("test", f1.ID), s.Mark("test", f2.ID)} },
			[]pipeline.Mark{
				{Stage: "test", Freight: f1.ID, VerifiedAt: t0, LeftAt: later, LongestSoak: time.Hour},
				{Stage: "test", Freight: f2.ID, CurrentSince: later},
			},
		},
		{
			"approval of Freight",
			[]pipeline.Action{pipeline.ApproveFreight{Stage: "prod", Freight: f2.ID, Intent: "i1"}},
			func(s pipeline.Snapshot) any { return s.Mark("prod", f2.ID).ApprovedAt }, later,
		},
		{
			"one approval per person and head",
			[]pipeline.Action{
				pipeline.ApprovePromotion{Promotion: "prod-1", Approval: approval},
				pipeline.ApprovePromotion{Promotion: "prod-1", Approval: approval},
				pipeline.ApprovePromotion{Promotion: "prod-1", Approval: pipeline.Approval{Actor: ed, Head: "abc", At: later}},
			},
			func(s pipeline.Snapshot) any { return len(s.Promotions[0].Approvals) }, 2,
		},
		{
			"a Promotion gets the next number of its Stage",
			[]pipeline.Action{pipeline.StartPromotion{Promotion: pipeline.Promotion{Stage: stage("prod"), Freight: f2}}},
			func(s pipeline.Snapshot) any { return s.Promotions[2].ID }, "prod-3",
		},
		{
			"Freight is on its way into a Stage once",
			[]pipeline.Action{pipeline.StartPromotion{Promotion: pipeline.Promotion{Stage: stage("prod"), Freight: f1}}},
			func(s pipeline.Snapshot) any { return len(s.Promotions) }, 2,
		},
		{
			"the first request to abort counts, and none for what ended",
			[]pipeline.Action{
				pipeline.AbortPromotion{Promotion: "prod-1", Reason: "no", As: pipeline.Failed},
				pipeline.AbortPromotion{Promotion: "prod-1", Reason: "never"},
				pipeline.AbortPromotion{Promotion: "prod-2", Reason: "no"},
			},
			func(s pipeline.Snapshot) any {
				return []any{s.Promotions[0].AbortRequested, s.Promotions[0].AbortAs, s.Promotions[1].AbortRequested}
			},
			[]any{"no", pipeline.Failed, ""},
		},
		{
			"a retry goes on from the step that failed",
			[]pipeline.Action{pipeline.RetryPromotion{Promotion: "prod-2", Intent: "i1"}},
			func(s pipeline.Snapshot) any {
				return []any{s.Promotions[1].Phase, s.Promotions[1].Retries, s.Promotions[1].Steps, len(s.Intents)}
			},
			[]any{pipeline.Pending, 1, []pipeline.StepState{{Attempts: 2, Output: json.RawMessage(`{}`)}}, 0},
		},
		{
			"a Stage has one unfinished run",
			[]pipeline.Action{
				pipeline.StartVerification{Run: pipeline.VerificationRun{Stage: stage("prod")}},
				pipeline.StartVerification{Run: pipeline.VerificationRun{Stage: stage("prod")}},
				pipeline.StopVerification{Run: "prod-v1", Reason: "enough"},
			},
			func(s pipeline.Snapshot) any {
				return []any{len(s.Verifications), s.Verifications[0].ID, s.Verifications[0].Phase, s.Verifications[0].AbortRequested}
			},
			[]any{1, "prod-v1", pipeline.VerificationPending, "enough"},
		},
		{
			"one request may be answered by several actions",
			[]pipeline.Action{
				pipeline.RecordHold{Hold: hold, Intent: "i1"},
				pipeline.RecordHold{Hold: pipeline.Hold{Stage: "test", Warehouse: "web"}, Intent: "i1"},
			},
			func(s pipeline.Snapshot) any { return [2]int{len(s.Holds), len(s.Intents)} },
			[2]int{2, 0},
		},
		{
			"nothing comes of an answer to a request that is closed",
			[]pipeline.Action{pipeline.RecordHold{Hold: hold, Intent: "gone"}},
			func(s pipeline.Snapshot) any { return len(s.Holds) }, 0,
		},
		{
			"a hold is released",
			[]pipeline.Action{pipeline.RecordHold{Hold: hold}, pipeline.ReleaseHold{Stage: "prod", Warehouse: "web"}},
			func(s pipeline.Snapshot) any { return len(s.Holds) }, 0,
		},
		{
			"a freeze",
			[]pipeline.Action{pipeline.FreezePipeline{Freeze: pipeline.Freeze{Actor: "ana"}, Intent: "i1"}},
			func(s pipeline.Snapshot) any { return s.Freeze.Active(later) }, true,
		},
		{
			"a thaw",
			[]pipeline.Action{pipeline.FreezePipeline{Freeze: pipeline.Freeze{Actor: "ana"}}, pipeline.ThawPipeline{}},
			func(s pipeline.Snapshot) any { return s.Freeze.Active(later) }, false,
		},
		{
			"a refused request is closed",
			[]pipeline.Action{pipeline.RefuseIntent{Intent: "i1", Err: &pipeline.UserError{}}},
			func(s pipeline.Snapshot) any { return len(s.Intents) }, 0,
		},
		{
			"a granted request is closed",
			[]pipeline.Action{pipeline.GrantIntent{Intent: "i1"}},
			func(s pipeline.Snapshot) any { return len(s.Intents) }, 0,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, _, _ := modelled(t)
			frozen(t, w.s)
			got := tt.got(pipeline.Apply(w.p, w.s, tt.actions, later))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRecordPromotion(t *testing.T) {
	t.Parallel()
	manual := pipeline.Hold{Stage: "prod", Warehouse: "web", Actor: "ed", Reason: "demo"}
	for _, tt := range []struct {
		name      string
		phase     pipeline.Phase
		intent    pipeline.HoldIntent
		before    []pipeline.Hold
		current   bool
		wantHolds []pipeline.Hold
	}{
		{name: "a failure changes nothing else", phase: pipeline.Failed, intent: pipeline.SetHold},
		{name: "success makes current", phase: pipeline.Succeeded, current: true},
		{
			name: "success sets the intended hold", phase: pipeline.Succeeded, intent: pipeline.SetHold, current: true,
			wantHolds: []pipeline.Hold{{Stage: "prod", Warehouse: "web", Promotion: "prod-1", Actor: "ana", CreatedAt: t0}},
		},
		{
			name: "success clears a hold of an earlier Promotion", phase: pipeline.Succeeded, intent: pipeline.ClearHold, current: true,
			before: []pipeline.Hold{{Stage: "prod", Warehouse: "web", Promotion: "prod-0"}},
		},
		{
			name: "only resuming ends a hold that a person asked for", phase: pipeline.Succeeded, intent: pipeline.ClearHold, current: true,
			before: []pipeline.Hold{manual}, wantHolds: []pipeline.Hold{manual},
		},
		{
			name: "a hold that a person asked for is not replaced", phase: pipeline.Succeeded, intent: pipeline.SetHold, current: true,
			before: []pipeline.Hold{manual}, wantHolds: []pipeline.Hold{manual},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, f1, _ := modelled(t)
			w.s.Promotions[0].HoldIntent = tt.intent
			w.s.Promotions[0].AbortRequested = "late"
			w.s.Holds = tt.before
			frozen(t, w.s)
			pr := w.s.Promotions[0]
			pr.Phase, pr.AbortRequested, pr.HoldIntent = tt.phase, "", ""
			s := pipeline.RecordPromotion(w.p, w.s, pr, t0)
			for i := range s.Holds {
				if s.Holds[i].Freight == f1.ID {
					s.Holds[i].Freight = ""
				}
			}
			if diff := cmp.Diff(tt.wantHolds, s.Holds, cmp.Transformer("empty", func(h []pipeline.Hold) []pipeline.Hold { return append([]pipeline.Hold{}, h...) })); diff != "" {
				t.Errorf("holds (-want +got)\n%s", diff)
			}
			if got := !s.Mark("prod", f1.ID).CurrentSince.IsZero(); got != tt.current {
				t.Errorf("current %v, want %v", got, tt.current)
			}
			if s.Promotions[0].AbortRequested != "late" {
				t.Error("a request to abort was overwritten")
			}
			pr.Phase = pipeline.Running
			if again := pipeline.RecordPromotion(w.p, s, pr, t0); again.Promotions[0].Phase != tt.phase {
				t.Errorf("an end was left for %s", again.Promotions[0].Phase)
			}
		})
	}
}

func TestRecordVerification(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		phase pipeline.VerificationPhase
		again bool
		want  [2]time.Time
	}{
		{"success verifies the whole collection and keeps the first time", pipeline.VerificationSuccessful, false, [2]time.Time{t0, t0.Add(time.Hour)}},
		{"a repetition that fails takes the mark away", pipeline.VerificationFailed, true, [2]time.Time{}},
		{"the first failure of a collection does not", pipeline.VerificationFailed, false, [2]time.Time{t0, {}}},
		{"an error says nothing about the Freight", pipeline.VerificationError, true, [2]time.Time{t0, {}}},
		{"nor does a run that was stopped", pipeline.VerificationAborted, true, [2]time.Time{t0, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, f1, f2 := modelled(t)
			w.s.Verifications = []pipeline.VerificationRun{{
				ID: "test-v1", Seq: 1, Stage: stage("test"), Collection: []pipeline.Freight{f1, f2}, Phase: pipeline.VerificationRunning, Again: tt.again,
			}}
			frozen(t, w.s)
			run := w.s.Verifications[0]
			run.Phase = tt.phase
			s := pipeline.RecordVerification(w.p, w.s, run, t0.Add(time.Hour))
			got := [2]time.Time{s.Mark("test", f1.ID).VerifiedAt, s.Mark("test", f2.ID).VerifiedAt}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestASuccessStartsTheVerificationThatFollows(t *testing.T) {
	t.Parallel()
	w, f1, _ := modelled(t)
	verified := &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}}}
	w.s.Promotions[0].Stage.Verification = verified
	frozen(t, w.s)
	pr := w.s.Promotions[0]
	pr.Phase = pipeline.Succeeded
	s := pipeline.RecordPromotion(w.p, w.s, pr, t0)
	if len(s.Verifications) != 1 || s.Verifications[0].ID != "prod-v1" || s.Verifications[0].Promotion != "prod-1" {
		t.Fatalf("got %+v", s.Verifications)
	}
	if got := pipeline.CollectionKey(s.Verifications[0].Collection); got != f1.ID {
		t.Errorf("it verifies %s", got)
	}
}

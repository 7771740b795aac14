package pipeline_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// asking records a Promotion whose step asks.
func (w *world) asking(stage string, f pipeline.Freight, question string) *pipeline.Promotion {
	p := w.promotion(stage, f, pipeline.Running)
	p.Steps[0] = pipeline.StepState{
		Phase: pipeline.Running, Attempts: 1, Message: "asks", WakeAt: t0.Add(time.Minute),
		Output: json.RawMessage(`{"question":` + question + `}`),
	}
	return p
}

func TestAnswerIntents(t *testing.T) {
	t.Parallel()
	answer := pipeline.Intent{Kind: pipeline.IntentAnswer, Stage: "prod", Values: map[string]string{"ticket": "CHG-7"}, Actor: ana}
	by := func(a pipeline.Actor) pipeline.Intent { in := answer; in.Actor = a; return in }
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"))}, map[string]request{
		"who may promote may answer what asks nobody in particular": {
			setup: func(w *world) { w.asking("prod", w.freight("1"), `{}`); w.ask(answer) },
			want:  []string{"ana answers step-1 of prod-1"}, answer: "done",
		},
		"who is asked may answer whatever else they may": {
			setup: func(w *world) { w.asking("prod", w.freight("1"), `{"from":["ed"]}`); w.ask(by(ed)) },
			want:  []string{"ed answers step-1 of prod-1"}, answer: "done",
		},
		"who is asked to approve may approve whatever else they may": {
			setup: func(w *world) {
				w.asking("prod", w.freight("1"), `{"from":["ed"],"approve":true}`)
				w.ask(pipeline.Intent{Kind: pipeline.IntentApprove, Stage: "prod", Actor: ed})
			},
			want: []string{"ed approves prod-1 at "}, answer: "done",
		},
		"refused: who is not asked": {
			setup:  func(w *world) { w.asking("prod", w.freight("1"), `{"from":["@acme/leads"]}`); w.ask(answer) },
			answer: "ana may not answer: that takes acme/leads, and their role here is write",
		},
		"refused: who may not promote": {
			setup:  func(w *world) { w.asking("prod", w.freight("1"), `{}`); w.ask(by(ed)) },
			answer: `ed may not promote Stage "prod": that takes write permission, and their role here is read`,
		},
		"refused: an answer where nothing is asked": {
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Running); w.ask(answer) },
			answer: "prod-1 is running and asks nothing (/kargo status prod)",
		},
		"refused: an answer where an approval is asked for": {
			setup:  func(w *world) { w.asking("prod", w.freight("1"), `{"approve":true}`); w.ask(answer) },
			answer: "step step-1 of prod-1 asks for an approval (/kargo approve prod)",
		},
		"refused: an answer where nothing is open": {
			setup:  func(w *world) { w.ask(answer) },
			answer: "no Promotion into prod is queued or running (/kargo status)",
		},
	})
}

package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestRetryIntents(t *testing.T) {
	t.Parallel()
	retry := pipeline.Intent{Kind: pipeline.IntentRetry, Stage: "prod"}
	opening := stage("prod", direct("web"))
	opening.Steps = []pipeline.StepSpec{{Uses: "git-open-pr", As: "pr"}, {Uses: "git-wait-for-pr", As: "wait"}}
	anew := []string{"promote 1 to prod"}
	checkRequests(t, []pipeline.Stage{stage("prod", direct("web"))}, map[string]request{
		"what failed goes on where it failed": {
			setup: func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Failed); w.ask(retry) },
			want:  []string{"retry prod-1"}, answer: "retrying prod-1",
		},
		"so does what ended in an error, by name": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Errored)
				w.promotion("prod", w.freight("2"), pipeline.Failed)
				in := retry
				in.Promotion, in.Stage = "prod-1", ""
				w.ask(in)
			},
			want: []string{"retry prod-1"}, answer: "retrying prod-1",
		},
		"from the start means a new Promotion": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Failed)
				in := retry
				in.FromStart = true
				w.ask(in)
			},
			want: anew, answer: "started prod-2",
		},
		"what was aborted starts anew": {
			setup: func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Aborted); w.ask(retry) },
			want:  anew, answer: "started prod-2",
		},
		"what was rejected starts anew": {
			setup: func(w *world) {
				p := w.promotion("prod", w.freight("1"), pipeline.Failed)
				p.AbortRequested, p.AbortAs = "rejected by ana", pipeline.Failed
				w.ask(retry)
			},
			want: anew, answer: "started prod-2",
		},
		"what lost its pull request starts anew": {
			stages: []pipeline.Stage{opening},
			setup: func(w *world) {
				p := w.promotion("prod", w.freight("1"), pipeline.Failed)
				p.Steps[0].Output = []byte(`{"pr":{"id":7,"open":true}}`)
				p.Steps[1].Output = []byte(`{"pr":{"id":7,"open":false}}`)
				w.ask(retry)
			},
			want: anew, answer: "started prod-2",
		},
		"what others succeeded after starts anew": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Failed)
				w.promoted("prod", w.freight("2"))
				in := retry
				in.Stage, in.Promotion = "", "prod-1"
				w.ask(in)
				w.verified("prod", w.s.Freight[1])
			},
			want: anew, answer: "started prod-3",
		},
		"what others wait behind starts anew, behind them": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Failed)
				w.promotion("prod", w.freight("2"), pipeline.Pending)
				in := retry
				in.Stage, in.Promotion = "", "prod-1"
				w.ask(in)
			},
			want: anew, answer: "started prod-3",
		},
		"a rollback that is retried is one again": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1"), pipeline.Aborted).Rollback = true
				w.ask(retry)
			},
			want: []string{"roll back to 1 in prod and hold"}, answer: "started prod-2",
		},
		"refused: what succeeded": {
			setup: func(w *world) {
				w.promoted("prod", w.freight("1"))
				w.verified("prod", w.s.Freight[0])
				w.ask(retry)
			},
			answer: "prod-1 succeeded, there is nothing to retry (/promote prod)",
		},
		"refused: what has not ended": {
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Running); w.ask(retry) },
			answer: "prod-1 has not ended: it is running (/kargo abort prod-1)",
		},
		"refused: where nothing was promoted": {
			setup:  func(w *world) { w.ask(retry) },
			answer: "nothing was ever promoted to prod (/promote prod)",
		},
		"refused: a Promotion that never was": {
			setup: func(w *world) {
				in := retry
				in.Stage, in.Promotion = "", "prod-9"
				w.ask(in)
			},
			answer: "there is no Promotion prod-9 (/kargo status)",
		},
		"refused: Freight that may not enter any more": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))},
			setup:  func(w *world) { w.promotion("prod", w.freight("1"), pipeline.Failed); w.ask(retry) },
			answer: "web 1 cannot enter prod yet: verified in test: never promoted there (/promote test)",
		},
	})
}

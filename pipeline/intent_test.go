package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// request is one situation in which somebody asks for something. Without want
// nothing happens but that the request is refused with the answer.
type request struct {
	stages []pipeline.Stage
	setup  func(w *world)
	want   []string
	answer string
}

func checkRequests(t *testing.T, stages []pipeline.Stage, requests map[string]request) {
	t.Helper()
	for name, tt := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stages := stages
			if tt.stages != nil {
				stages = tt.stages
			}
			w := newWorld(t, stages...)
			tt.setup(w)
			last := w.s.Intents[len(w.s.Intents)-1].ID
			actions := w.settle()
			want := tt.want
			if want == nil {
				want = []string{"refuse: " + tt.answer}
			}
			got := slices.DeleteFunc(show(actions, w.s), func(line string) bool { return strings.HasPrefix(line, "wake at ") })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if got := w.answers[last]; got != tt.answer {
				t.Errorf("answer %q, want %q", got, tt.answer)
			}
		})
	}
}

func TestIntents(t *testing.T) {
	t.Parallel()
	promote := func(f pipeline.Freight) pipeline.Intent {
		return pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "prod", Freight: f.ID}
	}
	abort := pipeline.Intent{Kind: pipeline.IntentAbort}
	chain := []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))}
	// open lets everything into prod.
	open := []pipeline.Stage{stage("test", direct("web")), stage("prod", direct("web"))}
	checkRequests(t, chain, map[string]request{
		"promote starts what was named": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.verified("test", f)
				w.ask(promote(f))
			},
			want: []string{"promote 1.0.0 to prod"}, answer: "started prod-1",
		},
		"promote without Freight takes the candidate": {
			setup: func(w *world) {
				w.verified("test", w.freight("1.0.0"))
				w.freight("1.0.1")
				w.ask(promote(pipeline.Freight{}))
			},
			want: []string{"promote 1.0.0 to prod"}, answer: "started prod-1",
		},
		"an approved Freight needs no upstream": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.mark("prod", f, func(m *pipeline.Mark) { m.ApprovedAt = w.now })
				w.ask(promote(f))
			},
			want: []string{"promote 1.0.0 to prod"}, answer: "started prod-1",
		},
		"the candidate of another origin is taken when one is current": {
			stages: []pipeline.Stage{stage("prod", direct("web"), direct("api"))},
			setup: func(w *world) {
				w.freightOf("api", "2.0.0")
				w.current("prod", w.freight("1.0.0"))
				w.ask(promote(pipeline.Freight{}))
			},
			want: []string{"promote 2.0.0 to prod"}, answer: "started prod-1",
		},
		"promoting the candidate of an automatic Stage resumes automation": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.s.Holds = []pipeline.Hold{{Stage: "prod", Warehouse: "web"}}
				f := w.freight("1.0.0")
				w.verified("test", f)
				w.ask(promote(f))
			},
			want: []string{"promote 1.0.0 to prod and resume"}, answer: "started prod-1",
		},
		"promoting anything else holds automation from this moment": {
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				old, next := w.freight("1.0.0"), w.freight("1.0.1")
				w.verified("test", old)
				w.verified("test", next)
				w.ask(promote(old))
			},
			want: []string{"promote 1.0.0 to prod and hold"}, answer: "started prod-1",
		},
		"a Stage without automation has nothing to hold": {
			setup: func(w *world) {
				old, next := w.freight("1.0.0"), w.freight("1.0.1")
				w.verified("test", old)
				w.verified("test", next)
				w.ask(promote(old))
			},
			want: []string{"promote 1.0.0 to prod"}, answer: "started prod-1",
		},
		"going back to what is current is possible behind other Freight": {
			stages: open,
			setup: func(w *world) {
				old, next := w.freight("1.0.0"), w.freight("1.0.1")
				w.current("prod", old)
				w.verified("test", old)
				w.promotion("prod", next, pipeline.Running)
				w.ask(promote(old))
			},
			want: []string{"promote 1.0.0 to prod"}, answer: "started prod-2",
		},
		"promote while the same is being aborted waits for the abort": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.verified("test", f)
				w.promotion("prod", f, pipeline.Running)
				w.ask(pipeline.Intent{ID: "a", Kind: pipeline.IntentAbort, Stage: "prod"})
				w.ask(promote(f))
			},
			want: []string{"abort prod-1: aborted by ana"},
		},
		"asking twice at once starts once": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.verified("test", f)
				w.ask(pipeline.Intent{ID: "a", Kind: pipeline.IntentPromote, Stage: "prod"})
				w.ask(promote(f))
			},
			want:   []string{"promote 1.0.0 to prod", "refuse: web 1.0.0 is already on its way to prod as prod-1 (/kargo status prod)"},
			answer: "web 1.0.0 is already on its way to prod as prod-1 (/kargo status prod)",
		},
		"refused: an unknown Stage, with a suggestion": {
			setup:  func(w *world) { w.ask(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "prodd"}) },
			answer: `there is no Stage "prodd" (did you mean "prod"? Stages: test, prod)`,
		},
		"refused: a person without the right, who learns who has it": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.verified("test", f)
				in := promote(f)
				in.Actor = ed
				w.ask(in)
			},
			answer: `ed may not promote Stage "prod": that takes write permission, and their role here is read`,
		},
		"refused: Freight that is not verified upstream, with what helps": {
			setup: func(w *world) {
				w.ask(promote(w.freight("1.0.0")))
			},
			answer: "web 1.0.0 cannot enter prod yet: verified in test: never promoted there (/promote test)",
		},
		"refused: Freight that is on its way upstream": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.promotion("test", f, pipeline.Running)
				w.ask(promote(f))
			},
			answer: "web 1.0.0 cannot enter prod yet: verified in test: test-1 is running (/kargo why prod)",
		},
		"refused: Freight that soaks, with the time": {
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))},
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.current("test", f)
				w.ask(promote(f))
			},
			answer: "web 1.0.0 cannot enter prod yet: verified in test and soaked there 1h: verified 2026-01-02 03:04 UTC, soaked 0s, ready 2026-01-02 04:04 UTC (/kargo why prod)",
		},
		"refused: Freight of a Warehouse that the Stage does not take": {
			setup:  func(w *world) { w.ask(promote(w.freightOf("api", "1.0.0"))) },
			answer: "api 1.0.0 cannot enter prod yet: Stage prod takes Freight from Warehouse api: it takes Freight from web (/kargo why prod)",
		},
		"refused: Freight that does not exist": {
			setup:  func(w *world) { w.ask(promote(pipeline.Freight{ID: "0123456789"})) },
			answer: "Freight 0123456 is unknown (/kargo status)",
		},
		"refused: no Freight at all": {
			setup:  func(w *world) { w.ask(promote(pipeline.Freight{})) },
			answer: `there is no Freight yet for Stage "prod" (Freight appears when web discovers artifacts; /kargo status shows what was seen)`,
		},
		"refused: no Freight that may enter, naming the gates of the newest": {
			setup:  func(w *world) { w.freight("1.0.0"); w.freight("1.0.1"); w.ask(promote(pipeline.Freight{})) },
			answer: "web 1.0.1 cannot enter prod yet: verified in test: never promoted there (/promote test)",
		},
		"refused: what is on its way": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.verified("test", f)
				w.promotion("prod", f, pipeline.Pending)
				w.ask(promote(f))
			},
			answer: "web 1.0.0 is already on its way to prod as prod-1 (/kargo status prod)",
		},
		"refused: what is current": {
			setup: func(w *world) {
				f := w.freight("1.0.0")
				w.current("prod", f)
				w.verified("test", f)
				w.ask(promote(pipeline.Freight{}))
			},
			answer: "web 1.0.0 is already current in prod (/kargo status prod)",
		},
		"refused: a control-flow Stage, naming the Stages behind it": {
			stages: []pipeline.Stage{control("gate", direct("web")), stage("eu", from("gate")), stage("us", from("gate"))},
			setup: func(w *world) {
				w.verified("gate", w.freight("1.0.0"))
				w.ask(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: "gate"})
			},
			answer: `Stage "gate" only routes Freight, nothing is promoted to it (/promote eu us)`,
		},
		"refused: something nobody knows": {
			setup:  func(w *world) { w.ask(pipeline.Intent{Kind: "dance"}) },
			answer: `"dance" is not something that can be asked for`,
		},

		"abort means the Promotion it names": {
			stages: open,
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Running)
				w.promotion("prod", w.freight("1.0.1"), pipeline.Pending)
				in := abort
				in.Promotion = "prod-2"
				w.ask(in)
			},
			want: []string{"abort prod-2: aborted by ana"}, answer: "aborting prod-2",
		},
		"abort of a Stage means what runs, not what waits": {
			stages: open,
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Pending)
				w.promotion("prod", w.freight("1.0.1"), pipeline.Running)
				in := abort
				in.Stage = "prod"
				w.ask(in)
			},
			want: []string{"abort prod-2: aborted by ana"}, answer: "aborting prod-2",
		},
		"abort of a Stage means the first in the queue when nothing runs": {
			stages: open,
			setup: func(w *world) {
				a, b := w.freight("1.0.0"), w.freight("1.0.1")
				w.promotion("prod", a, pipeline.Pending)
				w.promotion("prod", b, pipeline.Pending)
				w.s.Promotions[0], w.s.Promotions[1] = w.s.Promotions[1], w.s.Promotions[0]
				in := abort
				in.Stage = "prod"
				w.ask(in)
			},
			want: []string{"abort prod-1: aborted by ana"}, answer: "aborting prod-1",
		},
		"abort on a pull request means its Promotion": {
			stages: []pipeline.Stage{{Name: "prod", Requests: []pipeline.FreightRequest{direct("web")}, Steps: []pipeline.StepSpec{{Uses: "git-open-pr"}}}},
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Running).Steps[0].Output = []byte(`{"pr":{"id":7}}`)
				w.promotion("prod", w.freight("1.0.1"), pipeline.Pending)
				in := abort
				in.Number = 7
				w.ask(in)
			},
			want: []string{"abort prod-1: aborted by ana"}, answer: "aborting prod-1",
		},
		"the right to abort is what the file says now": {
			stages: open,
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Running)
				w.p.Stages[1].Access.Abort = []string{"role:admin"}
				in := abort
				in.Stage = "prod"
				w.ask(in)
			},
			answer: `ana may not abort Stage "prod": that takes admin permission, and their role here is write`,
		},
		"refused: abort of what is being aborted": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Running).AbortRequested = "enough"
				in := abort
				in.Promotion = "prod-1"
				w.ask(in)
			},
			answer: "prod-1 is being aborted already (/kargo status)",
		},
		"refused: abort of what has ended": {
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Succeeded)
				in := abort
				in.Promotion = "prod-1"
				w.ask(in)
			},
			answer: "prod-1 has ended already: Succeeded (/kargo status)",
		},
		"refused: abort of what never was": {
			setup: func(w *world) {
				in := abort
				in.Promotion = "prod-9"
				w.ask(in)
			},
			answer: "no Promotion prod-9 is queued or running (/kargo status)",
		},
		"refused: abort of an idle Stage": {
			setup: func(w *world) {
				in := abort
				in.Stage = "prod"
				w.ask(in)
			},
			answer: "no Promotion into prod is queued or running (/kargo status)",
		},
		"refused: abort where no pull request is meant, whatever has none yet": {
			stages: open,
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Pending)
				w.ask(abort)
			},
			answer: "no Promotion is running for this pull request (/kargo status)",
		},
		"abort by a person without the right": {
			stages: open,
			setup: func(w *world) {
				w.promotion("prod", w.freight("1.0.0"), pipeline.Running)
				w.ask(pipeline.Intent{Kind: pipeline.IntentAbort, Stage: "prod", Actor: ed})
			},
			answer: `ed may not abort Stage "prod": that takes write permission, and their role here is read`,
		},
	})
}

func TestPromoteAfterAbortInOneComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("prod", direct("web")))
	w.promotion("prod", w.freight("1.0.0"), pipeline.Running)
	w.ask(pipeline.Intent{ID: "abort", Kind: pipeline.IntentAbort, Stage: "prod"})
	w.ask(pipeline.Intent{ID: "promote", Kind: pipeline.IntentPromote, Stage: "prod"})
	w.settle()
	if w.answers["promote"] != "" {
		t.Fatalf("answered %q before the abort was carried out", w.answers["promote"])
	}
	running := &w.s.Promotions[0]
	running.Abort(w.now, running.AbortRequested)
	w.settle()
	if got := w.answers["promote"]; got != "started prod-2" {
		t.Errorf("answer %q", got)
	}
}

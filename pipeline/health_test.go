package pipeline_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// watched is a Promotion that succeeded and whose one step registered a check.
func (w *world) watched(stage string, f pipeline.Freight) *pipeline.Promotion {
	p := w.promotion(stage, f, pipeline.Running)
	p.Steps = make([]pipeline.StepState, len(p.Stage.Steps))
	p.Begin(0, w.now)
	p.Apply(0, pipeline.StepResult{
		Phase: pipeline.Succeeded, Health: &pipeline.HealthCheck{Kind: "argocd-update", Input: json.RawMessage(`{"app":"web"}`)},
	}, w.now)
	p.Finish(w.now)
	w.occupy(stage, f)
	return p
}

// reads records what the checks of a Stage's newest Promotion say.
func (w *world) reads(stage string, state pipeline.HealthState, issues ...string) {
	p := w.s.Promotions[len(w.s.Promotions)-1]
	w.s = pipeline.RecordHealth(w.p, w.s, pipeline.HealthReading{
		Stage: stage, Promotion: p.ID, State: state, Issues: issues, Since: w.now, CheckedAt: w.now,
	}, w.now)
}

func TestHealthOfAStage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stage pipeline.Stage
		setup func(w *world, f pipeline.Freight)
		want  pipeline.Health
	}{
		"a Stage into which nothing was promoted has none": {
			setup: func(*world, pipeline.Freight) {},
		},
		"a control-flow Stage has none": {
			stage: control("test", direct("web")),
			setup: func(w *world, f pipeline.Freight) { w.verified("test", f) },
		},
		"without checks a success is Healthy": {
			setup: func(w *world, f pipeline.Freight) { w.promoted("test", f); w.verified("test", f) },
			want:  pipeline.Health{State: pipeline.HealthHealthy},
		},
		"while a Promotion runs it is Unknown": {
			setup: func(w *world, f pipeline.Freight) { w.promoted("test", f); w.promotion("test", f, pipeline.Running) },
			want:  pipeline.Health{State: pipeline.HealthUnknown, Issues: []string{"test-2 is running"}, Unready: "test-2 is running"},
		},
		"one that waits its turn changes nothing": {
			setup: func(w *world, f pipeline.Freight) {
				w.promoted("test", f)
				w.verified("test", f)
				w.promotion("test", f, pipeline.Pending)
			},
			want: pipeline.Health{State: pipeline.HealthHealthy},
		},
		"after a Promotion that did not succeed it is Unknown": {
			setup: func(w *world, f pipeline.Freight) { w.promoted("test", f); w.promotion("test", f, pipeline.Errored) },
			want:  pipeline.Health{State: pipeline.HealthUnknown, Issues: []string{"test-2 ended Errored"}, Unready: "test-2 ended Errored"},
		},
		"before the checks were asked it is Unknown": {
			setup: func(w *world, f pipeline.Freight) { w.watched("test", f) },
			want:  pipeline.Health{State: pipeline.HealthUnknown, Issues: []string{"nobody has looked yet"}, Unready: "it is Unknown"},
		},
		"what the checks of an earlier Promotion said does not count": {
			setup: func(w *world, f pipeline.Freight) {
				w.watched("test", f)
				w.reads("test", pipeline.HealthHealthy)
				w.watched("test", f)
			},
			want: pipeline.Health{State: pipeline.HealthUnknown, Issues: []string{"nobody has looked yet"}, Unready: "it is Unknown"},
		},
		"it is what the checks say": {
			setup: func(w *world, f pipeline.Freight) {
				w.watched("test", f)
				w.reads("test", pipeline.HealthUnhealthy, "web is Degraded")
			},
			want: pipeline.Health{State: pipeline.HealthUnhealthy, Issues: []string{"web is Degraded"}, Since: t0, Unready: "it is Unhealthy"},
		},
		"a Verification that failed leaves it Healthy, but the Stage is not ready": {
			setup: func(w *world, f pipeline.Freight) {
				w.promoted("test", f)
				w.verification("test", pipeline.VerificationFailed).Message = "3 of 40"
			},
			want: pipeline.Health{State: pipeline.HealthHealthy, Unready: "test-v1 ended Failed: 3 of 40"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := tt.stage
			if st.Name == "" {
				st = stage("test", direct("web"))
			}
			w := newWorld(t, st)
			tt.setup(w, w.freight("1"))
			if diff := cmp.Diff(tt.want, w.s.Facts().Health(st)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMergeHealth(t *testing.T) {
	t.Parallel()
	finding := func(s pipeline.HealthState, issues ...string) pipeline.HealthFinding {
		return pipeline.HealthFinding{State: s, Issues: issues}
	}
	order := []pipeline.HealthState{
		pipeline.HealthHealthy, pipeline.HealthNotApplicable, pipeline.HealthProgressing, pipeline.HealthUnknown, pipeline.HealthUnhealthy,
	}
	for i, better := range order {
		for _, worse := range order[i:] {
			for _, both := range [][]pipeline.HealthFinding{{finding(better), finding(worse)}, {finding(worse), finding(better)}} {
				if got := pipeline.MergeHealth(both).State; got != worse {
					t.Errorf("%s and %s make %s", both[0].State, both[1].State, got)
				}
			}
		}
	}
	if got := pipeline.MergeHealth(nil).State; got != pipeline.HealthHealthy {
		t.Errorf("no check at all is %s", got)
	}
	got := pipeline.MergeHealth([]pipeline.HealthFinding{
		{State: pipeline.HealthProgressing, Issues: []string{"a"}, WakeAt: t0.Add(time.Hour), WakeOn: []string{"x"}},
		{State: "Splendid", Issues: []string{"b"}, WakeAt: t0, WakeOn: []string{"x", "y"}},
	})
	want := pipeline.HealthReading{
		State: pipeline.HealthUnknown, Issues: []string{"a", "b", `health state "Splendid" is unknown`}, WakeAt: t0, WakeOn: []string{"x", "y"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	flood := pipeline.MergeHealth([]pipeline.HealthFinding{finding(pipeline.HealthUnhealthy, strings.Split(strings.Repeat(strings.Repeat("ü", 400)+"\n", 50), "\n")...)})
	if len(flood.Issues) != 20 || len(flood.Issues[0]) > 500 || !strings.HasPrefix(flood.Issues[0], "üü") {
		t.Errorf("%d issues of %d bytes", len(flood.Issues), len(flood.Issues[0]))
	}
}

func TestDecideHealth(t *testing.T) {
	t.Parallel()
	plain := []pipeline.Stage{stage("test", direct("web")), stage("prod", from("test"))}
	verifying := []pipeline.Stage{checked(stage("test", direct("web")))}
	checkRules(t, map[string]rule{
		"nothing is verified before it is known to be healthy": {
			stages: plain,
			setup:  func(w *world) { w.p.Policies = auto("prod"); w.watched("test", w.freight("1")) },
		},
		"nothing is verified while it progresses": {
			stages: plain,
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthProgressing)
			},
		},
		"what is healthy is verified where nothing else is asked": {
			stages: plain,
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthHealthy)
			},
			want: []string{"verify 1 in test", "promote 1 to prod"},
		},
		"being not applicable is not being healthy": {
			stages: plain,
			setup: func(w *world) {
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthNotApplicable)
			},
		},
		"no Verification starts before it is healthy": {
			stages: verifying,
			setup: func(w *world) {
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthUnhealthy)
			},
		},
		"the Verification starts with health itself, so that nothing gets in between": {
			stages: verifying,
			setup: func(w *world) {
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthHealthy)
				if _, open := w.s.Verifying("test"); !open {
					w.t.Error("no run is under way")
				}
			},
		},
		"a success counts only while it is healthy, and later otherwise": {
			stages: verifying,
			setup: func(w *world) {
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthHealthy)
				w.reads("test", pipeline.HealthUnhealthy)
				w.end("test", pipeline.VerificationSuccessful)
				if !w.s.Mark("test", w.s.Freight[0].ID).VerifiedAt.IsZero() {
					w.t.Error("it was verified at once")
				}
				w.reads("test", pipeline.HealthHealthy)
			},
			want: []string{"verify 1 in test"},
		},
		"what was verified stays so when health is lost": {
			stages: plain,
			setup: func(w *world) {
				w.p.Policies = auto("prod")
				w.watched("test", w.freight("1"))
				w.verified("test", w.s.Freight[0])
				w.reads("test", pipeline.HealthUnhealthy)
			},
			want: []string{"promote 1 to prod"},
		},
		"checks of what was replaced by hand say nothing": {
			stages: plain,
			setup: func(w *world) {
				a, b := w.freight("1"), w.freight("2")
				w.watched("test", a)
				w.reads("test", pipeline.HealthUnhealthy)
				w.occupy("test", b)
			},
			want: []string{"verify 2 in test"},
		},
		"verifying again is refused while it is not healthy": {
			stages: verifying,
			setup: func(w *world) {
				w.watched("test", w.freight("1"))
				w.reads("test", pipeline.HealthUnhealthy, "web is Degraded")
				w.ask(pipeline.Intent{ID: "1", Kind: pipeline.IntentVerify, Stage: "test", Actor: root})
			},
			want: []string{"refuse: only what is healthy is verified, and test is not: it is Unhealthy: web is Degraded (/kargo status test)"},
		},
	})
}

// TestHealthIsEvidence: what keeps Freight from being verified is said where that is
// asked for.
func TestHealthIsEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")), stage("prod", from("test")))
	f := w.freight("1")
	w.watched("test", f)
	prod, _ := w.p.Stage("prod")
	unmet := func() string { return strings.Join(pipeline.Explain(w.p, w.s, prod, f, w.now).Unmet(), "\n") }
	if got, want := unmet(), "verified in test: test-1 succeeded, its health is looked at first"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	w.reads("test", pipeline.HealthProgressing, "2 of 3 replicas")
	if got, want := unmet(), "verified in test: test-1 succeeded, it is Progressing: 2 of 3 replicas"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOnlyASuccessRegistersAHealthCheck(t *testing.T) {
	t.Parallel()
	check := &pipeline.HealthCheck{Kind: "argocd-update"}
	for _, phase := range []pipeline.Phase{pipeline.Succeeded, pipeline.Skipped, pipeline.Running, pipeline.Failed, pipeline.Aborted} {
		p := pipeline.NewPromotion(pipeline.Promotion{Stage: stage("test", direct("web"))})
		p.Start(t0, nil)
		p.Begin(0, t0)
		p.Apply(0, pipeline.StepResult{Phase: phase, Health: check}, t0)
		if got, want := len(p.HealthChecks()) == 1, phase == pipeline.Succeeded; got != want {
			t.Errorf("%s: registered is %v", phase, got)
		}
		p.Rewind(0, "again")
		if len(p.HealthChecks()) != 0 {
			t.Errorf("%s: a step that runs again keeps its check", phase)
		}
	}
}

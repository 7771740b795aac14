package pipeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestDownstream(t *testing.T) {
	t.Parallel()
	stages := []pipeline.Stage{
		stage("test", direct("web"), direct("api")), control("gate", from("test")),
		stage("eu", from("test")), stage("us", from("test")), stage("far", from("gate")),
	}
	for name, tt := range map[string]struct {
		setup  func(w *world) string
		from   string
		latest bool
		want   []string
	}{
		"what is current goes on, by origin": {
			setup: func(w *world) string {
				w.current("test", w.freight("1.0.0"))
				w.current("test", w.freightOf("api", "9.0.0"))
				w.freight("1.1.0")
				return ""
			}, from: "test", want: []string{"1.0.0 to eu", "1.0.0 to us"},
		},
		"what is named goes on": {
			setup: func(w *world) string {
				w.current("test", w.freight("1.0.0"))
				return w.freight("1.1.0").ID
			}, from: "test", want: []string{"1.1.0 to eu", "1.1.0 to us"},
		},
		"out of a Stage that only routes goes the newest": {
			setup: func(w *world) string { w.freight("1.0.0"); return "" }, from: "gate", want: []string{"newest to far"},
		},
		"the latest is whatever each Stage may take": {
			setup: func(w *world) string { w.current("test", w.freight("1.0.0")); return "" }, from: "test", latest: true, want: []string{"newest to eu", "newest to us"},
		},
		"out of an empty Stage goes nothing": {setup: func(*world) string { return "" }, from: "test"},
		"out of the last Stage goes nothing": {
			setup: func(w *world) string { w.current("eu", w.freight("1.0.0")); return "" }, from: "eu",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stages...)
			id := tt.setup(w)
			up, _ := w.p.Stage(tt.from)
			moves, refusal := w.p.Downstream(w.s, up, id, tt.latest)
			var got []string
			for _, m := range moves {
				what := "newest"
				if f, ok := w.s.FreightByID(m.Freight); ok {
					what = f.Version()
				}
				got = append(got, what+" to "+m.Stage)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if (refusal == nil) != (len(got) > 0) {
				t.Errorf("refusal %v for %v", refusal, got)
			}
		})
	}
}

func TestPrevious(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")))
	test, _ := w.p.Stage("test")
	if f, ok := w.s.Facts().Previous(test); ok {
		t.Errorf("%s was in a Stage that is new", f.Version())
	}
	left := func(tag string, at time.Duration, verified bool) {
		f := w.freight(tag)
		w.mark("test", f, func(m *pipeline.Mark) {
			m.LeftAt = t0.Add(at)
			if verified {
				m.VerifiedAt = t0
			}
		})
	}
	left("1.0.0", time.Hour, true)
	left("1.1.0", 2*time.Hour, true)
	left("1.2.0", 3*time.Hour, false)
	w.current("test", w.freight("1.3.0"))
	if f, _ := w.s.Facts().Previous(test); f.Version() != "1.1.0" {
		t.Errorf("%s, want the last that was verified and left", f.Version())
	}
}

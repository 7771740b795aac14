package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

// monday is a Monday, 10:00 UTC.
var monday = time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)

func TestForecast(t *testing.T) {
	t.Parallel()
	approved := stage("prod", from("test"))
	approved.Approvals = pipeline.Approvals{Required: 2}
	checked := stage("test", direct("web"))
	checked.Verification = &pipeline.Verification{Metrics: []pipeline.Metric{{Name: "smoke"}}}
	for _, tt := range []struct {
		name    string
		stages  []pipeline.Stage
		auto    []string
		windows []pipeline.PromotionWindow
		given   func(w *world, f pipeline.Freight)
		want    []string
	}{
		{
			name:   "what is there is there",
			stages: []pipeline.Stage{stage("test", direct("web"))}, auto: []string{"test"},
			given: func(w *world, f pipeline.Freight) {
				w.mark("test", f, func(m *pipeline.Mark) { m.CurrentSince = monday.Add(-time.Hour) })
			},
			want: []string{"test has it"},
		},
		{
			name:   "automation passes everything on at once",
			stages: []pipeline.Stage{stage("prod", from("gate")), control("gate", from("test")), stage("test", direct("web"))},
			auto:   []string{"test", "prod"},
			want:   []string{"prod now", "gate now", "test now"},
		},
		{
			name:   "soak and window add up",
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), 8*time.Hour))},
			auto:   []string{"test", "prod"},
			windows: []pipeline.PromotionWindow{{
				Name: "mornings", Kind: pipeline.AllowWindow, Cron: "0 9 * * *", Duration: pipeline.Duration(2 * time.Hour),
				Selector: pipeline.StageSelector{Name: "prod"},
			}},
			want: []string{"test now", "prod Tuesday 09:00; remaining: soak in test, window mornings"},
		},
		{
			name:   "soak that runs already",
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), 3*time.Hour))},
			auto:   []string{"test", "prod"},
			given: func(w *world, f pipeline.Freight) {
				w.mark("test", f, func(m *pipeline.Mark) { m.CurrentSince = monday.Add(-time.Hour); m.VerifiedAt = monday })
			},
			want: []string{"test has it", "prod today 12:00; remaining: soak in test"},
		},
		{
			name:   "a verification is taken to succeed",
			stages: []pipeline.Stage{checked, stage("prod", from("test"))}, auto: []string{"test", "prod"},
			want: []string{"test now", "prod now"},
		},
		{
			name:   "a manual Stage needs a command, and so does what comes after it",
			stages: []pipeline.Stage{stage("test", direct("web")), stage("uat", from("test")), stage("prod", from("uat"))},
			auto:   []string{"test", "prod"},
			want:   []string{"test now", "uat now; needs /promote uat", "prod not by itself; remaining: verified in uat; needs /promote uat"},
		},
		{
			name:   "a manual Stage after a soak says when the command is of use",
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), time.Hour))}, auto: []string{"test"},
			want: []string{"test now", "prod today 11:00; remaining: soak in test; needs /promote prod"},
		},
		{
			name:   "approvals are taken to be given",
			stages: []pipeline.Stage{stage("test", direct("web")), approved}, auto: []string{"test", "prod"},
			want: []string{"test now", "prod now; needs 2 approvals"},
		},
		{
			name:   "a freeze that ends by itself",
			stages: []pipeline.Stage{stage("test", direct("web"))}, auto: []string{"test"},
			given: func(w *world, _ pipeline.Freight) {
				w.s.Freeze = &pipeline.Freeze{Actor: "ana", Until: monday.Add(24 * time.Hour)}
			},
			want: []string{"test Tuesday 10:00; remaining: freeze"},
		},
		{
			name:   "a freeze without end",
			stages: []pipeline.Stage{stage("test", direct("web"))}, auto: []string{"test"},
			given: func(w *world, _ pipeline.Freight) { w.s.Freeze = &pipeline.Freeze{Actor: "ana"} },
			want:  []string{"test not by itself; remaining: freeze; needs /kargo thaw"},
		},
		{
			name:   "a hold",
			stages: []pipeline.Stage{stage("test", direct("web"))}, auto: []string{"test"},
			given: func(w *world, _ pipeline.Freight) {
				w.s.Holds = []pipeline.Hold{{Stage: "test", Warehouse: "web", Actor: "ana", Reason: "demo"}}
			},
			want: []string{"test now; needs /kargo resume test"},
		},
		{
			name:   "automation does not repeat what failed",
			stages: []pipeline.Stage{stage("test", direct("web"))}, auto: []string{"test"},
			given: func(w *world, f pipeline.Freight) { w.promotion("test", f, pipeline.Failed) },
			want:  []string{"test now; needs /kargo retry test-1"},
		},
		{
			name:   "what is promoted arrives, also where automation is off",
			stages: []pipeline.Stage{stage("test", direct("web"))},
			given:  func(w *world, f pipeline.Freight) { w.promotion("test", f, pipeline.Running) },
			want:   []string{"test now"},
		},
		{
			name:   "soak that never passes",
			stages: []pipeline.Stage{stage("test", direct("web")), stage("prod", soaked(from("test"), 31*24*time.Hour))}, auto: []string{"test", "prod"},
			want: []string{"test now", "prod not by itself; remaining: soak in test"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.stages...)
			w.p.Policies, w.p.Windows = auto(tt.auto...), tt.windows
			f := w.freight("1")
			if tt.given != nil {
				tt.given(w, f)
			}
			frozen(t, w.s)
			var got []string
			for _, a := range pipeline.Forecast(w.p, w.s, monday) {
				got = append(got, a.Sentence(monday))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestForecastOfWhatWasOnlyDiscovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")))
	w.p.Policies = auto("test")
	w.see("web", "7")
	got := pipeline.Forecast(w.p, w.s, monday)
	if len(got) != 1 || got[0].Freight != image("web", "7").ID || !got[0].At.Equal(monday) {
		t.Errorf("got %+v", got)
	}
}

// BenchmarkForecast is a pipeline of 1,000 Stages in chains of five, each of which
// soaks for a day.
func BenchmarkForecast(b *testing.B) {
	var stages []pipeline.Stage
	var names []string
	for i := range 1000 {
		name := fmt.Sprintf("s%d", i)
		names = append(names, name)
		if i%5 == 0 {
			stages = append(stages, stage(name, direct("web")))
			continue
		}
		stages = append(stages, stage(name, soaked(from(fmt.Sprintf("s%d", i-1)), 24*time.Hour)))
	}
	w := &world{p: pipeline.Pipeline{Warehouses: []pipeline.Warehouse{warehouse("web")}, Stages: stages, Policies: auto(names...)}}
	for i := range 20 {
		w.freight(fmt.Sprint(i))
	}
	for b.Loop() {
		arrivals := pipeline.Forecast(w.p, w.s, monday)
		if last := arrivals[len(arrivals)-1]; !last.At.Equal(monday.AddDate(0, 0, 4)) {
			b.Fatalf("the last one arrives at %v", last.At)
		}
	}
}

package pipeline_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestAvailability(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	all := from("test", "qa")
	all.AvailabilityStrategy = pipeline.All
	tests := map[string]struct {
		req   pipeline.FreightRequest
		setup func(w *world, f pipeline.Freight)
		want  bool
		// next is after how long time alone opens the gate, 0 for never.
		next time.Duration
	}{
		"direct asks no Stage":                       {req: direct("web"), want: true},
		"an origin that is not asked for is never":   {req: direct("api")},
		"nothing upstream saw it":                    {req: from("test")},
		"current upstream is not enough":             {req: from("test"), setup: func(w *world, f pipeline.Freight) { w.occupy("test", f) }},
		"verified upstream":                          {req: from("test"), setup: func(w *world, f pipeline.Freight) { w.verified("test", f) }, want: true},
		"verified once counts although it left":      {req: from("test"), setup: func(w *world, f pipeline.Freight) { w.current("test", f); w.occupy("test", w.freight("1.0.1")) }, want: true},
		"OneOf needs one":                            {req: from("test", "qa"), setup: func(w *world, f pipeline.Freight) { w.verified("qa", f) }, want: true},
		"All needs all":                              {req: all, setup: func(w *world, f pipeline.Freight) { w.verified("qa", f) }},
		"All has all":                                {req: all, setup: func(w *world, f pipeline.Freight) { w.verified("qa", f); w.verified("test", f) }, want: true},
		"All does not mind being verified elsewhere": {req: all, setup: func(w *world, f pipeline.Freight) { w.verified("qa", f); w.verified("test", f); w.verified("lab", f) }, want: true},
		"verified elsewhere does not count":          {req: from("test"), setup: func(w *world, f pipeline.Freight) { w.verified("lab", f) }},
		"approved for the Stage passes everything":   {req: soaked(all, hour), setup: func(w *world, f pipeline.Freight) { w.mark("prod", f, func(m *pipeline.Mark) { m.ApprovedAt = t0 }) }, want: true},
		"approved for another Stage passes nothing":  {req: from("test"), setup: func(w *world, f pipeline.Freight) { w.mark("test", f, func(m *pipeline.Mark) { m.ApprovedAt = t0 }) }},
		"approval does not make an origin asked for": {req: direct("api"), setup: func(w *world, f pipeline.Freight) { w.mark("prod", f, func(m *pipeline.Mark) { m.ApprovedAt = t0 }) }},
		"soak runs":                       {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) { w.current("test", f); w.now = t0.Add(10 * time.Minute) }, next: 50 * time.Minute},
		"soak is complete to the instant": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) { w.current("test", f); w.now = t0.Add(hour) }, want: true},
		"the clock starts with the stay, not with the verification": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) {
			w.occupy("test", f)
			w.now = t0.Add(59 * time.Minute)
			w.verified("test", f)
			w.now = t0.Add(hour)
		}, want: true},
		"soak without verification is nothing": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) { w.occupy("test", f); w.now = t0.Add(2 * hour) }},
		"leaving unverified credits nothing": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) {
			w.occupy("test", f)
			w.now = t0.Add(2 * hour)
			w.occupy("test", w.freight("1.0.1"))
			w.verified("test", f)
		}},
		"a completed stay stays credited": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) {
			w.current("test", f)
			w.now = t0.Add(hour)
			w.current("test", w.freight("1.0.1"))
			w.now = t0.Add(3 * hour)
		}, want: true},
		"stays are not added up": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) {
			other := w.freight("1.0.1")
			for range 3 {
				w.current("test", f)
				w.now = w.now.Add(40 * time.Minute)
				w.current("test", other)
			}
		}},
		"being promoted again does not reset the clock": {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) {
			w.current("test", f)
			w.now = t0.Add(40 * time.Minute)
			w.current("test", f)
			w.now = t0.Add(hour)
		}, want: true},
		"OneOf opens when the first has soaked": {req: soaked(from("test", "qa"), hour), setup: func(w *world, f pipeline.Freight) {
			w.current("test", f)
			w.now = t0.Add(20 * time.Minute)
			w.current("qa", f)
		}, next: 40 * time.Minute},
		"All opens when the last has soaked": {req: soaked(all, hour), setup: func(w *world, f pipeline.Freight) {
			w.current("test", f)
			w.now = t0.Add(20 * time.Minute)
			w.current("qa", f)
		}, next: hour},
		"All never opens by time while one needs an event": {req: soaked(all, hour), setup: func(w *world, f pipeline.Freight) { w.current("test", f) }},
		"a clock set back only makes it wait":              {req: soaked(from("test"), hour), setup: func(w *world, f pipeline.Freight) { w.current("test", f); w.now = t0.Add(-hour) }, next: 2 * hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stage("test", direct("web")), stage("qa", direct("web")), stage("lab", direct("web")), stage("prod", tt.req))
			f := w.freight("1.0.0")
			if tt.setup != nil {
				tt.setup(w, f)
			}
			prod, _ := w.p.Stage("prod")
			v := pipeline.Explain(w.p, w.s, prod, f, w.now)
			if v.Available() != tt.want {
				t.Errorf("available %v, want %v: %+v", v.Available(), tt.want, v)
			}
			var want time.Time
			if tt.next > 0 {
				want = w.now.Add(tt.next)
			}
			if got := v.Next(); !got.Equal(want) {
				t.Errorf("next %v, want %v", got, want)
			}
			if unmet := v.Unmet(); (len(unmet) == 0) != tt.want {
				t.Errorf("unmet %q", unmet)
			}
			if len(w.s.Freight) > 1 {
				return // the candidate is the other one
			}
			_, ok := pipeline.Candidate(w.p, w.s, prod, prod.Requests[0], w.now)
			if asked := tt.req.Origin == "web"; ok != (tt.want && asked) {
				t.Errorf("candidate %v although available is %v", ok, tt.want)
			}
		})
	}
}

func TestCandidate(t *testing.T) {
	t.Parallel()
	match := from("test")
	match.SelectionPolicy = pipeline.MatchUpstream
	tests := map[string]struct {
		req   pipeline.FreightRequest
		setup func(w *world)
		want  string
	}{
		"none without Freight":                 {req: direct("web")},
		"the newest":                           {req: direct("web"), setup: func(w *world) { w.freight("2"); w.freight("1") }, want: "1"},
		"the newest that is available":         {req: from("test"), setup: func(w *world) { w.verified("test", w.freight("1")); w.freight("2") }, want: "1"},
		"approved Freight counts":              {req: from("test"), setup: func(w *world) { w.mark("prod", w.freight("1"), func(m *pipeline.Mark) { m.ApprovedAt = t0 }) }, want: "1"},
		"older than what is current, as Kargo": {req: from("test"), setup: func(w *world) { w.verified("test", w.freight("1")); w.current("prod", w.freight("2")) }, want: "1"},
		"ties go to the greater id": {req: direct("web"), setup: func(w *world) {
			a, b := w.freight("1"), w.freight("2")
			w.s.Freight[1].DiscoveredAt = w.s.Freight[0].DiscoveredAt
			if a.ID > b.ID {
				w.s.Freight[0].Alias = "greater"
			} else {
				w.s.Freight[1].Alias = "greater"
			}
		}, want: "greater"},
		"MatchUpstream takes what is current upstream": {req: match, setup: func(w *world) {
			f := w.freight("1")
			w.current("test", w.freight("2"))
			w.current("test", f)
		}, want: "1"},
		"MatchUpstream leaves out even approved Freight": {req: match, setup: func(w *world) {
			w.mark("prod", w.freight("1"), func(m *pipeline.Mark) { m.ApprovedAt = t0 })
		}},
		"MatchUpstream waits for verification": {req: match, setup: func(w *world) { w.occupy("test", w.freight("1")) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stage("test", direct("web")), stage("prod", tt.req))
			if tt.setup != nil {
				tt.setup(w)
			}
			f, ok := pipeline.Candidate(w.p, w.s, w.p.Stages[1], tt.req, w.now)
			if ok != (tt.want != "") || (ok && f.Version() != tt.want && f.Alias != tt.want) {
				t.Errorf("got %v %q, want %q", ok, f.Version(), tt.want)
			}
		})
	}
}

func TestExplainWords(t *testing.T) {
	t.Parallel()
	all := soaked(from("test", "gate", "qa"), 90*time.Minute)
	all.AvailabilityStrategy = pipeline.All
	w := newWorld(t, stage("test", direct("web")), control("gate", direct("web")), stage("qa", direct("web")), stage("prod", all))
	f := w.freight("1.0.0")
	w.current("test", f)
	w.verified("gate", f)
	failed := w.promotion("qa", f, pipeline.Failed)
	failed.Message = "no such file"
	w.now = t0.Add(30 * time.Minute)
	prod, _ := w.p.Stage("prod")
	want := pipeline.Verdict{Stage: "prod", Freight: f.ID, Gates: []pipeline.Gate{{
		Name: "verified in all of test, gate, qa", Observed: "0 of 3",
		Children: []pipeline.Gate{
			{
				Name:     "verified in test and soaked there 1h30m",
				Observed: "verified 2026-01-02 03:04 UTC, soaked 30m, ready 2026-01-02 04:34 UTC", Next: t0.Add(90 * time.Minute),
			},
			{
				Name:     "verified in gate and soaked there 1h30m",
				Observed: "verified 2026-01-02 03:04 UTC; Freight never stays in a Stage that only routes",
			},
			{Name: "verified in qa and soaked there 1h30m", Observed: "qa-1 failed: no such file"},
		},
	}}}
	if diff := cmp.Diff(want, pipeline.Explain(w.p, w.s, prod, f, w.now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestExplainUnknownFreight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stage("test", direct("web")), stage("prod", from("test")))
	v := pipeline.Explain(w.p, w.s, w.p.Stages[1], image("web", "9.9.9"), w.now)
	if v.Available() {
		t.Errorf("Freight that nobody stored may enter: %+v", v)
	}
}

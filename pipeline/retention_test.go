package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestExpired(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	// history makes n Freight, a day apart; the first is the oldest.
	history := func(w *world, n int) []pipeline.Freight {
		var all []pipeline.Freight
		for i := range n {
			f := w.freight(fmt.Sprintf("1.%d.0", i))
			f.DiscoveredAt = t0.Add(time.Duration(i) * day)
			w.s.Freight[len(w.s.Freight)-1] = f
			all = append(all, f)
		}
		return all
	}
	tests := map[string]struct {
		setup          func(w *world, all []pipeline.Freight)
		after          time.Duration
		freight, ended int
	}{
		"twenty stay although nothing is in use":       {after: 100 * day, freight: 20},
		"what is younger than fourteen days stays":     {after: 30 * day, freight: 16},
		"fourteen days keep everything":                {after: 14 * day},
		"what is newer than the oldest in use stays":   {setup: func(w *world, all []pipeline.Freight) { w.current("test", all[25]) }, after: 100 * day, freight: 5},
		"an unfinished Promotion is a use":             {setup: func(w *world, all []pipeline.Freight) { w.promotion("test", all[22], pipeline.Pending) }, after: 100 * day, freight: 2},
		"a Promotion that stays keeps what it carried": {setup: func(w *world, all []pipeline.Freight) { w.promotion("test", all[3], pipeline.Succeeded) }, after: 100 * day, freight: 19},
		"an unfinished Verification is a use": {setup: func(w *world, all []pipeline.Freight) {
			w.s.Verifications = []pipeline.VerificationRun{{Stage: pipeline.Stage{Name: "test"}, Collection: all[21:22], Phase: pipeline.VerificationRunning}}
		}, after: 100 * day, freight: 1},
		"of many ended Promotions the newest 20 stay": {setup: func(w *world, all []pipeline.Freight) {
			for range 30 {
				w.promotion("test", all[39], pipeline.Succeeded)
			}
		}, after: 100 * day, freight: 20, ended: 10},
		"Promotions of the last fourteen days all stay": {setup: func(w *world, all []pipeline.Freight) {
			for range 30 {
				w.promotion("test", all[39], pipeline.Succeeded)
			}
		}, after: 13 * day},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stage("test", direct("web")))
			all := history(w, 40)
			if tt.setup != nil {
				tt.setup(w, all)
			}
			for i := range w.s.Promotions {
				if w.s.Promotions[i].Phase.Terminal() {
					w.s.Promotions[i].FinishedAt = t0
				}
			}
			freight, promotions := pipeline.Expired(w.s, t0.Add(tt.after))
			if len(freight) != tt.freight || len(promotions) != tt.ended {
				t.Errorf("%d Freight and %d Promotions expired, want %d and %d", len(freight), len(promotions), tt.freight, tt.ended)
			}
			again, _ := pipeline.Expired(w.s, t0.Add(tt.after))
			if diff := cmp.Diff(freight, again); diff != "" {
				t.Error(diff)
			}
		})
	}
}

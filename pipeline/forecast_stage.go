package pipeline

import (
	"slices"
	"time"
)

// ForecastStage is [Forecast] for one Stage: the same arrivals in it, for the work
// that the Stages before it make. What is downstream of a Stage, or beside it, says
// nothing about when Freight arrives there.
func ForecastStage(p Pipeline, s Snapshot, stage string, now time.Time) []Arrival {
	p, s = before(p, s, stage)
	return slices.DeleteFunc(Forecast(p, s, now), func(a Arrival) bool { return a.Stage != stage })
}

// before leaves of a pipeline and its state the Stages that can make a difference to
// one: itself, what is upstream of it, and what open requests name, because those of
// one comment are granted together.
func before(p Pipeline, s Snapshot, stage string) (Pipeline, Snapshot) {
	byName := make(map[string]*Stage, len(p.Stages))
	for i := range p.Stages {
		byName[p.Stages[i].Name] = &p.Stages[i]
	}
	keep := make(map[string]bool)
	var visit func(string)
	visit = func(name string) {
		st, ok := byName[name]
		if !ok || keep[name] {
			return
		}
		keep[name] = true
		for _, req := range st.Requests {
			for _, up := range req.Stages {
				visit(up)
			}
		}
	}
	visit(stage)
	for i := range s.Intents {
		in := &s.Intents[i]
		visit(in.Stage)
		for j := range s.Promotions {
			if pr := &s.Promotions[j]; in.Promotion == pr.ID || in.Freight == pr.Freight.ID {
				visit(pr.Stage.Name)
			}
		}
	}
	if len(keep) == len(p.Stages) {
		return p, s
	}
	p.Stages = kept(p.Stages, func(st *Stage) bool { return keep[st.Name] })
	s.Holds = kept(s.Holds, func(h *Hold) bool { return keep[h.Stage] })
	s.Promotions = kept(s.Promotions, func(pr *Promotion) bool { return keep[pr.Stage.Name] })
	s.Verifications = kept(s.Verifications, func(r *VerificationRun) bool { return keep[r.Stage.Name] })
	s.Health = kept(s.Health, func(r *HealthReading) bool { return keep[r.Stage] })
	name, has := "", false
	s.Marks = kept(s.Marks, func(m *Mark) bool {
		if m.Stage != name { // mostly by Stage
			name, has = m.Stage, keep[m.Stage]
		}
		return has
	})
	return p, s
}

func kept[T any](all []T, keep func(*T) bool) []T {
	var out []T
	for i := range all {
		if keep(&all[i]) {
			out = append(out, all[i])
		}
	}
	return out
}

package simulate

import (
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// gates explains one Freight and a Stage, one line per gate.
func (x *examination) gates(stage pipeline.Stage, of string) []string {
	f, ok := x.w.freight(of)
	if !ok {
		return nil
	}
	v := x.facts.Explain(x.w.p, stage, f, x.w.now)
	return append([]string{x.w.name(f.ID) + " into " + stage.Name + ":"}, gateLines(slices.Concat(v.Gates, v.Timing), "  ")...)
}

func (x *examination) gatesOfAll(stage pipeline.Stage) []string {
	const most = 5
	var lines []string
	for i, f := range x.facts.Freight() {
		if _, asked := stage.Request(f.Warehouse); !asked || i >= most {
			continue
		}
		lines = append(lines, x.gates(stage, f.ID)...)
	}
	return lines
}

func gateLines(gates []pipeline.Gate, indent string) []string {
	var lines []string
	for _, g := range gates {
		mark := "✗ "
		if g.Pass {
			mark = "✓ "
		}
		lines = append(lines, indent+mark+g.Name+": "+g.Observed)
		lines = append(lines, gateLines(g.Children, indent+"  ")...)
	}
	return lines
}

// Verdict says whether Freight may enter a Stage.
type Verdict struct {
	Stage     string          `json:"stage"`
	Freight   string          `json:"freight"`
	Available bool            `json:"available"`
	Gates     []pipeline.Gate `json:"gates"`
	Timing    []pipeline.Gate `json:"timing,omitempty"`
}

// verdicts judges the newest Freight of every origin for every Stage.
func (w *world) verdicts() []Verdict {
	facts := w.s.Facts()
	var out []Verdict
	for _, stage := range w.p.Stages {
		for _, req := range stage.Requests {
			if f, ok := facts.Newest(req.Origin); ok {
				v := facts.Explain(w.p, stage, f, w.now)
				out = append(out, Verdict{Stage: stage.Name, Freight: w.name(f.ID), Available: v.Available(), Gates: v.Gates, Timing: v.Timing})
			}
		}
	}
	return out
}

func (w *world) queues() map[string][]string {
	out := map[string][]string{}
	for _, stage := range w.p.Stages {
		for _, pr := range w.open(stage.Name) {
			out[stage.Name] = append(out[stage.Name], pr.ID)
		}
	}
	return out
}

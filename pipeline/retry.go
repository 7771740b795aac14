package pipeline

import (
	"slices"
	"time"
)

// Retry takes up a Promotion that ended: it is Pending again, and the steps from
// the first one on that neither succeeded nor was skipped run again. Those keep
// their attempts and outputs, from which they know that their effects may exist.
// Requests to end it and the errors so far are forgotten, approvals are not. A
// Promotion that has not ended is left alone.
func (p *Promotion) Retry(time.Time) {
	if !p.Phase.Terminal() {
		return
	}
	p.Retries++
	p.Phase, p.Message, p.FinishedAt = Pending, "", time.Time{}
	p.AbortRequested, p.AbortAs = "", ""
	p.Steps = slices.Clone(p.Steps)
	first := slices.IndexFunc(p.Steps, func(s StepState) bool { return s.Phase != Succeeded && s.Phase != Skipped })
	if first < 0 {
		return
	}
	for i := first; i < len(p.Steps); i++ {
		p.Steps[i] = StepState{Attempts: p.Steps[i].Attempts, Output: p.Steps[i].Output}
	}
}

package simulate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

func (x *examination) promotion(id string, e expectRecord) {
	pr := x.w.promotion(id)
	switch {
	case e.absent:
		x.equal(e.Place, "Promotion "+id, "that there is none", map[bool]string{true: "that it exists", false: "that there is none"}[pr != nil])
		return
	case pr == nil:
		x.checked++
		var ids []string
		for i := range x.w.s.Promotions {
			ids = append(ids, x.w.s.Promotions[i].ID)
		}
		x.fail(e.Place, "Promotion "+id, "that it exists", "there is none; Promotions: "+joinNames(ids))
		return
	}
	of := "of " + id
	if e.Phase != "" {
		x.equal(e.Place, "phase "+of, e.Phase, string(pr.Phase), stepLines(pr)...)
	}
	x.text("message "+of, e.Message, pr.Message)
	if e.Stage != "" {
		x.equal(e.Place, "Stage "+of, e.Stage, pr.Stage.Name)
	}
	if e.Freight != nil {
		x.names(e.Place, "Freight "+of, *e.Freight, []string{x.w.name(pr.Freight.ID)})
	}
	if e.Collection != nil {
		x.names(e.Place, "collection "+of, *e.Collection, x.w.nameAll(pr.Collection))
	}
	if e.Previous != "" {
		got := none
		if pr.Previous != nil {
			got = x.w.name(pr.Previous.ID)
		}
		x.equal(e.Place, "previous Freight "+of, x.canonical(e.Previous), got)
	}
	x.text("reason "+of, e.Reason, pr.Reason)
	x.text("actor "+of, e.Actor, pr.Actor)
	x.text("hold "+of, e.Hold, string(pr.HoldIntent))
	x.boolean(e.Place, "rollback "+of, e.Rollback, pr.Rollback)
	x.number(e.Place, "retries "+of, e.Retries, pr.Retries)
	x.number(e.Place, "rewinds "+of, e.Rewinds, pr.Rewinds)
	x.text("what "+id+" waits for", e.WaitingOn, pr.WaitingOn(), stepLines(pr)...)
	x.moment("end "+of, e.FinishedAt, pr.FinishedAt)
	x.steps(pr, e.Steps)
}

// stepLines are the steps of a Promotion, one line each.
func stepLines(pr *pipeline.Promotion) []string {
	var lines []string
	for i, s := range pr.Steps {
		lines = append(lines, fmt.Sprintf("step %s: %s%s", pr.Stage.Steps[i].As, phaseName(s.Phase), colon(s.Message)))
	}
	return lines
}

func (x *examination) steps(pr *pipeline.Promotion, e *expectSteps) {
	if e == nil {
		return
	}
	if e.by == nil {
		var got []string
		for _, s := range pr.Steps {
			got = append(got, phaseName(s.Phase))
		}
		x.equal(e.Place, "steps of "+pr.ID, joinNames(e.all), joinNames(got), stepLines(pr)...)
		return
	}
	for _, alias := range slices.Sorted(maps.Keys(e.by)) {
		i := slices.IndexFunc(pr.Stage.Steps, func(s pipeline.StepSpec) bool { return s.As == alias })
		want, of := e.by[alias], "of step "+alias+" of "+pr.ID
		if i < 0 {
			x.checked++
			x.fail(want.Place, "step "+alias, "that it exists", "the Promotion has none of that name", stepLines(pr)...)
			continue
		}
		s := pr.Steps[i]
		if want.Phase != "" {
			x.equal(want.Place, "phase "+of, want.Phase, phaseName(s.Phase), stepLines(pr)...)
		}
		x.text("message "+of, want.Message, s.Message)
		x.number(want.Place, "attempts "+of, want.Attempts, s.Attempts)
		x.number(want.Place, "errors "+of, want.Errors, s.Errors)
		x.moment("start "+of, want.StartedAt, s.StartedAt)
		x.moment("end "+of, want.EndedAt, s.EndedAt)
		x.moment("next look "+of, want.WakeAt, s.WakeAt)
		if want.Output != nil {
			var got map[string]any
			if s.Output != nil {
				_ = json.Unmarshal(s.Output, &got) // what is no object has none of the keys
			}
			x.json(want.Place, "output "+of, want.Output, got)
		}
	}
}

// json expects the values of some keys.
func (x *examination) json(p Place, what string, want, got map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		x.equal(p, key+" of "+what, show(want[key]), show(got[key]))
	}
}

// show is a value as JSON, whose numbers look alike whatever their type.
func show(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

// newestRun looks at the run whose result counts: the newest of what is current,
// else the newest of all.
func (x *examination) newestRun(stage string, e expectRecord) {
	if run, ok := x.facts.Verification(stage); ok {
		x.verification("verification in "+stage, &run, e)
		return
	}
	var newest *pipeline.VerificationRun
	for i := range x.w.s.Verifications {
		if run := &x.w.s.Verifications[i]; run.Stage.Name == stage && (newest == nil || run.Seq > newest.Seq) {
			newest = run
		}
	}
	x.verification("verification in "+stage, newest, e)
}

func (x *examination) run(id string, e expectRecord) {
	i := slices.IndexFunc(x.w.s.Verifications, func(r pipeline.VerificationRun) bool { return r.ID == id })
	if i < 0 {
		x.verification("verification "+id, nil, e)
		return
	}
	x.verification("verification "+id, &x.w.s.Verifications[i], e)
}

func (x *examination) verification(what string, run *pipeline.VerificationRun, e expectRecord) {
	switch {
	case e.absent:
		x.equal(e.Place, what, "that there is none", map[bool]string{true: "that it exists", false: "that there is none"}[run != nil])
		return
	case run == nil:
		x.checked++
		x.fail(e.Place, what, "that it exists", "there is none")
		return
	}
	of := "of " + run.ID
	if e.Phase != "" {
		x.equal(e.Place, "phase "+of, e.Phase, string(run.Phase), metricLines(run)...)
	}
	x.text("message "+of, e.Message, run.Message)
	if e.Freight != nil {
		x.names(e.Place, "Freight "+of, *e.Freight, x.w.nameAll(run.Collection))
	}
	if e.Promotion != "" {
		x.equal(e.Place, "Promotion "+of, e.Promotion, orNone(run.Promotion))
	}
	x.text("reason "+of, e.Reason, run.Reason)
	x.text("actor "+of, e.Actor, run.Actor)
	x.boolean(e.Place, "again "+of, e.Again, run.Again)
	x.moment("end "+of, e.FinishedAt, run.FinishedAt)
	if e.Args != nil {
		args := map[string]any{}
		for name, value := range run.Args {
			args[name] = value
		}
		x.json(e.Place, "arguments "+of, e.Args, args)
	}
	if e.Metrics == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(e.Metrics.by)) {
		i := slices.IndexFunc(run.Metrics, func(m pipeline.MetricRun) bool { return m.Name == name })
		if i < 0 {
			x.checked++
			x.fail(e.Metrics.Place, "metric "+name, "that it exists", "the run has none of that name", metricLines(run)...)
			continue
		}
		x.metric(e.Metrics.by[name], run.Metrics[i], "of metric "+name+" of "+run.ID)
	}
}

func (x *examination) metric(want expectStep, m pipeline.MetricRun, of string) {
	if want.Phase != "" {
		x.equal(want.Place, "phase "+of, want.Phase, string(m.Phase), m.Message)
	}
	x.text("message "+of, want.Message, m.Message)
	x.moment("start "+of, want.StartedAt, m.StartedAt)
	x.moment("end "+of, want.EndedAt, m.FinishedAt)
	x.moment("next look "+of, want.WakeAt, m.Due)
	x.number(want.Place, "count "+of, want.Count, m.Count)
	x.number(want.Place, "successful "+of, want.Successful, m.Successful)
	x.number(want.Place, "failed "+of, want.Failed, m.Failed)
	x.number(want.Place, "inconclusive "+of, want.Inconclusive, m.Inconclusive)
	x.number(want.Place, "errors "+of, want.Errors, m.Error)
	x.number(want.Place, "errors in a row "+of, want.ConsecutiveError, m.ConsecutiveError)
	x.number(want.Place, "successes in a row "+of, want.ConsecutiveSuccess, m.ConsecutiveSuccess)
}

func metricLines(run *pipeline.VerificationRun) []string {
	var lines []string
	for _, m := range run.Metrics {
		lines = append(lines, fmt.Sprintf("metric %s: %s%s", m.Name, m.Phase, colon(m.Message)))
	}
	if run.Message != "" {
		lines = append(lines, strings.TrimSpace(run.Message))
	}
	return lines
}

package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// HealthState says how a Stage, or one thing in it, is doing.
type HealthState string

// Health states, named as in Kargo.
const (
	HealthHealthy       HealthState = "Healthy"
	HealthNotApplicable HealthState = "NotApplicable"
	HealthProgressing   HealthState = "Progressing"
	HealthUnknown       HealthState = "Unknown"
	HealthUnhealthy     HealthState = "Unhealthy"
)

// unhealthiness orders states from good to bad, as Kargo does when it merges them.
var unhealthiness = map[HealthState]int{
	HealthHealthy: 0, HealthNotApplicable: 1, HealthProgressing: 2, HealthUnknown: 3, HealthUnhealthy: 4,
}

// HealthCheck is what a step that succeeded wants to be looked at from then on, for
// as long as its Promotion is the newest into the Stage that succeeded.
type HealthCheck struct {
	// Kind is the step that registered it, which knows how to look.
	Kind  string          `json:"kind"`
	Input json.RawMessage `json:"input,omitempty"`
}

// HealthFinding is the answer of one HealthCheck.
type HealthFinding struct {
	State HealthState
	// Issues say why the state is not Healthy.
	Issues []string
	// WakeAt and WakeOn say when to look again; without either the engine decides.
	WakeAt time.Time
	WakeOn []string
}

// HealthReading is what the checks of a Promotion said together when they were last
// asked. Of every Stage the last one is kept.
type HealthReading struct {
	Stage     string      `json:"stage"`
	Promotion string      `json:"promotion"`
	State     HealthState `json:"state"`
	Issues    []string    `json:"issues,omitempty"`
	// Since is when the State became what it is, CheckedAt when it was last asked
	// for.
	Since     time.Time `json:"since"`
	CheckedAt time.Time `json:"checkedAt"`
	// WakeAt and WakeOn say when to ask again.
	WakeAt time.Time `json:"wakeAt,omitzero"`
	WakeOn []string  `json:"wakeOn,omitempty"`
}

// Bounds on what is kept of issues, which come from outside.
const (
	maxHealthIssues = 20
	maxHealthIssue  = 500
)

// MergeHealth is Kargo's merge of findings: the worst state counts, and without any
// finding there is nothing to complain of. Stage, Promotion and the times of asking
// are the caller's.
func MergeHealth(findings []HealthFinding) HealthReading {
	r := HealthReading{State: HealthHealthy}
	for _, f := range findings {
		if _, known := unhealthiness[f.State]; !known {
			f.Issues = append(slices.Clone(f.Issues), fmt.Sprintf("health state %q is unknown", f.State))
			f.State = HealthUnknown
		}
		if unhealthiness[f.State] > unhealthiness[r.State] {
			r.State = f.State
		}
		for _, issue := range f.Issues {
			if len(r.Issues) < maxHealthIssues {
				r.Issues = append(r.Issues, strings.ToValidUTF8(issue[:min(len(issue), maxHealthIssue)], ""))
			}
		}
		r.WakeAt = earliest(r.WakeAt, f.WakeAt)
		for _, event := range f.WakeOn {
			if !slices.Contains(r.WakeOn, event) {
				r.WakeOn = append(r.WakeOn, event)
			}
		}
	}
	return r
}

// HealthChecks are what the steps of the Promotion registered, in their order.
func (p *Promotion) HealthChecks() []HealthCheck {
	var checks []HealthCheck
	for i := range p.Steps {
		if c := p.Steps[i].Health; c != nil && p.Steps[i].Phase == Succeeded {
			checks = append(checks, *c)
		}
	}
	return checks
}

// Sound reports whether what the Promotion brought is healthy as far as its steps
// want that to be known: without that, as in Kargo, no Verification starts and
// nothing counts as verified. The reading is the last one of the Stage, nil for
// none.
func (p *Promotion) Sound(reading *HealthReading) bool {
	return len(p.HealthChecks()) == 0 || reading != nil && reading.Promotion == p.ID && reading.State == HealthHealthy
}

// Health is how a Stage is doing.
type Health struct {
	// State is empty where there is nothing to say: no Promotion has ended yet, or the
	// Stage only routes Freight.
	State HealthState `json:"state,omitempty"`
	// Issues say why the State is not Healthy.
	Issues []string `json:"issues,omitempty"`
	// Since is when the checks came to say so; zero when no checks did.
	Since time.Time `json:"since,omitzero"`
	// Unready says in a few words why the Stage is not ready, empty when it is: a
	// Promotion runs, the last one did not succeed, it is not Healthy, or what is
	// current is not verified, in this order of precedence.
	Unready string `json:"unready,omitempty"`
}

// Health is Kargo's: it comes from what the last Promotion that ended registered,
// without which it is Healthy. While a Promotion runs, after one that did not
// succeed, and before the checks were asked, it is Unknown. What a Verification
// found is no part of it but makes the Stage unready.
func (f *Facts) Health(stage Stage) Health {
	k := f.look(stage.Name)
	if stage.ControlFlow() || k.ended == nil && !k.running() {
		return Health{}
	}
	h := f.health(k)
	switch {
	case k.running():
		h.Unready = k.active().ID + " is running"
	case k.ended.Phase != Succeeded:
		h.Unready = h.Issues[0]
	case h.State != HealthHealthy:
		h.Unready = "it is " + string(h.State)
	default:
		h.Unready = f.unverified(k)
	}
	return h
}

func (f *Facts) health(k *stageFacts) Health {
	last := k.ended
	switch {
	case k.running():
		return Health{State: HealthUnknown, Issues: []string{k.active().ID + " is running"}}
	case last.Phase != Succeeded:
		return Health{State: HealthUnknown, Issues: []string{fmt.Sprintf("%s ended %s", last.ID, last.Phase)}}
	case len(last.HealthChecks()) == 0:
		return Health{State: HealthHealthy}
	case k.reading == nil || k.reading.Promotion != last.ID:
		return Health{State: HealthUnknown, Issues: []string{"nobody has looked yet"}}
	}
	return Health{State: k.reading.State, Issues: k.reading.Issues, Since: k.reading.Since}
}

// unverified says what keeps the Freight that is current from being verified.
func (f *Facts) unverified(k *stageFacts) string {
	if len(k.current) == 0 || k.allVerified() {
		return ""
	}
	if run := f.latestRun(k); run != nil {
		return run.standing()
	}
	return "what is current is not verified"
}

// sound is [Promotion.Sound] for what is current in a Stage. Freight that no
// Promotion brought has nobody who would look.
func (f *Facts) sound(k *stageFacts) bool {
	p := f.outcome(k)
	return p == nil || p.Sound(k.reading)
}

// unsound says why what is current cannot be verified yet, empty when it can.
func (f *Facts) unsound(k *stageFacts) string {
	if f.sound(k) {
		return ""
	}
	r := k.reading
	if r == nil || r.Promotion != f.outcome(k).ID {
		return "its health is looked at first"
	}
	return strings.Join(append([]string{"it is " + string(r.State)}, r.Issues...), ": ")
}

package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Phase is the phase of a Promotion or of one of its steps.
type Phase string

// Phases, named as in Kargo. Skipped applies to steps only. A parked Promotion
// is Running; people are shown "Waiting" with what it waits on.
const (
	Pending   Phase = "Pending"
	Running   Phase = "Running"
	Succeeded Phase = "Succeeded"
	Skipped   Phase = "Skipped"
	Aborted   Phase = "Aborted"
	Failed    Phase = "Failed"
	Errored   Phase = "Errored"
)

// Terminal reports whether nothing more will happen in this phase.
func (p Phase) Terminal() bool { return p != Pending && p != Running && p != "" }

// severity orders phases from harmless to worst, as Kargo does when it derives
// a Promotion's phase from its steps.
var severity = map[Phase]int{Succeeded: 0, Skipped: 1, Running: 2, Aborted: 3, Failed: 4, Errored: 5}

// HoldIntent is what a Promotion does to automation when it succeeds.
type HoldIntent string

// Hold intents. Auto-promotions carry none.
const (
	NoHoldIntent HoldIntent = ""
	// SetHold: a person promoted something other than the candidate, so
	// auto-promotion must not undo it.
	SetHold HoldIntent = "hold"
	// ClearHold: a person promoted the candidate, so automation resumes.
	ClearHold HoldIntent = "resume"
)

// Promotion is one attempt to bring one Freight into one Stage. Everything
// above Phase is a snapshot taken at creation and never changes: .kargo.yaml is
// not read again while the Promotion runs.
type Promotion struct {
	// ID is speakable and unique in the repository: "prod-142".
	ID       string `json:"id"`
	Seq      int    `json:"seq"`
	Repo     Repo   `json:"repo"`
	Pipeline string `json:"pipeline"`
	// ConfigSHA is the commit whose .kargo.yaml this Promotion follows.
	ConfigSHA string `json:"configSHA"`
	Stage     Stage  `json:"stage"`
	// Vars are the pipeline's vars.
	Vars []Var `json:"vars,omitempty"`
	// Channels are the pipeline's message channels.
	Channels []MessageChannel `json:"channels,omitempty"`
	// Freight is the target; Collection adds the Freight of the Stage's other
	// origins, so that expressions see every artifact. As it was at creation; what
	// is current when the Promotion runs replaces it.
	Freight    Freight   `json:"freight"`
	Collection []Freight `json:"collection,omitempty"`
	// Reason says in one sentence why the Promotion was created.
	Reason string `json:"reason"`
	// Actor is a login, or empty for auto-promotion.
	Actor string `json:"actor,omitempty"`
	// Source is the pull request or issue in which it was asked for, 0 for none.
	Source     int        `json:"source,omitempty"`
	HoldIntent HoldIntent `json:"holdIntent,omitempty"`
	// Rollback marks a Promotion that brings earlier Freight back.
	Rollback  bool      `json:"rollback,omitempty"`
	CreatedAt time.Time `json:"createdAt"`

	// AbortRequested is the reason why the Promotion shall end, empty while
	// nobody wants that. Only the engine, which alone writes the fields below,
	// carries it out, because the pull request may have been merged meanwhile.
	AbortRequested string `json:"abortRequested,omitempty"`
	// AbortAs is the phase in which a requested end ends it: Aborted when empty,
	// Failed for one that was rejected.
	AbortAs Phase `json:"abortAs,omitempty"`
	// Approvals are those given by command rather than by review.
	Approvals []Approval `json:"approvals,omitempty"`
	// Answers are those given to steps that ask.
	Answers []Answer `json:"answers,omitempty"`
	// Retries counts how often it was taken up again after it had ended.
	Retries int `json:"retries,omitempty"`

	Phase Phase `json:"phase"`
	// Message explains a phase that is not plain success.
	Message    string    `json:"message,omitempty"`
	StartedAt  time.Time `json:"startedAt,omitzero"`
	FinishedAt time.Time `json:"finishedAt,omitzero"`
	// Previous is the Freight of the target's origin that was current when the
	// Promotion started, nil for none.
	Previous *Freight `json:"previous,omitempty"`
	// Rewinds counts how often the steps began again on a newer base.
	Rewinds int `json:"rewinds,omitempty"`
	// Steps runs parallel to Stage.Steps.
	Steps []StepState `json:"steps,omitempty"`
}

// Approval is one person's approval of a Promotion.
type Approval struct {
	Actor Actor `json:"actor"`
	// Head is the pull request's head that was approved.
	Head string    `json:"head,omitempty"`
	At   time.Time `json:"at"`
}

// StepState is what is known of one step of a Promotion.
type StepState struct {
	Phase     Phase     `json:"phase,omitempty"`
	Message   string    `json:"message,omitempty"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// Attempts counts how often the step was begun, so that a step can tell a
	// first run from one after a crash.
	Attempts int `json:"attempts,omitempty"`
	// Errors counts errors toward the step's threshold.
	Errors int `json:"errors,omitempty"`
	// Faults counts transient faults in a row; it sets the backoff.
	Faults int             `json:"faults,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
	// Health is what a step that succeeded wants to be looked at from then on.
	Health *HealthCheck `json:"health,omitempty"`
	// WakeAt and WakeOn say when a waiting step looks again.
	WakeAt time.Time `json:"wakeAt,omitzero"`
	WakeOn []string  `json:"wakeOn,omitempty"`
}

// NewPromotion returns a Pending Promotion with one fresh StepState per step.
func NewPromotion(p Promotion) Promotion {
	p.Phase = Pending
	p.Steps = make([]StepState, len(p.Stage.Steps))
	return p
}

// Start moves a Pending Promotion to Running.
func (p *Promotion) Start(now time.Time, previous *Freight) {
	p.Phase = Running
	p.StartedAt = now
	p.Previous = previous
}

// Next returns the index of the first step that is not terminal, or -1.
func (p *Promotion) Next() int {
	for i := range p.Steps {
		if !p.Steps[i].Phase.Terminal() {
			return i
		}
	}
	return -1
}

// Healthy reports whether no step before index i Failed, Errored or was Aborted, leaving out
// steps with continueOnError: the meaning of success() and of an empty if.
func (p *Promotion) Healthy(i int) bool {
	for j := range p.Steps[:i] {
		if severity[p.Steps[j].Phase] >= severity[Aborted] && !p.forgiven(j) {
			return false
		}
	}
	return true
}

// Skip ends step i without running it.
func (p *Promotion) Skip(i int, now time.Time, why string) {
	s := &p.Steps[i]
	s.end(Skipped, now)
	s.Message = why
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
}

// Begin records that step i is about to run.
func (p *Promotion) Begin(i int, now time.Time) {
	s := &p.Steps[i]
	s.Phase = Running
	s.Attempts++
	if s.StartedAt.IsZero() {
		s.StartedAt = now
	}
	s.WakeAt, s.WakeOn = time.Time{}, nil
}

// StepResult is the outcome of one pass over a step.
type StepResult struct {
	// Phase is Succeeded, Skipped, Running (wait), Aborted, Failed or Errored.
	Phase   Phase
	Message string
	// Output replaces the step's output when not nil.
	Output json.RawMessage
	// Health is registered when the step succeeds, nil for nothing.
	Health *HealthCheck
	// Terminal errors are not retried.
	Terminal bool
	// Transient faults cost no attempt; the step waits until WakeAt.
	Transient bool
	WakeAt    time.Time
	WakeOn    []string
	// Timeout is the step's where its retry policy has none; zero means no limit.
	Timeout time.Duration
}

// defaultWake is when a step that says neither when nor why to look again is
// looked at again, as in Kargo.
const defaultWake = 5 * time.Minute

// Apply records the outcome of one pass over step i. It is total: a step that
// ended keeps its end, and an outcome that makes no sense becomes Errored. Rules,
// after Kargo's engine: an error below the threshold leaves the step Running; the
// timeout is soft and compared only after a pass that did not end the step;
// waiting never counts as an error. A transient fault says nothing about the step
// and so ends none, timed out or not.
func (p *Promotion) Apply(i int, r StepResult, now time.Time) {
	if p.Phase.Terminal() || i < 0 || i >= len(p.Steps) || p.Steps[i].Phase.Terminal() {
		return
	}
	s, spec := &p.Steps[i], p.Stage.Steps[i]
	s.Message = r.Message
	if r.Output != nil {
		s.Output = r.Output
	}
	if !r.Transient {
		s.Faults = 0
	}
	switch r.Phase {
	case Succeeded, Skipped, Aborted:
		s.end(r.Phase, now)
		if r.Phase == Succeeded {
			s.Health = r.Health
		}
		return
	case Running:
		s.wait(r, now)
		if r.Transient {
			s.Faults++
			return
		}
	case Failed, Errored:
		s.Errors++
		threshold := max(1, spec.Retry.ErrorThreshold)
		if r.Terminal || s.Errors >= threshold {
			s.end(r.Phase, now)
			return
		}
		s.wait(r, now)
		s.Message = fmt.Sprintf("%s (error %d of %d, will try again)", r.Message, s.Errors, threshold)
	default:
		s.end(Errored, now)
		s.Message = fmt.Sprintf("step ended in unknown phase %q", r.Phase)
		return
	}
	if timeout := cmp.Or(time.Duration(spec.Retry.Timeout), r.Timeout); timeout > 0 {
		deadline := s.StartedAt.Add(timeout)
		if !now.Before(deadline) {
			s.end(Errored, now)
			s.Message = fmt.Sprintf("timed out after %s; last: %s", brief(timeout), r.Message)
			return
		}
		if s.WakeAt.After(deadline) {
			s.WakeAt = deadline
		}
	}
}

func (s *StepState) end(phase Phase, now time.Time) {
	s.Phase, s.EndedAt, s.WakeAt, s.WakeOn = phase, now, time.Time{}, nil
}

func (s *StepState) wait(r StepResult, now time.Time) {
	s.Phase, s.WakeAt, s.WakeOn = Running, r.WakeAt, r.WakeOn
	if s.WakeAt.IsZero() {
		s.WakeAt = now.Add(defaultWake)
	}
}

// Finish ends the Promotion once no step is left; before that it does nothing.
// Its phase is the worst among the steps without continueOnError; Skipped counts
// as success. That a person ended a step counts in any case.
func (p *Promotion) Finish(now time.Time) {
	if p.Phase.Terminal() || p.Next() >= 0 {
		return
	}
	worst, message := Succeeded, ""
	for i := range p.Steps {
		phase := p.Steps[i].Phase
		if p.forgiven(i) || severity[phase] <= severity[worst] {
			continue
		}
		worst = phase
		message = fmt.Sprintf("step %d (%s): %s", i+1, p.Stage.Steps[i].As, p.Steps[i].Message)
	}
	if worst == Skipped {
		worst, message = Succeeded, ""
	}
	p.Phase, p.Message, p.FinishedAt = worst, message, now
}

// forgiven reports whether what became of step i does not matter to the
// Promotion.
func (p *Promotion) forgiven(i int) bool {
	return p.Stage.Steps[i].ContinueOnError && p.Steps[i].Phase != Aborted
}

// Abort ends the Promotion and the step it was in.
func (p *Promotion) Abort(now time.Time, why string) {
	if p.Phase.Terminal() {
		return
	}
	if i := p.Next(); i >= 0 && p.Phase == Running {
		p.Steps[i].end(Aborted, now)
		p.Steps[i].Message = why
	}
	p.Phase, p.Message, p.FinishedAt = Aborted, why, now
}

// WaitingOn returns the message of the step in which the Promotion is parked,
// empty when it is not waiting.
func (p *Promotion) WaitingOn() string {
	if p.Phase != Running {
		return ""
	}
	if i := p.Next(); i >= 0 && !p.Steps[i].WakeAt.IsZero() {
		return p.Steps[i].Message
	}
	return ""
}

// Rewind makes the steps from first on run again, keeping their attempts and
// outputs, because the branch they were built on moved. Later passes know from
// the attempts that their effects may exist.
func (p *Promotion) Rewind(first int, reason string) {
	p.Rewinds++
	for i := first; i < len(p.Steps); i++ {
		s := &p.Steps[i]
		s.Phase, s.EndedAt, s.WakeAt, s.WakeOn, s.Health = "", time.Time{}, time.Time{}, nil, nil
		s.Message = "again: " + reason
	}
}

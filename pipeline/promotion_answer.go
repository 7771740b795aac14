package pipeline

import (
	"encoding/json"
	"time"
)

// Answer is what somebody said to a step of a Promotion that asked.
type Answer struct {
	// Step is the alias of the step.
	Step string `json:"step"`
	// Actor is who answered, zero for an outside system that was given the step's
	// callback address.
	Actor Actor `json:"actor"`
	// Values are what a person typed, by name; Body is what an outside system sent.
	Values map[string]string `json:"values,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
	// Message is what the person added in words of their own.
	Message string    `json:"message,omitempty"`
	At      time.Time `json:"at"`
}

// Question is what a step that waits asks people. It stands in the output of the
// step, under the name "question", while it waits.
type Question struct {
	// Text says what is asked, as people should read it.
	Text string `json:"text,omitempty"`
	// From lists who may answer, as in [Access]; empty means whoever may promote.
	From []string `json:"from,omitempty"`
	// Approve makes it a question that approving and rejecting answer, and nothing
	// else does.
	Approve bool `json:"approve,omitempty"`
}

// Asked returns what the step asks in which the Promotion is, and its alias; ok is
// false when it asks nothing.
func (p *Promotion) Asked() (q Question, step string, ok bool) {
	i := p.Next()
	if p.Phase != Running || i < 0 || len(p.Steps[i].Output) == 0 {
		return Question{}, "", false
	}
	var out struct {
		Question *Question `json:"question"`
	}
	if json.Unmarshal(p.Steps[i].Output, &out) != nil || out.Question == nil {
		return Question{}, "", false
	}
	return *out.Question, p.Stage.Steps[i].As, true
}

// Answered returns the answers to one step, oldest first.
func (p *Promotion) Answered(step string) []Answer {
	var all []Answer
	for _, a := range p.Answers {
		if a.Step == step {
			all = append(all, a)
		}
	}
	return all
}

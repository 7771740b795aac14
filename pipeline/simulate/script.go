package simulate

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// Script is what steps and verifications answer, by Stage. "*" is every Stage, step
// or metric that has no answers of its own.
type Script struct {
	Stages map[string]stageScript `yaml:"stages"`
}

type stageScript struct {
	// Steps are the answers of each step by alias, one for every pass.
	Steps map[string]oneOrMany[StepAnswer] `yaml:"steps"`
	// Verification are the answers of whole runs, one for every run.
	Verification oneOrMany[RunAnswer] `yaml:"verification"`
	// Metrics are the answers of each metric, one for every measurement.
	Metrics map[string]oneOrMany[MetricAnswer] `yaml:"metrics"`
	// Health are the answers of the checks of the Stage's health, one for every look.
	Health oneOrMany[HealthAnswer] `yaml:"health"`
}

// StepAnswer is the outcome of one pass over a step. As text it is a phase and,
// after a blank, a message; or a mapping from a phase to a message.
type StepAnswer struct {
	Place
	Phase   pipeline.Phase `yaml:"phase"`
	Message string         `yaml:"message"`
	Output  any            `yaml:"output"`
	// Terminal errors are not tried again, transient ones do not count.
	Terminal  bool `yaml:"terminal"`
	Transient bool `yaml:"transient"`
	// For and On say when a step that waits looks again.
	For *Span `yaml:"for"`
	On  Names `yaml:"on"`
	// Crash ends the process in the middle of the step.
	Crash bool `yaml:"crash"`
	// Rewind makes the Promotion start over from its first git-clone.
	Rewind bool `yaml:"rewind"`
}

var stepPhases = []string{
	string(pipeline.Succeeded), string(pipeline.Skipped), string(pipeline.Running),
	string(pipeline.Failed), string(pipeline.Errored), string(pipeline.Aborted),
}

func (a *StepAnswer) decode(d *decoder, n *yaml.Node, path string) {
	type form StepAnswer
	if phase, message, ok := shortAnswer(n); ok {
		a.Place = placeOf(n, path)
		switch phase {
		case "Crash":
			a.Crash = true
			return
		case "Rewind":
			a.Rewind, a.Message = true, message
			return
		}
		a.Phase, a.Message = pipeline.Phase(phase), message
	} else {
		d.decode(n, (*form)(a), path)
		if a.Crash || a.Rewind {
			return
		}
		if a.Phase == "" && a.Output != nil {
			a.Phase = pipeline.Succeeded
		}
	}
	d.oneOf(n, path, string(a.Phase), stepPhases)
}

// shortAnswer reads "Phase", "Phase message" and {Phase: message}.
func shortAnswer(n *yaml.Node) (phase, message string, ok bool) {
	switch {
	case n.Kind == yaml.ScalarNode && !isNull(n):
		phase, message, _ = strings.Cut(n.Value, " ")
		return phase, strings.Trim(message, `"`), true
	case n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[1].Kind == yaml.ScalarNode && n.Content[0].Value != "" &&
		n.Content[0].Value[0] >= 'A' && n.Content[0].Value[0] <= 'Z':
		return n.Content[0].Value, n.Content[1].Value, true
	}
	return "", "", false
}

// RunAnswer is the outcome of a whole run, after the time that it takes.
type RunAnswer struct {
	Place
	Phase   pipeline.VerificationPhase `yaml:"phase"`
	Message string                     `yaml:"message"`
	After   *Span                      `yaml:"after"`
}

var runPhases = []string{
	string(pipeline.VerificationSuccessful), string(pipeline.VerificationRunning), string(pipeline.VerificationFailed),
	string(pipeline.VerificationError), string(pipeline.VerificationInconclusive),
}

func (a *RunAnswer) decode(d *decoder, n *yaml.Node, path string) {
	type form RunAnswer
	if phase, message, ok := shortAnswer(n); ok {
		a.Place, a.Phase, a.Message = placeOf(n, path), pipeline.VerificationPhase(phase), message
	} else {
		d.decode(n, (*form)(a), path)
	}
	d.oneOf(n, path, string(a.Phase), runPhases)
}

// MetricAnswer is one measurement: a phase, or a value that the metric's conditions
// judge.
type MetricAnswer struct {
	Place
	Phase   pipeline.VerificationPhase `yaml:"phase"`
	Message string                     `yaml:"message"`
	Value   any                        `yaml:"value"`
	// Wait parks the metric until this is over.
	Wait *Span `yaml:"wait"`
}

func (a *MetricAnswer) decode(d *decoder, n *yaml.Node, path string) {
	type form MetricAnswer
	if n.Kind == yaml.MappingNode {
		if phase, message, ok := shortAnswer(n); ok {
			a.Place, a.Phase, a.Message = placeOf(n, path), pipeline.VerificationPhase(phase), message
		} else {
			d.decode(n, (*form)(a), path)
		}
		if a.Phase != "" {
			d.oneOf(n, path, string(a.Phase), runPhases)
		}
		return
	}
	a.Place = placeOf(n, path)
	if phase, message, ok := shortAnswer(n); ok {
		for _, known := range runPhases {
			if phase == known {
				a.Phase, a.Message = pipeline.VerificationPhase(phase), message
				return
			}
		}
	}
	d.decode(n, &a.Value, path)
}

// oneOf reports an answer that is not one of those that are possible.
func (d *decoder) oneOf(n *yaml.Node, path, got string, valid []string) {
	for _, v := range valid {
		if v == got {
			return
		}
	}
	d.problem(n, path, "one of "+strings.Join(valid, ", "), "an answer cannot be %q", cut(got))
	d.suggest(cut(got), valid)
}

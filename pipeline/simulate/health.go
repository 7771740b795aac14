package simulate

import (
	"context"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// HealthAnswer is what a look at the health of a Stage finds. As text it is a state and,
// after a blank, an issue; or a mapping from a state to an issue.
type HealthAnswer struct {
	Place
	State pipeline.HealthState `yaml:"state"`
	Issue string               `yaml:"issue"`
	// For says when it is looked at again.
	For *Span `yaml:"for"`
}

var healthStates = []string{
	string(pipeline.HealthHealthy), string(pipeline.HealthNotApplicable), string(pipeline.HealthProgressing),
	string(pipeline.HealthUnknown), string(pipeline.HealthUnhealthy),
}

func (a *HealthAnswer) decode(d *decoder, n *yaml.Node, path string) {
	type form HealthAnswer
	if state, issue, ok := shortAnswer(n); ok {
		a.Place, a.State, a.Issue = placeOf(n, path), pipeline.HealthState(state), issue
	} else {
		d.decode(n, (*form)(a), path)
	}
	d.oneOf(n, path, string(a.State), healthStates)
}

// healthLook is a look and when it was.
type healthLook struct {
	at     time.Time
	answer HealthAnswer
}

// healthKey is what the answers of a Stage's health are counted under.
const healthKey = "health "

// healths are the answers for a Stage.
func (a *answers) healths(stage string) []HealthAnswer {
	for _, name := range []string{stage, anyName} {
		if list := a.script.Stages[name].Health; len(list) > 0 {
			return list
		}
	}
	return nil
}

// seen reports whether all answers for a Stage were given.
func (a *answers) seen(stage string) bool { return a.used[healthKey+stage] >= len(a.healths(stage)) }

// watch asks for the health of a Stage to be looked at, if a step of that kind does so or
// if its health is scripted.
func (w *world) watch(env step.Env, uses string) {
	if stage := env.Promotion.Stage.Name; uses == "argocd-update" || len(w.answers.healths(stage)) > 0 {
		env.Watch(stage)
	}
}

// look is a health check. All checks of a Stage find the same at the same time.
func (w *world) look(_ context.Context, _ step.HealthEnv, stage string) (pipeline.HealthFinding, error) {
	list := w.answers.healths(stage)
	if len(list) == 0 {
		return pipeline.HealthFinding{State: pipeline.HealthHealthy}, nil
	}
	last := w.answers.looks[stage]
	if !last.at.Equal(w.now) {
		last = healthLook{w.now, nextOf(&w.answers, healthKey+stage, list)}
		w.answers.looks[stage] = last
	}
	f := pipeline.HealthFinding{State: last.answer.State}
	if last.answer.Issue != "" {
		f.Issues = []string{last.answer.Issue}
	}
	if last.answer.For != nil {
		f.WakeAt = w.now.Add(durationOf(last.answer.For))
	}
	return f, nil
}

// touchHealth lets the engine look at the Stages whose health is scripted anew.
func (w *world) touchHealth(s Script) {
	for _, stage := range w.p.StageNames() {
		if slices.ContainsFunc([]string{stage, anyName}, func(name string) bool { return len(s.Stages[name].Health) > 0 }) {
			delete(w.answers.looks, stage)
			w.touched[stage] = true
		}
	}
}

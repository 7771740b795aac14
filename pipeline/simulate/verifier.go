package simulate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/verify"
)

// verifier runs Verifications by the rules of package verify on measurements that
// are scripted, or ends them as a whole.
type verifier struct {
	w      *world
	runner *verify.Runner
	// given is the answer that each run has, by its id.
	given map[string]RunAnswer
}

func newVerifier(w *world) *verifier {
	v := &verifier{w: w, given: map[string]RunAnswer{}}
	providers := map[string]verify.Provider{}
	for _, p := range w.sc.allPipelines() {
		for _, stage := range p.Stages {
			if stage.Verification == nil {
				continue
			}
			for _, m := range stage.Verification.Metrics {
				providers[m.Provider.Kind] = v
			}
		}
	}
	v.runner = &verify.Runner{
		Providers: providers, Env: v.env, Secrets: v, Poll: never, Now: w.clock, Log: slog.New(slog.DiscardHandler),
	}
	return v
}

// never is a polling interval for a world in which every event arrives.
const never = 10 * 365 * 24 * time.Hour

// Advance implements [promotion.Verifier].
func (v *verifier) Advance(ctx context.Context, run *pipeline.VerificationRun, save func(context.Context, pipeline.VerificationRun) error) error {
	if run.AbortRequested == "" {
		if now, ok := v.w.answers.runs[run.Stage.Name]; ok {
			delete(v.w.answers.runs, run.Stage.Name)
			v.given[run.ID] = now
		}
		if a, ok := v.answer(run); ok {
			v.conclude(run, a)
			return nil
		}
	}
	declared := run.Stage.Verification
	run.Stage.Verification = v.judging(run)
	defer func() { run.Stage.Verification = declared }()
	return v.runner.Advance(ctx, run, save)
}

// answer is what is scripted for the run as a whole.
func (v *verifier) answer(run *pipeline.VerificationRun) (RunAnswer, bool) {
	if a, ok := v.given[run.ID]; ok {
		return a, true
	}
	for _, stage := range []string{run.Stage.Name, anyName} {
		if list := v.w.answers.script.Stages[stage].Verification; len(list) > 0 {
			v.given[run.ID] = nextOf(&v.w.answers, "run "+run.Stage.Name, list)
			return v.given[run.ID], true
		}
	}
	return RunAnswer{}, false
}

// conclude makes a run what its answer says, once the time that it takes is over.
func (v *verifier) conclude(run *pipeline.VerificationRun, a RunAnswer) {
	now := v.w.now
	if run.StartedAt.IsZero() {
		run.StartedAt, run.Phase = now, pipeline.VerificationRunning
	}
	run.Message = a.Message
	due := run.StartedAt
	if a.After != nil {
		due = due.Add(durationOf(a.After))
	}
	switch {
	case now.Before(due):
		run.WakeAt = due
	case !a.Phase.Terminal():
		run.WakeAt = now.Add(never)
	default:
		run.Phase, run.FinishedAt, run.WakeAt = a.Phase, now, time.Time{}
	}
}

// judging is the run's Verification without the conditions of metrics whose next
// answer is a phase, which needs no judgement.
func (v *verifier) judging(run *pipeline.VerificationRun) *pipeline.Verification {
	if run.Stage.Verification == nil {
		return nil
	}
	c := *run.Stage.Verification
	c.Metrics = append([]pipeline.Metric(nil), c.Metrics...)
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if a, ok := v.metric(run, m.Name, false); !ok || a.Phase != "" {
			m.SuccessCondition, m.FailureCondition = "", ""
		}
	}
	return &c
}

// metric returns the next answer of a metric, and uses it up if take is set.
func (v *verifier) metric(run *pipeline.VerificationRun, name string, take bool) (MetricAnswer, bool) {
	a := &v.w.answers
	for _, stage := range []string{run.Stage.Name, anyName} {
		for _, metric := range []string{name, anyName} {
			list := a.script.Stages[stage].Metrics[metric]
			if len(list) == 0 {
				continue
			}
			key := "metric " + run.ID + " " + name
			if take {
				return nextOf(a, key, list), true
			}
			return list[min(a.used[key], len(list)-1)], true
		}
	}
	return MetricAnswer{}, false
}

// Measure implements [verify.Provider].
func (v *verifier) Measure(_ context.Context, in verify.Look) (verify.Outcome, error) {
	a, ok := v.metric(&in.Run, in.Metric, true)
	switch {
	case !ok:
		return verify.Outcome{Phase: pipeline.VerificationSuccessful}, nil
	case a.Wait != nil:
		return verify.Outcome{Wait: &verify.Wait{After: durationOf(a.Wait)}, Message: a.Message}, nil
	case a.Phase == pipeline.VerificationError:
		return verify.Outcome{}, errors.New(a.Message)
	case a.Phase == pipeline.VerificationRunning:
		return verify.Outcome{Wait: &verify.Wait{After: never}, Message: a.Message}, nil
	}
	return verify.Outcome{Phase: a.Phase, Value: a.Value, Message: a.Message}, nil
}

// Secret implements [verify.Secrets].
func (v *verifier) Secret(_ context.Context, _ pipeline.Repo, name string) (string, error) {
	return "secret-" + name, nil
}

// env is what the arguments of a run see.
func (v *verifier) env(_ context.Context, run *pipeline.VerificationRun) (expr.Env, error) {
	env, err := promotion.VerificationEnv(run, v.w.site())
	env.Now = v.w.clock
	return env, err
}

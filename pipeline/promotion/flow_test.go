package promotion_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// play is the config of a step that plays its outcomes, one for each pass and the last
// one ever again.
type play struct {
	Outcomes []string `json:"outcomes"`
}

func player() step.Definition {
	return step.Define("play", step.Remote, step.Doc{}, func(_ context.Context, env step.Env, c play) (map[string]any, error) {
		outcome := c.Outcomes[min(env.Attempt, len(c.Outcomes))-1]
		out, said := map[string]any{outcome: true}, errors.New(outcome)
		switch outcome {
		case "error":
			return out, said
		case "terminal":
			return out, &step.PermanentError{Err: said}
		case "failure":
			return out, &step.FailedError{Err: said}
		case "terminal failure":
			return out, &step.FailedError{Err: said, Terminal: true}
		case "wait":
			return out, &step.WaitError{Message: outcome, Until: env.Now().Add(time.Minute)}
		case "skip":
			return out, &step.SkipError{Message: outcome}
		case "abort":
			return out, &step.AbortedError{Message: outcome}
		case "panic":
			panic(outcome)
		}
		return out, nil
	})
}

// The rules of Kargo's engine, one by one.
func TestFlow(t *testing.T) {
	t.Parallel()
	type spec = pipeline.StepSpec
	plays := func(as string, outcomes ...any) spec {
		return spec{Uses: "play", As: as, Config: config{"outcomes": outcomes}}
	}
	with := func(s spec, change func(*spec)) spec { change(&s); return s }
	when := func(cond string, s spec) spec { s.If = cond; return s }
	thrice := func(s *spec) { s.Retry.ErrorThreshold = 3 }
	const succeeded, skipped, failed, errored, aborted = pipeline.Succeeded, pipeline.Skipped, pipeline.Failed, pipeline.Errored, pipeline.Aborted
	for name, tt := range map[string]struct {
		steps []spec
		want  []pipeline.Phase
		end   pipeline.Phase
	}{
		"a skipped step counts as success":            {[]spec{plays("a", "skip"), plays("b", "ok")}, []pipeline.Phase{skipped, succeeded}, succeeded},
		"the worst phase of a step is the end":        {[]spec{plays("a", "failure"), when("${{ always() }}", plays("b", "error"))}, []pipeline.Phase{failed, errored}, errored},
		"one error is enough by default":              {[]spec{plays("a", "error", "ok")}, []pipeline.Phase{errored}, errored},
		"below the threshold it is tried again":       {[]spec{with(plays("a", "error", "failure", "ok"), thrice)}, []pipeline.Phase{succeeded}, succeeded},
		"the last error at the threshold decides":     {[]spec{with(plays("a", "error", "error", "failure"), thrice)}, []pipeline.Phase{failed}, failed},
		"waiting does not reset the count":            {[]spec{with(plays("a", "error", "wait", "error", "wait", "error", "ok"), thrice)}, []pipeline.Phase{errored}, errored},
		"a terminal error is not tried again":         {[]spec{with(plays("a", "terminal", "ok"), thrice)}, []pipeline.Phase{errored}, errored},
		"a terminal failure stays a failure":          {[]spec{with(plays("a", "terminal failure", "ok"), thrice)}, []pipeline.Phase{failed}, failed},
		"a panic is a terminal error":                 {[]spec{with(plays("a", "panic", "ok"), thrice)}, []pipeline.Phase{errored}, errored},
		"a timeout is an error":                       {[]spec{with(plays("a", "wait"), func(s *spec) { s.Retry.Timeout = pipeline.Duration(3 * time.Minute) })}, []pipeline.Phase{errored}, errored},
		"success after the timeout is success":        {[]spec{with(plays("a", "wait", "ok"), func(s *spec) { s.Retry.Timeout = pipeline.Duration(time.Minute) })}, []pipeline.Phase{succeeded}, succeeded},
		"without a condition nothing runs after it":   {[]spec{plays("a", "error"), plays("b", "ok")}, []pipeline.Phase{errored, skipped}, errored},
		"a condition takes the place of that gate":    {[]spec{plays("a", "error"), when("${{ 1 == 1 }}", plays("b", "ok"))}, []pipeline.Phase{errored, succeeded}, errored},
		"a condition must be a bool":                  {[]spec{when("${{ 1 }}", plays("a", "ok")), when("${{ always() }}", plays("b", "ok"))}, []pipeline.Phase{errored, succeeded}, errored},
		"a condition is no plain text":                {[]spec{when("true", plays("a", "ok"))}, []pipeline.Phase{errored}, errored},
		"a condition is looked at once":               {[]spec{when("${{ status('a') == '' }}", plays("a", "wait", "ok"))}, []pipeline.Phase{succeeded}, succeeded},
		"an unknown step leaves others their chance":  {[]spec{{Uses: "nothing", As: "a"}, when("${{ failure() }}", plays("b", "ok"))}, []pipeline.Phase{errored, succeeded}, errored},
		"so does a config that has no value":          {[]spec{{Uses: "play", As: "a", Config: config{"outcomes": "${{ vars.a.b }}"}}, when("${{ failure() }}", plays("b", "ok"))}, []pipeline.Phase{errored, succeeded}, errored},
		"a config of another form is a failure":       {[]spec{with(spec{Uses: "play", As: "a", Config: config{"outcome": 1}}, thrice)}, []pipeline.Phase{failed}, failed},
		"a step that may fail does not count":         {[]spec{with(plays("a", "error"), func(s *spec) { s.ContinueOnError = true }), plays("b", "ok"), when("${{ failure() }}", plays("c", "ok"))}, []pipeline.Phase{errored, succeeded, skipped}, succeeded},
		"but its status can be asked for":             {[]spec{with(plays("a", "error"), func(s *spec) { s.ContinueOnError = true }), when("${{ status('a') == 'Errored' }}", plays("b", "ok"))}, []pipeline.Phase{errored, succeeded}, succeeded},
		"after an abort nothing is a success":         {[]spec{plays("a", "abort"), plays("b", "ok"), when("${{ success() }}", plays("c", "ok")), when("${{ always() }}", plays("d", "ok"))}, []pipeline.Phase{aborted, skipped, skipped, succeeded}, aborted},
		"an abort counts where a failure would not":   {[]spec{with(plays("a", "abort"), func(s *spec) { s.ContinueOnError = true }), when("${{ success() }}", plays("b", "ok"))}, []pipeline.Phase{aborted, skipped}, aborted},
		"outputs of a failure can be seen":            {[]spec{plays("a", "failure"), when("${{ outputs.a.failure }}", plays("b", "ok"))}, []pipeline.Phase{failed, succeeded}, failed},
		"outputs are replaced as a whole":             {[]spec{plays("a", "wait", "ok"), when("${{ outputs.a.wait ?? true }}", plays("b", "ok"))}, []pipeline.Phase{succeeded, succeeded}, succeeded},
		"the steps of a task see each other's status": {[]spec{plays("t::a", "skip"), when("${{ status('a') == 'Skipped' }}", plays("t::b", "ok")), when("${{ status('a') == '' }}", plays("c", "ok"))}, []pipeline.Phase{skipped, succeeded, succeeded}, succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newTown(t)
			reg, err := step.NewRegistry(append(step.Builtin(), player())...)
			c.ok(err)
			c.steps = reg
			c.queue(prod(tt.steps...), freight("1.0.1"))
			c.settle()
			p := c.wantPhase("prod-1", tt.end)
			for i, want := range tt.want {
				if s := p.Steps[i]; s.Phase != want {
					t.Errorf("step %d is %s (%s), want %s", i, s.Phase, s.Message, want)
				}
			}
		})
	}
}

package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

type app struct {
	Name string `json:"name"`
}

// watching is a step that wants what it did to be watched, and may then end in an
// error.
func watching(end error) step.Definition {
	d := step.Define("sync", step.Remote, step.Doc{}, func(_ context.Context, env step.Env, c app) (*app, error) {
		env.Watch(app{Name: "replaced"})
		env.Watch(c)
		return &c, end
	})
	return step.WithHealth(d, func(_ context.Context, env step.HealthEnv, in app) (pipeline.HealthFinding, error) {
		switch in.Name {
		case "gone":
			return pipeline.HealthFinding{}, errors.New("no such app")
		case "mad":
			panic("oops")
		}
		return pipeline.HealthFinding{State: pipeline.HealthProgressing, Issues: []string{in.Name + " of " + env.Promotion.ID}}, nil
	})
}

func TestStepsRegisterHealthChecks(t *testing.T) {
	t.Parallel()
	env := step.Env{Promotion: &pipeline.Promotion{Steps: make([]pipeline.StepState, 1)}, Ports: step.Ports{Now: func() time.Time { return time.Time{} }}}
	for name, tt := range map[string]struct {
		def  step.Definition
		want *pipeline.HealthCheck
	}{
		"a success registers what it said last": {def: watching(nil), want: &pipeline.HealthCheck{Kind: "sync", Input: json.RawMessage(`{"name":"web"}`)}},
		"what waits registers nothing":          {def: watching(&step.WaitError{Message: "syncing"})},
		"what was skipped registers nothing":    {def: watching(&step.SkipError{Message: "in sync"})},
		"what failed registers nothing":         {def: watching(errors.New("refused"))},
		"a step that cannot be watched registers nothing": {def: step.Define("sync", step.Remote, step.Doc{},
			func(_ context.Context, env step.Env, c app) (*app, error) { env.Watch(c); return &c, nil })},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := tt.def.Run(t.Context(), env, map[string]any{"name": "web"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, res.Health); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	unknown := func(issue string) pipeline.HealthFinding {
		return pipeline.HealthFinding{State: pipeline.HealthUnknown, Issues: []string{issue}}
	}
	for name, tt := range map[string]struct {
		def   step.Definition
		input string
		want  pipeline.HealthFinding
	}{
		"the check sees its input and its Promotion": {
			def: watching(nil), input: `{"name":"web"}`, want: pipeline.HealthFinding{State: pipeline.HealthProgressing, Issues: []string{"web of prod-7"}},
		},
		"an error is Unknown":                    {def: watching(nil), input: `{"name":"gone"}`, want: unknown("sync: no such app")},
		"a panic is Unknown":                     {def: watching(nil), input: `{"name":"mad"}`, want: unknown("internal error: health of sync panicked: oops")},
		"input of another form is Unknown":       {def: watching(nil), input: `[]`, want: unknown("sync: input of the health check: json: cannot unmarshal array into Go value of type step_test.app")},
		"a step that cannot be asked is Unknown": {def: step.Builtin()[0], input: `{}`, want: unknown("git-clone has no way to look at what it did")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := step.HealthEnv{Promotion: &pipeline.Promotion{ID: "prod-7"}}
			if diff := cmp.Diff(tt.want, tt.def.CheckHealth(t.Context(), env, json.RawMessage(tt.input))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// WaitForCallbackConfig configures wait-for-callback.
type WaitForCallbackConfig struct {
	SuccessExpression string           `json:"successExpression,omitempty" doc:"whether a call means success; default that any does. It sees response.body"`
	FailureExpression string           `json:"failureExpression,omitempty" doc:"whether a call means failure, which comes first"`
	Outputs           []CallbackOutput `json:"outputs,omitempty" doc:"values to take from the call"`
}

// CallbackOutput is one value to take from a call.
type CallbackOutput struct {
	Name           string `json:"name" doc:"its name in the output"`
	FromExpression string `json:"fromExpression" doc:"an expression without delimiters over response.body"`
}

func waitForCallback() Definition {
	return Define("wait-for-callback", Remote, Doc{
		Summary: `Waits until an outside system calls back, however long that takes.

` + "`${{ ctx.callbacks.ALIAS }}`" + ` gives the address for the step of that alias to any step
before it: an ` + "`http`" + ` request, a workflow's input, a ticket. The address carries a signed
token that is good for this step of this Promotion alone; it is kept out of outputs
and messages as secrets are, so give it to whom it is for where it is needed. The
other side sends a POST with a JSON body of at most 64 KiB, once or more often; the
answer is 202. A call that comes before the step is reached counts when it is.

What is called is judged by the expressions, and a call that is neither success nor
failure is waited past. Use ` + "`retry.timeout`" + ` to give up.`,
		Example: `
uses: wait-for-callback
as: deployed
config:
  successExpression: response.body.status == "done"
  failureExpression: response.body.status == "failed"
  outputs:
    - name: url
      fromExpression: response.body.url
`,
	}, runWaitForCallback)
}

// Validate implements the rules beyond types.
func (c WaitForCallbackConfig) Validate() error {
	var errs []error
	check := func(field, source string) {
		if source != "" {
			if err := expr.CheckBare(source); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", field, err))
			}
		}
	}
	check("successExpression", c.SuccessExpression)
	check("failureExpression", c.FailureExpression)
	seen := map[string]bool{}
	for i, o := range c.Outputs {
		check(fmt.Sprintf("outputs[%d].fromExpression", i), o.FromExpression)
		if o.Name == "" || o.FromExpression == "" || seen[o.Name] {
			errs = append(errs, fmt.Errorf("outputs[%d]: want a name that no other has, and an expression", i))
		}
		seen[o.Name] = true
	}
	return errors.Join(errs...)
}

func runWaitForCallback(_ context.Context, env Env, c WaitForCallbackConfig) (map[string]any, error) {
	if env.Callback == nil {
		return nil, &FailedError{Err: errors.New("this server has no address that others could call; start it with --public-url"), Terminal: true}
	}
	for _, a := range env.Promotion.Answered(env.Promotion.Stage.Steps[env.Index].As) {
		// A call may be quicker than the steps before this one.
		if a.Actor.Login != "" || a.At.Before(env.Promotion.StartedAt) {
			continue
		}
		var body any
		if err := json.Unmarshal(a.Body, &body); err != nil {
			return nil, &PermanentError{fmt.Errorf("what was recorded of the call: %w", err)}
		}
		scope := expr.Env{Extra: map[string]any{"response": map[string]any{"body": body}}}
		done, err := c.judge(scope)
		if err != nil {
			return nil, err
		}
		if done {
			return c.take(scope)
		}
	}
	return nil, env.asked("waits to be called back by an outside system")
}

// judge says whether a call ends the step; an error means failure.
func (c WaitForCallbackConfig) judge(scope expr.Env) (bool, error) {
	if c.FailureExpression != "" {
		failed, err := expr.BoolBare(c.FailureExpression, scope)
		switch {
		case err != nil:
			return false, fmt.Errorf("failureExpression: %w", err)
		case failed:
			return false, &FailedError{Err: fmt.Errorf("the call means failure: %s", c.FailureExpression), Terminal: true}
		}
	}
	if c.SuccessExpression == "" {
		return c.FailureExpression == "", nil
	}
	ok, err := expr.BoolBare(c.SuccessExpression, scope)
	if err != nil {
		return false, fmt.Errorf("successExpression: %w", err)
	}
	return ok, nil
}

func (c WaitForCallbackConfig) take(scope expr.Env) (map[string]any, error) {
	out := make(map[string]any, len(c.Outputs))
	for _, o := range c.Outputs {
		value, err := expr.EvaluateBare(o.FromExpression, scope)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", o.Name, err)
		}
		out[o.Name] = value
	}
	return out, nil
}

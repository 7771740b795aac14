package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Kind says what happens to a step when a Promotion goes on after a crash.
type Kind int

const (
	// Workspace steps leave their result in the Workspace, which lives in memory
	// only: they are replayed, with Env.Prior set to the output they recorded,
	// when a later step needs the Workspace.
	Workspace Kind = iota
	// Publish steps read the Workspace and leave their result outside; they are
	// not replayed, see [Definition.Replays].
	Publish
	// Remote steps neither read the Workspace nor are they replayed.
	Remote
)

// Env is what a step sees of the Promotion it belongs to.
type Env struct {
	Ports
	// Promotion is read-only.
	Promotion *pipeline.Promotion
	// Index is the step's position in Promotion.Steps.
	Index int
	// Workspace holds the files. It is thrown away when the outcome of a step
	// that uses it could not be recorded.
	Workspace *tree.Workspace
	// Attempt counts from 1; greater than 1 means that an earlier attempt may
	// have had its effect.
	Attempt int
	// Prior is the output of an earlier pass of this step, nil for none.
	Prior json.RawMessage
	// Replaying is true when the step already succeeded and runs again only to
	// rebuild the Workspace. It must leave the files as it did then.
	Replaying bool
	// Record makes an output durable before an effect of which nothing outside would
	// tell afterwards that it was this step's. When it fails, the step must end with
	// its error. Nil where nothing is kept.
	Record func(ctx context.Context, output any) error
	// Closure says whether the Stage is closed to Promotions now; nil means that it
	// never is.
	Closure func(context.Context) (pipeline.Closure, error)
	// Secret returns a secret of the repository and keeps its value out of all that
	// the step outputs, says and logs; that there is none wraps secret.ErrNotFound.
	// It is nil where steps are only tried out.
	Secret func(ctx context.Context, name string) (string, error)
	Log    *slog.Logger

	watch func(input any)
}

// Definition is one kind of step.
type Definition struct {
	name           string
	kind           Kind
	doc            Doc
	config, output *schema
	run            func(ctx context.Context, env Env, config []byte) (any, error)
	check          func(config []byte) error
	// reads says whether a step of a kind that uses the Workspace does so with this
	// config; nil means always.
	reads func(config map[string]any) bool
	// replayed is true for Publish steps that change what the Workspace is based on.
	replayed bool
	// health asks a check that the step registered; nil for steps that register none.
	health func(ctx context.Context, env HealthEnv, input json.RawMessage) (pipeline.HealthFinding, error)
	// end takes back what the step left running outside; nil for nothing.
	end func(ctx context.Context, env Env) error
	// timeout is that of steps whose retry policy has none; zero means no limit.
	timeout time.Duration
}

// Replays reports whether the step runs again with Env.Replaying, and then does
// nothing but leave the Workspace as it did: Workspace steps, and those Publish
// steps that change what the Workspace is based on.
func (d Definition) Replays() bool { return d.kind == Workspace || d.replayed }

func (d Definition) andReplayed() Definition {
	d.replayed = true
	return d
}

// Define makes a Definition from a function over a config type and an output
// type. The config is decoded strictly: a field that is unknown, missing or of
// the wrong type is a permanent error; see [Doc] for the struct tags. A config
// may implement interface{ Validate() error }, and interface{ Foresee() error } for what
// is no matter of form but would end the step when it runs, and
// interface{ Replaced() map[string]string } for fields that Kargo has given up, with what
// took their place. The output must survive a JSON
// round trip. A nil error means success; see [SkipError], [WaitError],
// [FailedError], [AbortedError], [RewindError] and [pipeline.TransientError]
// for the others. A returned output counts also when the error is not nil.
func Define[C, O any](name string, kind Kind, doc Doc, run func(context.Context, Env, C) (O, error)) Definition {
	config := schemaFor[C]()
	config.replaced = replacedFields[C]()
	decode := func(raw []byte) (C, error) {
		var c C
		if err := config.check(raw, false); err != nil {
			return c, err
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, err
		}
		if v, ok := any(c).(interface{ Validate() error }); ok {
			return c, v.Validate()
		}
		return c, nil
	}
	return Definition{
		name:   name,
		kind:   kind,
		doc:    doc,
		config: config,
		output: schemaFor[O](),
		check: func(raw []byte) error {
			c, err := decode(raw)
			if f, ok := any(c).(interface{ Foresee() error }); ok && err == nil {
				return f.Foresee()
			}
			return err
		},
		run: func(ctx context.Context, env Env, raw []byte) (any, error) {
			c, err := decode(raw)
			if err != nil {
				return nil, &FailedError{Err: fmt.Errorf("config of %s: %w", name, err), Terminal: true}
			}
			return run(ctx, env, c)
		},
	}
}

// WithEnd returns the Definition of a step that leaves something running outside:
// end is called when the step is ended while it waits, because its Promotion is
// aborted or its time is up. Env.Prior is what the step left; an error that is
// transient makes an abort wait. It may be called more than once.
func (d Definition) WithEnd(end func(ctx context.Context, env Env) error) Definition {
	d.end = end
	return d
}

// End takes back what the step left running outside, if it does such things.
func (d Definition) End(ctx context.Context, env Env) error {
	if d.end == nil {
		return nil
	}
	return d.end(ctx, env)
}

// WithTimeout returns the Definition of a step that does not wait for longer where its
// retry policy says nothing of a timeout.
func (d Definition) WithTimeout(timeout time.Duration) Definition {
	d.timeout = timeout
	return d
}

// Name is what a step's uses field says.
func (d Definition) Name() string { return d.name }

// Kind says whether the step is replayed.
func (d Definition) Kind() Kind { return d.kind }

// Doc returns what the reference says of the step.
func (d Definition) Doc() Doc { return d.doc }

// WaitError parks the step: it costs no attempt and runs again at Until or when
// one of the On events arrives, whichever is first.
type WaitError struct {
	// Message says what is waited for, as people should read it.
	Message string
	Until   time.Time
	On      []string
}

// Error implements error.
func (e *WaitError) Error() string { return e.Message }

// SkipError ends the step as Skipped: there was nothing to do. Its output counts.
type SkipError struct{ Message string }

// Error implements error.
func (e *SkipError) Error() string { return e.Message }

// FailedError ends the attempt as Failed, a matter of logic, rather than
// Errored, a matter of technique. Terminal ones are not retried.
type FailedError struct {
	Err      error
	Terminal bool
}

// Error implements error.
func (e *FailedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FailedError) Unwrap() error { return e.Err }

// PermanentError ends the step as Errored whatever its retry policy says.
type PermanentError struct{ Err error }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// AbortedError ends the Promotion because a person asked for it, for example by
// closing its pull request.
type AbortedError struct{ Message string }

// Error implements error.
func (e *AbortedError) Error() string { return e.Message }

// RewindError asks the engine to run the Promotion again from its first
// git-clone, because the branch it was built on moved in a way that matters.
type RewindError struct{ Reason string }

// Error implements error.
func (e *RewindError) Error() string { return e.Reason }

// Run runs the step once and translates what it returned into a StepResult.
// Panics become terminal errors. Backoff for errors that are tried again is
// derived from the step's own counters. A RewindError is returned as error, as
// is the end of ctx: neither is a result.
func (d Definition) Run(ctx context.Context, env Env, config map[string]any) (res pipeline.StepResult, err error) {
	defer func() {
		if r := recover(); r != nil {
			res = pipeline.StepResult{
				Phase: pipeline.Errored, Terminal: true,
				Message: fmt.Sprintf("internal error: %s panicked: %v", d.name, r),
			}
		}
	}()
	if config == nil {
		config = map[string]any{}
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: err.Error()}, nil
	}
	var watched any
	if d.health != nil {
		env.watch = func(input any) { watched = input }
	}
	out, runErr := d.run(ctx, env, raw)
	if ctx.Err() != nil && runErr != nil {
		return pipeline.StepResult{}, context.Cause(ctx)
	}
	var rewind *RewindError
	if errors.As(runErr, &rewind) {
		return pipeline.StepResult{}, runErr
	}
	res = result(env, out, runErr)
	res.Timeout = d.timeout
	if res.Phase == pipeline.Succeeded && watched != nil {
		input, err := json.Marshal(watched)
		if err != nil {
			return pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: "health check: " + err.Error()}, nil
		}
		res.Health = &pipeline.HealthCheck{Kind: d.name, Input: input}
	}
	return res, nil
}

func result(env Env, out any, err error) pipeline.StepResult {
	r := pipeline.StepResult{Phase: pipeline.Succeeded}
	if out != nil {
		raw, jsonErr := json.Marshal(out)
		if jsonErr != nil {
			return pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: "output: " + jsonErr.Error()}
		}
		if !bytes.Equal(raw, []byte("null")) {
			r.Output = raw
		}
	}
	if err == nil {
		return r
	}
	r.Message = err.Error()
	var (
		wait      *WaitError
		skip      *SkipError
		failed    *FailedError
		permanent *PermanentError
		aborted   *AbortedError
		state     = env.Promotion.Steps[env.Index]
	)
	switch {
	case errors.As(err, &wait):
		r.Phase, r.WakeAt, r.WakeOn = pipeline.Running, wait.Until, wait.On
	case errors.As(err, &skip):
		r.Phase = pipeline.Skipped
	case errors.As(err, &aborted):
		r.Phase = pipeline.Aborted
	case errors.As(err, &failed):
		r.Phase, r.Terminal = pipeline.Failed, failed.Terminal
		r.WakeAt = env.Now().Add(Backoff(state.Errors))
	case errors.As(err, &permanent):
		r.Phase, r.Terminal = pipeline.Errored, true
	default:
		if after, ok := pipeline.IsTransient(err); ok {
			r.Phase, r.Transient = pipeline.Running, true
			r.WakeAt = env.Now().Add(max(after, Backoff(state.Faults)))
			r.Message = "waiting out a fault: " + err.Error()
			break
		}
		r.Phase = pipeline.Errored
		r.WakeAt = env.Now().Add(Backoff(state.Errors))
	}
	return r
}

// Backoff is the wait before try n+1 (n counts from 0): half a second, doubling
// up to a minute.
func Backoff(n int) time.Duration {
	return min(time.Minute, 500*time.Millisecond<<min(n, 7))
}

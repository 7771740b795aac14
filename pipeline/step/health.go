package step

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/kargo-app/kargo/pipeline"
)

// HealthEnv is what a look at a [pipeline.HealthCheck] sees.
type HealthEnv struct {
	Ports
	// Promotion registered the check; it is read-only.
	Promotion *pipeline.Promotion
	// Secret is that of [Env]; it is nil where there are no secrets.
	Secret func(ctx context.Context, name string) (string, error)
	Log    *slog.Logger
}

// WithHealth lets successes of a step be watched. The step calls [Env.Watch] with an
// input of type I; it is stored with the Promotion, and look is called with it, once
// right after the Promotion succeeded and then again and again: when one of the
// finding's WakeOn events happens, at its WakeAt, and at the poll interval behind
// them, until another Promotion into the Stage succeeds. All checks of a Promotion
// make the Stage's health together, see [pipeline.MergeHealth]; before they are
// Healthy nothing there is verified.
//
// look only looks: it may be called at any time, any number of times. An error means
// that nothing could be learnt, which is health Unknown.
func WithHealth[I any](d Definition, look func(context.Context, HealthEnv, I) (pipeline.HealthFinding, error)) Definition {
	d.health = func(ctx context.Context, env HealthEnv, raw json.RawMessage) (pipeline.HealthFinding, error) {
		var input I
		if err := json.Unmarshal(raw, &input); err != nil {
			return pipeline.HealthFinding{}, fmt.Errorf("input of the health check: %w", err)
		}
		return look(ctx, env, input)
	}
	return d
}

// Watch asks for what the step did to be looked at from then on; input says what to
// look at. It counts if the step succeeds in this pass, the last call alone, and only
// for steps made by [WithHealth]. The input is stored, so it names secrets and does not
// hold them.
func (e Env) Watch(input any) {
	if e.watch != nil {
		e.watch(input)
	}
}

// CheckHealth asks a check that the step registered. Whatever goes wrong is a finding
// too: Unknown, with what went wrong as its issue.
func (d Definition) CheckHealth(ctx context.Context, env HealthEnv, input json.RawMessage) (finding pipeline.HealthFinding) {
	unknown := func(format string, args ...any) pipeline.HealthFinding {
		return pipeline.HealthFinding{State: pipeline.HealthUnknown, Issues: []string{fmt.Sprintf(format, args...)}}
	}
	if d.health == nil {
		return unknown("%s has no way to look at what it did", d.name)
	}
	defer func() {
		if r := recover(); r != nil {
			finding = unknown("internal error: health of %s panicked: %v", d.name, r)
		}
	}()
	finding, err := d.health(ctx, env, input)
	if err != nil {
		return unknown("%s: %s", d.name, err)
	}
	return finding
}

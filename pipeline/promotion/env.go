package promotion

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// exprEnv is what the expressions of one step see.
type exprEnv struct {
	base expr.Env
	// status is nil where nothing is known of what becomes of Freight.
	status *statuses
}

// exprEnv builds the expression environment of step i: the context, the
// variables in Kargo's order of precedence (pipeline, Stage, template, task, step;
// later wins), and the outputs and phases of the steps before it. Within a task
// that is what its own steps left as well.
func (x *execution) exprEnv(ctx context.Context, i int) (exprEnv, error) {
	branch, err := x.e.DefaultBranch(ctx, x.p.Repo)
	if err != nil {
		return exprEnv{}, fmt.Errorf("default branch of %s: %w", x.p.Repo, err)
	}
	if err := x.recallNotes(ctx); err != nil {
		return exprEnv{}, err
	}
	site := Site{ServerURL: x.e.ServerURL, PublicURL: x.e.PublicURL, DefaultBranch: branch, Callback: x.e.Ports.Callback}
	if x.trial != nil {
		site.given = x.trial.Context
	}
	if x.e.Ports.StageNotes != nil {
		if site.Stages, err = x.e.Ports.StageNotes.StageMetadata(ctx, x.p.Repo, x.p.Stage.Name); err != nil {
			return exprEnv{}, fmt.Errorf("load metadata of stages: %w", err)
		}
	}
	x.hideCallbacks(site)
	status := x.statuses(ctx)
	site.FreightStatus = status.of
	env, err := newExprEnv(x.p, i, site)
	env.status = status
	if fault := status.fault(); fault != nil {
		return exprEnv{}, fault
	}
	return env, err
}

// hideCallbacks keeps the addresses of callbacks, whose tokens let anybody answer, out
// of what steps leave and say, as secrets are.
func (x *execution) hideCallbacks(site Site) {
	for _, address := range callbacks(x.p, site) {
		if s, ok := address.(string); ok {
			x.safe.mask.Add(path.Base(s))
		}
	}
}

// recallNotes brings what the Promotion knows of its Freight's metadata up to date,
// if one of its steps may have changed that.
func (x *execution) recallNotes(ctx context.Context) error {
	notes := func(s pipeline.StepSpec) bool {
		return s.Uses == "set-metadata" || s.Uses == "gh-create-issue" || s.Uses == "jira"
	}
	if x.e.Ports.Notes == nil || !slices.ContainsFunc(x.p.Stage.Steps, notes) {
		return nil
	}
	for i := range x.p.Collection {
		f := &x.p.Collection[i]
		var err error
		if f.Metadata, err = x.e.Ports.Notes.Metadata(ctx, x.p.Repo, *f); err != nil {
			return fmt.Errorf("load metadata of %s: %w", f.Alias, err)
		}
	}
	return nil
}

// Site is where a Promotion runs, as expressions see it.
type Site struct {
	// Stages is what steps noted about Stages, by their names within the pipeline.
	Stages                              map[string]map[string]any
	ServerURL, PublicURL, DefaultBranch string
	// RepoURL overrides the clone URL derived from ServerURL; kargo plan sets it
	// to the local clone's remote.
	RepoURL string
	// Callback returns the address at which an outside system answers a step; nil
	// where there is none.
	Callback func(p *pipeline.Promotion, alias string) string
	// FreightStatus tells what has become of the Freight of a name, nil for Freight that
	// is not known; nil knows none.
	FreightStatus func(name string) (map[string]any, error)
	// given adds what a trial was given, before any variable is evaluated; nil for
	// nothing.
	given func(*expr.Env)
}

// evaluationError is what is wrong with the Promotion's own expressions, rather
// than with what they are evaluated in.
type evaluationError struct{ err error }

// Error implements error.
func (e *evaluationError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *evaluationError) Unwrap() error { return e.err }

// newExprEnv builds the environment of step i of a Promotion. Its errors are
// *evaluationError.
func newExprEnv(p *pipeline.Promotion, i int, site Site) (exprEnv, error) {
	env := expr.Env{
		Ctx:     promotionContext(p, p.Stage.Steps[i].As, site),
		Vars:    map[string]any{},
		Outputs: map[string]any{},
		Alias:   p.Stage.Steps[i].As,
		Freight: freight(p.Collection), FreightMetadata: metadata(p.Collection), StageMetadata: site.Stages,
		FreightStatus: site.FreightStatus,
		Extra:         map[string]any{"github": githubContext(p, site)},
	}
	if site.given != nil {
		site.given(&env)
	}
	for _, vars := range [][]pipeline.Var{p.Vars, p.Stage.Vars, p.Stage.TemplateVars} {
		if err := evaluateVars(&env, vars); err != nil {
			return exprEnv{}, err
		}
	}
	env.Allow = expr.AllowOutputs
	if err := recall(&env, p, i); err != nil {
		return exprEnv{}, err
	}
	for _, vars := range [][]pipeline.Var{p.Stage.Steps[i].TaskVars, p.Stage.Steps[i].Vars} {
		if err := evaluateVars(&env, vars); err != nil {
			return exprEnv{}, err
		}
	}
	env.Allow = expr.AllowOutputs | expr.AllowStatus
	return exprEnv{base: env}, nil
}

// stepMeta is what stepMetas.ALIAS says of an earlier step, with the fields that
// Kargo has.
type stepMeta struct {
	Alias           string    `json:"alias,omitempty"`
	ContinueOnError bool      `json:"continueOnError,omitempty"`
	StartedAt       time.Time `json:"startedAt,omitzero"`
	FinishedAt      time.Time `json:"finishedAt,omitzero"`
	ErrorCount      int       `json:"errorCount,omitempty"`
	Status          string    `json:"status,omitempty"`
	Message         string    `json:"message,omitempty"`
}

// recall makes known what the steps before step i left.
func recall(env *expr.Env, p *pipeline.Promotion, i int) error {
	task, _ := taskOf(p.Stage.Steps[i].As)
	own, _ := env.Task["outputs"].(map[string]any) // of a trial
	if own = maps.Clone(own); own == nil {
		own = map[string]any{}
	}
	env.Task = map[string]any{"outputs": own}
	metas := map[string]any{}
	env.Extra["stepMetas"] = metas
	for j := range p.Steps[:i] {
		s, spec := p.Steps[j], p.Stage.Steps[j]
		metas[spec.As] = stepMeta{
			Alias: spec.As, ContinueOnError: spec.ContinueOnError, Status: string(s.Phase), Message: s.Message,
			StartedAt: s.StartedAt, FinishedAt: s.EndedAt, ErrorCount: s.Errors,
		}
		env.Steps = append(env.Steps, expr.StepStatus{Alias: spec.As, Phase: string(s.Phase), ContinueOnError: spec.ContinueOnError})
		if s.Output == nil {
			continue
		}
		var out any
		if err := json.Unmarshal(s.Output, &out); err != nil {
			return &evaluationError{fmt.Errorf("output of step %s: %w", spec.As, err)}
		}
		env.Outputs[spec.As] = out
		of, name := taskOf(spec.As)
		if of != "" && of == task {
			own[name] = out
		}
		if of != "" && spec.Uses == "compose-output" {
			publish(env.Outputs, of, out)
		}
	}
	return nil
}

// publish adds what compose-output made within a task to the outputs of the task,
// the one way in which something leaves it under the task's own alias.
func publish(outputs map[string]any, task string, out any) {
	values, ok := out.(map[string]any)
	if !ok {
		return
	}
	all, _ := outputs[task].(map[string]any)
	if all == nil {
		all = map[string]any{}
		outputs[task] = all
	}
	maps.Copy(all, values)
}

// taskOf splits the alias of a step that came from a task, "task::step"; task is
// empty for any other.
func taskOf(alias string) (task, name string) {
	if task, name, ok := strings.Cut(alias, "::"); ok {
		return task, name
	}
	return "", alias
}

func evaluateVars(env *expr.Env, vars []pipeline.Var) error {
	for _, v := range vars {
		value, err := expr.EvaluateAny(v.Value, *env)
		if err != nil {
			return &evaluationError{fmt.Errorf("var %s: %w", v.Name, err)}
		}
		// A fresh map, because environments made from this one share it.
		env.Vars = maps.Clone(env.Vars)
		env.Vars[v.Name] = value
	}
	return nil
}

// config evaluates a step's config.
func (e exprEnv) config(spec pipeline.StepSpec) (map[string]any, error) {
	value, err := expr.EvaluateAny(spec.Config, e.base)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	config, _ := value.(map[string]any)
	return config, nil
}

// condition says whether step i runs, and why not. An empty condition means
// success(): nothing before it failed. A written one replaces that gate.
func condition(p *pipeline.Promotion, i int, env exprEnv) (bool, string, error) {
	cond := p.Stage.Steps[i].If
	if strings.TrimSpace(cond) == "" {
		return p.Healthy(i), "an earlier step did not succeed", nil
	}
	ok, err := expr.Bool(cond, env.base)
	return ok, "its condition is false: " + cond, err
}

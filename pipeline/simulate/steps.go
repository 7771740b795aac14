package simulate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// errCrash ends the process in the middle of a step.
var errCrash = errors.New("the process died")

// answers is what steps and verifications answer, and how far each has come.
type answers struct {
	script Script
	// used counts the answers by what was asked.
	used map[string]int
	// now are answers to be given at once, by Promotion and step or by Stage.
	now  map[string]StepAnswer
	runs map[string]RunAnswer
	// looks are the last looks at health, by Stage.
	looks map[string]healthLook
	// crash ends the pass of the engine that is going on.
	crash context.CancelCauseFunc
}

func newAnswers(s Script) answers {
	return answers{script: s, used: map[string]int{}, now: map[string]StepAnswer{}, runs: map[string]RunAnswer{}, looks: map[string]healthLook{}}
}

// replace takes what another script says in the place of what was said before.
func (a *answers) replace(s Script) {
	merged, used := map[string]stageScript{}, map[string]int{}
	for name, stage := range a.script.Stages {
		merged[name] = stage
	}
	for name, stage := range s.Stages {
		old := merged[name]
		old.Steps = override(old.Steps, stage.Steps)
		old.Metrics = override(old.Metrics, stage.Metrics)
		if stage.Verification != nil {
			old.Verification = stage.Verification
		}
		if stage.Health != nil {
			old.Health = stage.Health
		}
		merged[name] = old
	}
	for key, n := range a.used {
		if of, ok := strings.CutPrefix(key, healthKey); ok && s.Stages[of].Health == nil {
			used[key] = n
		}
	}
	a.script, a.used = Script{Stages: merged}, used
}

func override[T any](old, by map[string]T) map[string]T {
	out := map[string]T{}
	for _, m := range []map[string]T{old, by} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

const anyName = "*"

// step returns the next answer of a step; the last one is given ever again. What
// is said of all steps is not meant for those that run as they are.
func (a *answers) step(pr *pipeline.Promotion, spec pipeline.StepSpec) (StepAnswer, bool) {
	alias := spec.As
	key := pr.ID + " " + alias
	if now, ok := a.now[key]; ok {
		delete(a.now, key)
		return now, true
	}
	for _, stage := range []string{pr.Stage.Name, anyName} {
		for _, name := range []string{alias, anyName} {
			if name == anyName && slices.Contains(real, spec.Uses) {
				continue
			}
			if list := a.script.Stages[stage].Steps[name]; len(list) > 0 {
				return nextOf(a, "step "+key, list), true
			}
		}
	}
	return StepAnswer{}, false
}

func nextOf[T any](a *answers, key string, list []T) T {
	i := a.used[key]
	a.used[key]++
	return list[min(i, len(list)-1)]
}

// real are the steps that need no files: they run as they are unless a script
// answers for them.
var real = []string{"compose-output", "fail", "git-open-pr", "git-wait-for-pr", "git-merge-pr", "wait-for-approval", "get-user-input"}

// registry knows every step that there is and those that a script answers for.
func (w *world) registry() (*step.Registry, error) {
	builtin, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return nil, fmt.Errorf("know the steps: %w", err)
	}
	names := builtin.Names()
	for _, p := range w.sc.allPipelines() {
		for _, stage := range p.Stages {
			for _, spec := range stage.Steps {
				if spec.Uses != "" && !slices.Contains(names, spec.Uses) {
					names = append(names, spec.Uses)
				}
			}
		}
	}
	var defs []step.Definition
	for _, name := range names {
		defs = append(defs, w.definition(name, builtin))
	}
	return step.NewRegistry(defs...)
}

func (w *world) definition(uses string, builtin *step.Registry) step.Definition {
	d := step.Define(uses, step.Remote, step.Doc{}, func(ctx context.Context, env step.Env, c config) (json.RawMessage, error) {
		w.watch(env, uses)
		def, known := builtin.Lookup(uses)
		spec := env.Promotion.Stage.Steps[env.Index]
		plain, err := c.plain()
		if err != nil {
			return nil, &step.PermanentError{Err: err}
		}
		if known && w.sc.CheckSteps {
			if err := builtin.CheckConfig(uses, plain); err != nil {
				return nil, &step.FailedError{Err: fmt.Errorf("config of %s: %w", uses, err), Terminal: true}
			}
		}
		if a, ok := w.answers.step(env.Promotion, spec); ok {
			return w.scripted(ctx, env, plain, a)
		}
		switch {
		case !known:
			return nil, &step.PermanentError{Err: fmt.Errorf("unknown step %q", uses)}
		case slices.Contains(real, uses):
			return asError(def.Run(ctx, env, plain))
		}
		return w.typical(env, uses, plain)
	})
	return step.WithHealth(d, w.look)
}

// config is that of any step.
type config map[string]json.RawMessage

func (c config) plain() (map[string]any, error) {
	out := make(map[string]any, len(c))
	for key, raw := range c {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}

// scripted is what an answer means.
func (w *world) scripted(ctx context.Context, env step.Env, plain map[string]any, a StepAnswer) (out json.RawMessage, err error) {
	if a.Output != nil {
		if out, err = json.Marshal(a.Output); err != nil {
			return nil, &step.PermanentError{Err: fmt.Errorf("output: %w", err)}
		}
	} else if a.Phase == pipeline.Succeeded {
		spec := env.Promotion.Stage.Steps[env.Index]
		if out, err = w.typical(env, spec.Uses, plain); err != nil {
			return nil, err
		}
	}
	said := errors.New(a.Message)
	switch {
	case a.Crash:
		w.answers.crash(errCrash)
		return nil, errCrash
	case a.Rewind:
		return nil, &step.RewindError{Reason: a.Message}
	case a.Transient:
		return out, &pipeline.TransientError{Err: said}
	}
	switch a.Phase {
	case pipeline.Skipped:
		return out, &step.SkipError{Message: a.Message}
	case pipeline.Running:
		wait := &step.WaitError{Message: a.Message, On: a.On}
		if a.For != nil {
			wait.Until = w.now.Add(durationOf(a.For))
		}
		return out, wait
	case pipeline.Aborted:
		return out, &step.AbortedError{Message: a.Message}
	case pipeline.Failed:
		return out, &step.FailedError{Err: said, Terminal: a.Terminal}
	case pipeline.Errored:
		if a.Terminal {
			return out, &step.PermanentError{Err: said}
		}
		return out, said
	case pipeline.Succeeded, pipeline.Pending: // nothing speaks against it
	}
	return out, ctx.Err()
}

// asError says again what a step said that was run.
func asError(res pipeline.StepResult, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	said := errors.New(res.Message)
	switch {
	case res.Phase == pipeline.Skipped:
		return res.Output, &step.SkipError{Message: res.Message}
	case res.Phase == pipeline.Running && res.Transient:
		return res.Output, &pipeline.TransientError{Err: said}
	case res.Phase == pipeline.Running:
		return res.Output, &step.WaitError{Message: res.Message, Until: res.WakeAt, On: res.WakeOn}
	case res.Phase == pipeline.Aborted:
		return res.Output, &step.AbortedError{Message: res.Message}
	case res.Phase == pipeline.Failed:
		return res.Output, &step.FailedError{Err: said, Terminal: res.Terminal}
	case res.Phase == pipeline.Errored && res.Terminal:
		return res.Output, &step.PermanentError{Err: said}
	case res.Phase == pipeline.Errored:
		return res.Output, said
	}
	return res.Output, nil
}

// typical is what a step outputs that went well, so that those after it find what
// they refer to.
func (w *world) typical(env step.Env, uses string, c map[string]any) (json.RawMessage, error) {
	pr, spec := env.Promotion, env.Promotion.Stage.Steps[env.Index]
	text := func(key string) string { s, _ := c[key].(string); return s }
	var out any
	switch uses {
	case "git-clone":
		commits := map[string]any{}
		checkouts, _ := c["checkout"].([]any)
		for _, item := range checkouts {
			if checkout, ok := item.(map[string]any); ok {
				commits[fmt.Sprint(checkout["path"])] = commitID("clone", pr.ID)
			}
		}
		out = map[string]any{"commits": commits}
	case "git-commit", "git-tag":
		out = map[string]any{"commit": commitID("commit", pr.ID, fmt.Sprint(pr.Rewinds))}
	case "git-push", "github-push":
		branch := text("targetBranch")
		if own, _ := c["generateTargetBranch"].(bool); own {
			branch = pipeline.PromotionBranch(pr)
		} else if branch == "" {
			branch = defaultBranch
		}
		commit := commitID("commit", pr.ID, fmt.Sprint(pr.Rewinds))
		w.host.branches[branch] = commit
		out = map[string]any{"branch": branch, "commit": commit, "repo": pr.Repo.String()}
	case "kustomize-set-image", "yaml-update", "json-update", "toml-update", "helm-update-chart", "patch":
		out = map[string]any{"commitMessage": "Update " + pr.Stage.Name + " to " + pr.Freight.Headline()}
	case "argocd-update", "argocd-wait":
		out = applications(uses, c)
	case "gha-dispatch-workflow":
		out = map[string]any{"runID": numberOf(pr.ID, spec.As)}
	case "gha-wait-for-workflow":
		out = map[string]any{"conclusion": cmp.Or(text("expectedConclusion"), "success")}
	case "workflow":
		out = map[string]any{"runID": numberOf(pr.ID, spec.As), "conclusion": cmp.Or(text("expectedConclusion"), "success"), "outputs": map[string]any{}}
	case "gh-create-issue":
		n := numberOf(pr.ID, spec.As)
		out = map[string]any{"number": n, "url": fmt.Sprintf("%s/issues/%d", strings.TrimSuffix(text("repoURL"), ".git"), n)}
	case "gh-search-issues":
		out = map[string]any{"issues": []any{}}
	case "gh-issue-add-comment":
		n := numberOf(pr.ID, spec.As)
		out = map[string]any{"commentID": n, "url": fmt.Sprintf("%s/issues/%v#issuecomment-%d", strings.TrimSuffix(text("repoURL"), ".git"), c["issueNumber"], n)}
	case "jira":
		if create, ok := c["createIssue"].(map[string]any); ok {
			out = map[string]any{"key": fmt.Sprintf("%v-%d", create["projectKey"], numberOf(pr.ID, spec.As))}
		} else if c["commentOnIssue"] != nil {
			out = map[string]any{"commentID": fmt.Sprint(numberOf(pr.ID, spec.As))}
		}
	case "gh-issue-update-comment":
		out = map[string]any{"commentID": c["commentID"]}
	default:
		return nil, nil
	}
	return json.Marshal(out)
}

// numberOf is a number that stands for what a step made outside.
func numberOf(promotion, alias string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(promotion + " " + alias)) // it never fails
	return int(h.Sum32()%9000) + 1000
}

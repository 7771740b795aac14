package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// tasks puts the steps of other repositories' tasks in place. It remembers for one
// pass what it read, so that all Promotions of the pass follow the same commit.
type tasks struct {
	r    *Reconciler
	rec  store.RepoRecord
	read map[string]taskFile
	// unstarted says, by Stage, why no Promotion was started that the rules want.
	unstarted map[string]string
}

// taskFile is a task at the commit that its reference stood for, or why there is
// none.
type taskFile struct {
	task kargofile.Task
	// pinned is the reference with the commit in place of the branch or tag.
	pinned string
	err    error
}

func (r *Reconciler) tasks(rec store.RepoRecord) *tasks {
	return &tasks{r: r, rec: rec, read: map[string]taskFile{}, unstarted: map[string]string{}}
}

// inflate gives a Promotion the steps of the tasks that its Stage refers to; each
// of them says in Task which commit it is from. An error that is a
// *pipeline.UserError says what is wrong with the reference or the task.
func (t *tasks) inflate(ctx context.Context, pr *pipeline.Promotion) error {
	if !remote(pr.Stage) {
		return nil
	}
	outer := slices.Concat(pr.Vars, pr.Stage.Vars, pr.Stage.TemplateVars)
	var steps []pipeline.StepSpec
	for _, spec := range pr.Stage.Steps {
		if !isReference(spec) {
			steps = append(steps, spec)
			continue
		}
		f := t.file(ctx, spec.Task)
		if f.err != nil {
			return f.err
		}
		own, err := kargofile.Inflate(spec, f.task, outer...)
		if err != nil {
			return &pipeline.UserError{Message: err.Error(), Hint: "set it in the vars of the step in .kargo.yaml", Err: err}
		}
		for i := range own {
			own[i].Task = f.pinned
		}
		steps = append(steps, own...)
	}
	pr.Stage.Steps = steps
	*pr = pipeline.NewPromotion(*pr)
	return nil
}

func (t *tasks) file(ctx context.Context, ref string) taskFile {
	f, known := t.read[ref]
	if known {
		return f
	}
	f = t.load(ctx, ref)
	if ctx.Err() == nil {
		t.read[ref] = f
	}
	return f
}

func (t *tasks) load(ctx context.Context, ref string) taskFile {
	data, commit, err := t.r.Tasks.Task(ctx, t.rec, ref)
	if err != nil {
		return taskFile{err: fmt.Errorf("task %s: %w", ref, err)}
	}
	task, problems := kargofile.ParseTask(data, kargofile.Options{Repo: t.rec.Name, Steps: t.r.Steps})
	if err := problems.Err(); err != nil {
		return taskFile{err: &pipeline.UserError{
			Message: fmt.Sprintf("task %s at commit %s is invalid: %s", ref, pipeline.Short(commit), firstLine(err.Error())), Err: err,
		}}
	}
	at := strings.LastIndexByte(ref, '@')
	if at < 0 {
		return taskFile{err: &pipeline.UserError{Message: fmt.Sprintf("task %q does not say which branch, tag or commit", ref)}}
	}
	return taskFile{task: task, pinned: ref[:at+1] + commit}
}

// isReference reports whether a step stands for those of a task that are not in
// place yet.
func isReference(s pipeline.StepSpec) bool { return s.Task != "" && s.Uses == "" }

func remote(s pipeline.Stage) bool { return slices.ContainsFunc(s.Steps, isReference) }

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

// refusal is what a person who asked is told when an error keeps their Promotion
// from being created, nil while another try may work.
func refusal(err error) *pipeline.UserError {
	if _, transient := pipeline.IsTransient(err); transient {
		return nil
	}
	var u *pipeline.UserError
	if errors.As(err, &u) {
		return u
	}
	return &pipeline.UserError{Message: err.Error(), Err: err}
}

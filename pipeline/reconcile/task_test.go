package reconcile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

const taskRef = "acme/tasks//promote.yaml@main"

// withTask is a pipeline whose Stages follow a task of another repository: test by
// itself, prod on request.
const withTask = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - name: test
    from: web
    autoPromote: true
    promotionTemplate: {spec: {steps: [{task: {name: acme/tasks//promote.yaml@main}, as: deploy, vars: [{name: dir, value: env/test}]}, {uses: compose-output, as: last, config: {a: 1}}]}}
  - name: prod
    from: web
    promotionTemplate: {spec: {steps: [{task: {name: acme/tasks//promote.yaml@main}, as: deploy, vars: [{name: dir, value: env/prod}]}]}}
  - name: plain
    from: web
    update: [{image: ghcr.io/acme/web, kustomize: env/plain}]
`

const taskFile = `vars: [{name: dir, value: ""}, {name: branch, value: main}]
steps:
  - uses: git-clone
    as: clone
    config: {repoURL: "${{ github.repoURL }}", checkout: [{branch: "${{ vars.branch }}", path: src}]}
  - uses: compose-output
    as: out
    config: {dir: "${{ vars.dir }}"}
`

func taskPlace(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.content = withTask
	p.images["web"] = "1.0.0"
	p.tasks = map[string]string{taskRef: taskFile}
	p.taskErr = map[string]error{}
	return p
}

func (p *place) promotions() []string {
	p.t.Helper()
	var ids []string
	for _, pr := range p.snapshot().Promotions {
		ids = append(ids, pr.ID)
	}
	return ids
}

func TestTasksOfOtherRepositoriesArePutInPlace(t *testing.T) {
	t.Parallel()
	p := taskPlace(t)
	p.reconcile()
	pr, err := p.db.Promotion(t.Context(), repoID, "test-1")
	p.ok(err)
	type seen struct{ As, Uses, Task string }
	var got []seen
	for _, s := range pr.Stage.Steps {
		got = append(got, seen{s.As, s.Uses, s.Task})
	}
	const pinned = "acme/tasks//promote.yaml@c0de"
	want := []seen{{"deploy::clone", "git-clone", pinned}, {"deploy::out", "compose-output", pinned}, {"last", "compose-output", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if len(pr.Steps) != 3 {
		t.Errorf("%d states of steps", len(pr.Steps))
	}
	vars := []pipeline.Var{{Name: "branch", Value: "main"}, {Name: "dir", Value: "env/test"}}
	if diff := cmp.Diff(vars, pr.Stage.Steps[0].TaskVars); diff != "" {
		t.Errorf("vars (-want +got):\n%s", diff)
	}
	if p.taskReads != 1 {
		t.Errorf("read %d times in one pass", p.taskReads)
	}
	c := p.config()
	if s, _ := c.Pipeline.Stage("test"); len(s.Steps) != 2 {
		t.Errorf("the pipeline itself has steps %+v", s.Steps)
	}
}

// unusable are tasks that no Promotion can follow, and what is said of them.
var unusable = map[string]struct {
	arrange func(p *place)
	reason  string
}{
	"that are not there": {func(p *place) { delete(p.tasks, taskRef) }, "there is no file " + taskRef},
	"that are invalid":   {func(p *place) { p.tasks[taskRef] = "steps: []\n" }, "task " + taskRef + " at commit c0de is invalid: "},
	"that lack a variable": {func(p *place) {
		p.tasks[taskRef] = strings.Replace(taskFile, "name: branch, value: main", "name: branch, value: ''", 1)
	}, "the task needs a value for branch"},
	"that nobody can fathom": {func(p *place) { p.taskErr[taskRef] = errors.New("odd answer") }, "odd answer"},
}

func TestUnusableTasks(t *testing.T) {
	t.Parallel()
	for name, tt := range unusable {
		t.Run(name+" start nothing and are tried again", func(t *testing.T) {
			t.Parallel()
			p := taskPlace(t)
			tt.arrange(p)
			p.wantNext(5 * time.Minute)
			if ids := p.promotions(); len(ids) != 0 {
				t.Errorf("started %q", ids)
			}
			if why := p.r.Unstarted(repoID); len(why) != 1 || !strings.Contains(why["test"], tt.reason) {
				t.Errorf("it says %q", why)
			}
			p.tasks[taskRef] = taskFile
			delete(p.taskErr, taskRef)
			p.now = p.now.Add(5 * time.Minute)
			p.reconcile()
			if ids := p.promotions(); len(ids) != 1 {
				t.Errorf("started %q", ids)
			}
			if why := p.r.Unstarted(repoID); len(why) != 0 {
				t.Errorf("it still says %q", why)
			}
		})
		t.Run(name+" refuse who asks", func(t *testing.T) {
			t.Parallel()
			p := taskPlace(t)
			tt.arrange(p)
			p.reconcile()
			p.ask(pipeline.Intent{ID: "1", Kind: pipeline.IntentPromote, Stage: "prod"})
			p.reconcile()
			if len(p.answers) != 1 || !strings.HasPrefix(p.answers[0], "1: ") || !strings.Contains(p.answers[0], tt.reason) {
				t.Errorf("answers %q", p.answers)
			}
		})
	}
}

func TestAFaultRefusesNobody(t *testing.T) {
	t.Parallel()
	p := taskPlace(t)
	p.taskErr[taskRef] = &pipeline.TransientError{RetryAfter: time.Minute, Err: errors.New("502")}
	p.reconcile()
	p.ask(pipeline.Intent{ID: "1", Kind: pipeline.IntentPromote, Stage: "prod"})
	p.reconcile()
	if len(p.answers) != 0 || len(p.snapshot().Intents) != 1 {
		t.Errorf("answers %q, %d requests are open", p.answers, len(p.snapshot().Intents))
	}
	delete(p.taskErr, taskRef)
	p.reconcile()
	if diff := cmp.Diff([]string{"1: prod-1"}, p.answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestABatchWithAnUnusableTaskIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	p := taskPlace(t)
	p.tasks = nil
	p.reconcile()
	p.ask(pipeline.Intent{ID: "1", Kind: pipeline.IntentPromote, Stage: "plain", Batch: "b"})
	p.ask(pipeline.Intent{ID: "2", Kind: pipeline.IntentPromote, Stage: "prod", Batch: "b"})
	p.ask(pipeline.Intent{ID: "3", Kind: pipeline.IntentPromote, Stage: "plain", Freight: p.snapshot().Freight[0].ID})
	p.reconcile()
	for i, want := range []string{"1: there is no file", "2: there is no file", "3: plain-1"} {
		if i >= len(p.answers) || !strings.Contains(p.answers[i], strings.SplitN(want, ": ", 2)[1]) {
			t.Errorf("answers %q, want %q", p.answers, want)
		}
	}
}

func TestFilesAreComparedByTheStepsOfTheTask(t *testing.T) {
	t.Parallel()
	p := taskPlace(t)
	p.unchanged["prod"] = "1.0.0"
	p.reconcile()
	if m := p.snapshot().Mark("prod", p.snapshot().Freight[0].ID); m.CurrentSince.IsZero() {
		t.Errorf("compared %q, mark %+v", p.compared, m)
	}
}

package kargofile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

const plainTask = `name: deploy
vars:
  - {name: image}
  - {name: branch, value: main}
steps:
  - {uses: git-clone, as: clone, config: {branch: "${{ vars.branch }}"}}
  - {uses: copy, vars: {own: 1}, config: {inPath: "${{ task.outputs.clone.path }}", outPath: b}}
`

const taskManifest = `apiVersion: kargo.akuity.io/v1alpha1
kind: ClusterPromotionTask
metadata: {name: deploy, namespace: acme, labels: {a: b}}
spec:
  vars:
    - {name: image, value: ""}
    - {name: branch, value: main}
  steps:
    - {uses: git-clone, as: clone, config: {branch: "${{ vars.branch }}"}}
    - {uses: copy, vars: [{name: own, value: 1}], config: {inPath: "${{ task.outputs.clone.path }}", outPath: b}}
`

func TestTaskFilesHaveTwoForms(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{"our own": plainTask, "Kargo's manifest": taskManifest} {
		task, problems := kargofile.ParseTask([]byte(src), kargofile.Options{Steps: steps{}})
		if len(problems) > 0 {
			t.Errorf("%s: %s", name, problems.Error())
		}
		var got []string
		for _, s := range task.Steps {
			got = append(got, s.Uses+" as "+s.As)
		}
		if diff := cmp.Diff([]string{"git-clone as clone", "copy as step-2"}, got); diff != "" || task.Name != "deploy" || len(task.Vars) != 2 {
			t.Errorf("%s: %s\n%+v", name, diff, task)
		}
	}
}

func TestTaskFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ src, want string }{
		"without steps":                   {"name: deploy\n", `1:1: error: a task needs "steps"`},
		"with tasks as steps":             {"steps: [{task: other}]\n", "1:9: error: a step of a task cannot be a task"},
		"with unknown steps":              {"steps: [{uses: git-clon}]\n", `1:16: error: unknown step "git-clon"`},
		"of another kind":                 {"kind: Stage\nspec: {steps: [{uses: git-clone}]}\n", `1:7: error: kind cannot be "Stage"`},
		"of another API":                  {"apiVersion: v1\nkind: PromotionTask\nspec: {steps: [{uses: git-clone}]}\n", `1:13: error: apiVersion cannot be "v1"`},
		"that hold nothing":               {"kind: PromotionTask\n", `needs "spec"`},
		"that are whole pipelines":        {smallest, `unknown field "warehouses" in a task`},
		"that are not YAML":               {"steps: [", "this is not YAML"},
		"with wrong step configuration":   {"steps: [{uses: copy, config: {inPath: a}}]\n", "copy: outPath is required"},
		"with status of a step to come":   {"steps: [{uses: git-clone, if: \"${{ status('later') }}\"}, {uses: no}]\n", "no earlier step"},
		"with a variable that is no name": {"vars: {a-b: 1}\nsteps: [{uses: git-clone}]\n", "not a valid variable name"},
	} {
		task, problems := kargofile.ParseTask([]byte(test.src), kargofile.Options{Steps: steps{}})
		if !problems.HasErrors() || !strings.Contains(problems.Error(), test.want) || len(task.Steps) > 0 {
			t.Errorf("%s: got %q, want %q", name, problems.Error(), test.want)
		}
	}
}

func TestInflate(t *testing.T) {
	t.Parallel()
	task, _ := kargofile.ParseTask([]byte(plainTask), kargofile.Options{})
	tests := map[string]struct {
		given, outer []pipeline.Var
		want         []pipeline.Var
		err          string
	}{
		"defaults fill in what is not given": {
			given: []pipeline.Var{{Name: "image", Value: "web"}},
			want:  []pipeline.Var{{Name: "branch", Value: "main"}, {Name: "image", Value: "web"}},
		},
		"what is given wins over the default": {
			given: []pipeline.Var{{Name: "image", Value: "web"}, {Name: "branch", Value: "dev"}},
			want:  []pipeline.Var{{Name: "image", Value: "web"}, {Name: "branch", Value: "dev"}},
		},
		"a var of the Stage suppresses the default": {
			given: []pipeline.Var{{Name: "image", Value: "web"}}, outer: []pipeline.Var{{Name: "branch", Value: "dev"}},
			want: []pipeline.Var{{Name: "image", Value: "web"}},
		},
		"a var of the Stage is enough for what is required": {
			outer: []pipeline.Var{{Name: "image", Value: "web"}},
			want:  []pipeline.Var{{Name: "branch", Value: "main"}},
		},
		"what is required and absent is an error": {err: "step prod: the task needs a value for image"},
		"what is required and empty is an error": {
			given: []pipeline.Var{{Name: "image", Value: ""}}, err: "step prod: the task needs a value for image",
		},
		"zero is a value": {
			given: []pipeline.Var{{Name: "image", Value: 0}},
			want:  []pipeline.Var{{Name: "branch", Value: "main"}, {Name: "image", Value: 0}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := kargofile.Inflate(pipeline.StepSpec{As: "prod", Task: "a/b//c@d", TaskVars: test.given}, task, test.outer...)
			if err != nil {
				if err.Error() != test.err {
					t.Errorf("got %v, want %q", err, test.err)
				}
				return
			}
			if test.err != "" || len(got) != 2 || got[0].As != "prod::clone" || got[1].As != "prod::step-2" || got[0].Task != "" {
				t.Errorf("got %+v", got)
			}
			for _, s := range got {
				if diff := cmp.Diff(test.want, s.TaskVars); diff != "" {
					t.Errorf("%s: %s", s.As, diff)
				}
			}
			if task.Steps[0].As != "clone" || task.Steps[0].TaskVars != nil {
				t.Error("the task itself changed")
			}
		})
	}
}

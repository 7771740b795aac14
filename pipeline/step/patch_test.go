package step_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// environments is what a repository holds from which test promotes to prod.
func environments() map[string]string {
	return map[string]string{
		"env/test/values.yaml":   "# test\nimage:\n  tag: 1.0.0\n  pullPolicy: Always\nreplicas: 1\n",
		"env/test/config/a.yaml": "a: 1\n", "env/test/config/b.yaml": "b: 1\n", "env/test/config/local.yaml": "local: test\n",
		"env/test/quota.yaml":     "quota: 1\n",
		"env/stage/values.yaml":   "# stage\nimage:\n  tag: 0.9.0 # pinned\n  pullPolicy: IfNotPresent\nreplicas: 5\n",
		"env/stage/config/a.yaml": "a: 0\n", "env/stage/config/old.yaml": "b: 1\n", "env/stage/config/gone.yaml": "gone: 1\n", "env/stage/config/local.yaml": "local: stage\n",
	}
}

// patched is a whole Promotion with a patch step, without a pull request.
func patched(c config) []pipeline.StepSpec {
	return []pipeline.StepSpec{
		use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"branch": "main", "path": "./src"}}}),
		use("patch", c),
		use("git-commit", config{"path": "src", "message": "Promote"}),
		use("git-push", config{"path": "src"}),
	}
}

func items(list ...any) config { return config{"items": list} }

func stringItem(key string) config {
	return config{"string": config{"from": "src/env/test/values.yaml", "key": key, "to": "src/env/stage/values.yaml"}}
}

func fileItem() config {
	return config{"file": config{"from": "src/env/test/quota.yaml", "to": "src/env/stage/quota.yaml"}}
}

func directoryItem() config {
	return config{"directory": config{"from": "src/env/test/config", "to": "src/env/stage/config", "ignore": []any{"local.yaml"}}}
}

const patchStep = 1

// route is a World in which one Promotion after the other goes the same way.
type route struct {
	*bench
	config config
	n      int
}

func newRoute(t *testing.T, c config) *route {
	t.Helper()
	b := newBench(t, patched(c)...)
	b.world.Write(repoURL, "main", "environments", environments())
	return &route{bench: b, config: c}
}

// begin starts the next Promotion; the one before is kept as it is.
func (r *route) begin() {
	r.t.Helper()
	if r.n++; r.n > 1 {
		r.world.Past.All = append(r.world.Past.All, *r.p)
	}
	r.world.Now = r.world.Now.Add(time.Hour)
	p := *r.p
	p.ID = fmt.Sprintf("prod-%d", r.n)
	p.Stage.Steps = patched(r.config)
	next := pipeline.NewPromotion(p)
	next.Answers = nil
	next.Start(r.world.Now, nil)
	r.p, r.ws = &next, tree.NewWorkspace()
	r.upTo(patchStep)
}

// promote runs the next Promotion to its end.
func (r *route) promote() step.PatchOutput {
	r.t.Helper()
	r.begin()
	return r.finish()
}

func (r *route) finish() step.PatchOutput {
	r.t.Helper()
	r.want(patchStep, pipeline.Succeeded)
	for i := patchStep + 1; i < len(r.p.Steps); i++ {
		if res := r.run(i); res.Phase != pipeline.Succeeded && res.Phase != pipeline.Skipped {
			r.t.Fatalf("step %d ended %s: %s", i, res.Phase, res.Message)
		}
	}
	return output[step.PatchOutput](r.bench, patchStep)
}

// asks starts the next Promotion, which must ask.
func (r *route) asks() string {
	r.t.Helper()
	r.begin()
	return r.stillAsks()
}

func (r *route) stillAsks() string {
	r.t.Helper()
	res := r.want(patchStep, pipeline.Running)
	out := output[step.PatchOutput](r.bench, patchStep)
	if out.Question == nil || out.Question.Text != res.Message {
		r.t.Errorf("it waits without a question: %s", res.Message)
	}
	return res.Message
}

func (r *route) answer(word string) {
	r.world.Now = r.world.Now.Add(time.Minute)
	r.p.Answers = append(r.p.Answers, pipeline.Answer{
		Step: "patch", Actor: pipeline.Actor{Login: "ana", Role: "admin"}, Values: map[string]string{"drift": word}, At: r.world.Now,
	})
}

// edit is a commit by hand.
func (r *route) edit(message string, files map[string]string) string {
	r.world.Now = r.world.Now.Add(time.Minute)
	return r.world.WriteAs(&tree.Person{Name: "ben", Email: "ben@example.com"}, repoURL, "main", message, files)
}

func (r *route) main(path string) string { return r.world.Files(repoURL, "main")[path] }

func (r *route) wantFile(path, content string) {
	r.t.Helper()
	if diff := cmp.Diff(content, r.main(path)); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

const stageValues = "# stage\nimage:\n  tag: %s # pinned\n  pullPolicy: IfNotPresent\nreplicas: 5\n"

func TestPatchPromotesValuesFilesAndDirectories(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(stringItem("image.tag"), fileItem(), directoryItem()))
	out := r.promote()
	r.wantFile("env/stage/values.yaml", fmt.Sprintf(stageValues, "1.0.0"))
	r.wantFile("env/stage/quota.yaml", "quota: 1\n")
	r.wantFile("env/stage/config/a.yaml", "a: 1\n")
	r.wantFile("env/stage/config/b.yaml", "b: 1\n")
	r.wantFile("env/stage/config/old.yaml", "")
	r.wantFile("env/stage/config/gone.yaml", "")
	r.wantFile("env/stage/config/local.yaml", "local: stage\n")
	want := []step.PatchChange{
		{Change: "set", Path: "env/stage/values.yaml", Key: "image.tag", Old: "0.9.0", New: "1.0.0", From: "env/test/values.yaml"},
		{Change: "added", Path: "env/stage/quota.yaml", From: "env/test/quota.yaml"},
		{Change: "modified", Path: "env/stage/config/a.yaml", From: "env/test/config/a.yaml"},
		{Change: "renamed", Path: "env/stage/config/b.yaml", Old: "env/stage/config/old.yaml", From: "env/test/config/b.yaml"},
		{Change: "deleted", Path: "env/stage/config/gone.yaml", From: "env/test/config/gone.yaml"},
	}
	if diff := cmp.Diff(want, out.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(out.Drift) > 0 || out.Since != "" || !strings.Contains(out.Note, "for the first time") {
		t.Errorf("drift at the first Promotion: %+v", out)
	}
	if want := "Promoted configuration\n\n- env/stage/values.yaml image.tag: 0.9.0 -> 1.0.0\n- added env/stage/quota.yaml\n" +
		"- modified env/stage/config/a.yaml\n- renamed env/stage/config/old.yaml to env/stage/config/b.yaml\n- deleted env/stage/config/gone.yaml"; out.CommitMessage != want {
		t.Errorf("commit message %q", out.CommitMessage)
	}
	if again := r.promote(); len(again.Changes) > 0 || r.p.Steps[2].Phase != pipeline.Skipped {
		t.Errorf("a second Promotion changed %+v", again.Changes)
	}
}

func TestPatchFollowsTheSource(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(stringItem("image"), directoryItem()))
	r.promote()
	r.edit("next version", map[string]string{
		"env/test/values.yaml": "image: {tag: 1.1.0, pullPolicy: Never}\n", "env/test/config/a.yaml": "", "env/test/config/c.yaml": "c: 1\n",
	})
	out := r.promote()
	if len(out.Drift) > 0 || out.Since != "prod-1" {
		t.Errorf("drift %+v since %q", out.Drift, out.Since)
	}
	r.wantFile("env/stage/values.yaml", "# stage\nimage:\n  tag: 1.1.0 # pinned\n  pullPolicy: Never\nreplicas: 5\n")
	r.wantFile("env/stage/config/a.yaml", "")
	r.wantFile("env/stage/config/c.yaml", "c: 1\n")
}

func TestPatchAcrossRepositoriesAndBranches(t *testing.T) {
	t.Parallel()
	const other = "https://github.com/acme/config.git"
	b := newBench(t,
		use("git-clone", config{"repoURL": other, "checkout": []any{config{"branch": "main", "path": "from"}}}),
		use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"branch": "env/prod", "path": "out"}}}),
		use("patch", items(
			config{"directory": config{"from": "from", "to": "out", "ignore": []any{"/README.md"}}},
		)))
	b.world.Repository(other)
	b.world.Write(other, "main", "config", map[string]string{"a/b.yaml": "b: 1\n", "run.sh": "#!/bin/sh\n", "README.md": "source\n"})
	b.world.Write(repoURL, "env/prod", "start", map[string]string{"a/b.yaml": "b: 0\n", "a/c.yaml": "c: 1\n", "README.md": "target\n"})
	b.upTo(3)
	want := map[string]string{"out/a/b.yaml": "b: 1\n", "out/run.sh": "#!/bin/sh\n", "out/README.md": "target\n"}
	if diff := cmp.Diff(want, b.files("out")); diff != "" {
		t.Errorf("target (-want +got):\n%s", diff)
	}
	out := output[step.PatchOutput](b, 2)
	if want := []step.PatchTarget{{Checkout: "out", Repo: "acme/gitops", Branch: "env/prod", Path: "."}}; cmp.Diff(want, out.Targets) != "" {
		t.Errorf("targets %+v", out.Targets)
	}
	if title, _, _ := strings.Cut(out.CommitMessage, "\n"); title != "Promoted acme/config to acme/gitops" {
		t.Errorf("title %q", title)
	}
}

func TestPatchRefuses(t *testing.T) {
	t.Parallel()
	str := func(from, key, to, toKey string) config {
		return items(config{"string": config{"from": from, "key": key, "to": to, "toKey": toKey}})
	}
	const test, stage = "src/env/test/values.yaml", "src/env/stage/values.yaml"
	tests := map[string]struct {
		config config
		want   string
	}{
		"nothing":                   {config{"items": []any{}}, "items must not be empty"},
		"an item of no kind":        {items(config{}), "items[0]: want exactly one of string, file and directory"},
		"an item of two kinds":      {items(config{"file": config{"from": "a", "to": "b"}, "directory": config{"from": "c", "to": "d"}}), "want exactly one of"},
		"a field that is mistyped":  {items(config{"strings": config{}}), `unknown field "items[0].strings" (did you mean "string"?)`},
		"a policy that is mistyped": {config{"items": []any{fileItem()}, "onDrift": "overwrit"}, `onDrift "overwrit": did you mean "overwrite"?`},
		"values of other files":     {str("src/README.md", "a", stage, ""), "values are read from and written to"},
		"a value onto itself":       {str(test, "a", "./"+test, "a"), "from and to are the same value"},
		"a directory into itself":   {items(config{"directory": config{"from": "src/env", "to": "src/env/test"}}), "overlap"},
		"a target twice":            {items(directoryItem(), config{"file": config{"from": "src/README.md", "to": "src/env/stage/config/a.yaml"}}), "items[1]: items[0] writes the same"},
		"a value twice":             {items(stringItem("image"), stringItem("image.tag")), "items[1]: items[0] writes the same"},
		"a key that is not there":   {str(test, "image.tagg", stage, ""), `there is no "tagg" in "image"; did you mean "tag"?`},
		"a target without the key":  {str(test, "image.tag", stage, "image.version"), `there is no "version" in "image"`},
		"a mapping of another form": {str(test, "image", stage, "replicas"), "lacks replicas.tag, which src/env/test/values.yaml has"},
		"a value for a mapping":     {str(test, "replicas", stage, "image"), "src/env/stage/values.yaml lacks image"},
		"a file that is not there":  {items(config{"file": config{"from": "src/nothing", "to": "src/x"}}), "src/nothing: file does not exist"},
		"a directory as a file":     {items(config{"file": config{"from": "src/env/test", "to": "src/x"}}), "is a directory: promote it as one"},
		"a file as a directory":     {items(config{"directory": config{"from": "src/README.md", "to": "src/x"}}), "is no directory"},
		"a checkout and more":       {items(config{"directory": config{"from": ".", "to": "x"}}), "overlap"},
		"what holds a checkout":     {items(config{"file": config{"from": "src/README.md", "to": "."}}), ". holds the checkout src"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoute(t, tc.config)
			r.begin()
			res := r.run(patchStep)
			if res.Phase != pipeline.Failed && res.Phase != pipeline.Errored || !strings.Contains(res.Message, tc.want) {
				t.Errorf("%s: %s; want %s", res.Phase, res.Message, tc.want)
			}
		})
	}
}

func TestPatchOutputSurvivesItsRecord(t *testing.T) {
	t.Parallel()
	r := newRoute(t, items(directoryItem()))
	out := r.promote()
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var again step.PatchOutput
	if err := json.Unmarshal(raw, &again); err != nil || cmp.Diff(out, again) != "" {
		t.Errorf("%v: %s", err, cmp.Diff(out, again))
	}
}

package kargofile_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// FuzzParse: whatever the file is, Parse ends without a panic, every problem has a
// place in the file, and a valid file's canonical form is valid and means the same.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	opts := kargofile.Options{Repo: "deploy", Steps: steps{}}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, problems := kargofile.Parse(src, opts)
		if (file == nil) != problems.HasErrors() {
			t.Fatalf("file %v with problems:\n%s", file, problems.Error())
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.EndColumn <= p.Column || p.Message == "" {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		if err := problems.Render(io.Discard, "f", src); err != nil {
			t.Error(err)
		}
		if file == nil {
			return
		}
		expanded, err := kargofile.Expand(*file)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := kargofile.Parse(expanded, opts)
		if again == nil {
			t.Fatalf("the canonical form is not valid:\n%s\n%s", problems.Error(), expanded)
		}
		if diff := cmp.Diff(file, again); diff != "" {
			t.Errorf("the canonical form means something else:\n%s", diff)
		}
	})
}

// FuzzParseTask: whatever the file is, ParseTask ends without a panic, and the steps of
// a task that it returns can be put in place of a reference.
func FuzzParseTask(f *testing.F) {
	f.Add([]byte(plainTask))
	f.Add([]byte(taskManifest))
	f.Add([]byte("steps: [{task: x}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		task, problems := kargofile.ParseTask(src, kargofile.Options{Steps: steps{}})
		if problems.HasErrors() {
			if len(task.Steps) > 0 {
				t.Errorf("a task with errors: %+v", task)
			}
			return
		}
		ref := pipeline.StepSpec{As: "task-1", Task: "acme/library//task.yaml@main"}
		for _, v := range task.Vars {
			ref.TaskVars = append(ref.TaskVars, pipeline.Var{Name: v.Name, Value: "x"})
		}
		inflated, err := kargofile.Inflate(ref, task)
		if err != nil || len(inflated) != len(task.Steps) || len(inflated) == 0 {
			t.Errorf("%d steps of %d, %v", len(inflated), len(task.Steps), err)
		}
	})
}

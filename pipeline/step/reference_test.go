package step_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/step"
)

var update = flag.Bool("update", false, "write golden files")

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	want := step.Reference(step.Builtin())
	if *update {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("README.md is stale, run go test ./pipeline/step -run Reference -update (-want +got):\n%s", diff)
	}
}

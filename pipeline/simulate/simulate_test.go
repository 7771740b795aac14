package simulate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/simulate"
)

// TestScenarios plays every scenario in testdata. They state the rules of the
// pipeline, one file each, and the name says which.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.sim.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sim.yaml"), func(t *testing.T) {
			t.Parallel()
			play(t, file)
		})
	}
}

func play(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := simulate.Load(filepath.ToSlash(file), data, os.ReadFile)
	var invalid *simulate.InvalidError
	if errors.As(err, &invalid) {
		var b strings.Builder
		_ = invalid.Render(&b)
		t.Fatal(b.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := sc.Run(t.Context(), simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures()) > 0 {
		var b strings.Builder
		_ = r.Write(&b)
		t.Error(b.String())
	}
	if r.Checked == 0 {
		t.Error("the scenario expects nothing")
	}
	for _, missed := range r.Missed {
		t.Errorf("%s something was due that no Wake had announced", missed)
	}
}

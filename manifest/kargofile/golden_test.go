package kargofile_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

var update = flag.Bool("update", false, "write golden files")

// steps is a small registry: copy wants inPath and outPath, and refuses other keys.
type steps struct{}

func (steps) Names() []string {
	return []string{
		"compose-output", "copy", "delete", "git-clone", "git-commit", "git-merge-pr", "git-open-pr",
		"git-push", "git-wait-for-pr", "kustomize-set-image", "yaml-update",
		"git-clear", "helm-template", "helm-update-chart", "kustomize-build", "patch",
	}
}

func (steps) CheckConfig(uses string, config map[string]any) error {
	if uses != "copy" {
		return nil
	}
	var errs []error
	for _, key := range []string{"inPath", "outPath"} {
		if _, ok := config[key].(string); !ok {
			errs = append(errs, fmt.Errorf("%s is required", key))
		}
	}
	var unknown []string
	for key := range config {
		if key != "inPath" && key != "outPath" && key != "files" {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		errs = append(errs, fmt.Errorf("unknown field %q", key))
	}
	if files, ok := config["files"].([]any); ok {
		if _, ok := files[0].(map[string]any)["path"].(string); !ok {
			errs = append(errs, errors.New("files[0].path: expected a string"))
		}
	}
	return errors.Join(errs...)
}

func TestBadFilesAreExplained(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			f, problems := kargofile.Parse(src, kargofile.Options{Repo: "deploy", DefaultBranch: "main", Steps: steps{}})
			if f != nil || !problems.HasErrors() {
				t.Fatal("the file passes as valid")
			}
			var out strings.Builder
			if err := problems.Render(&out, ".kargo.yaml", src); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("rendered problems (-golden +got):\n%s", diff)
			}
		})
	}
}

func TestGoodFilesExpandToCanonicalForm(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d good files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := kargofile.Expand(*parse(t, string(src)))
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".expanded"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("canonical form (-golden +got):\n%s", diff)
			}
		})
	}
}

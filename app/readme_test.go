package app_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline/step"
)

// TestReadme keeps what the README says true: every file that it links to exists,
// and every .kargo.yaml in it is valid.
func TestReadme(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		if strings.HasPrefix(m[1], "https://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Errorf("link to %s: %v", m[1], err)
		}
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) == 0 {
		t.Error("no YAML block found")
	}
	for _, b := range blocks {
		if _, problems := kargofile.Parse([]byte(b[1]), kargofile.Options{Repo: "config", Steps: steps}); len(problems) > 0 {
			t.Errorf("YAML block:\n%s\n%v", b[1], problems)
		}
	}
}

package kargofile_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

// TestReadmeExamplesAreValid completes the fragments of the README to files.
func TestReadmeExamplesAreValid(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, block := range blocks {
		src := block[1]
		for _, part := range []string{
			"apiVersion: kargo/v1\n",
			"warehouses:\n  - name: web\n    subscriptions:\n      - image: {repoURL: ghcr.io/acme/web}\n",
			"stages:\n  - {name: prod, from: web, update: [{image: ghcr.io/acme/web, kustomize: env}]}\n",
		} {
			key, _, _ := strings.Cut(part, ":")
			if !strings.HasPrefix(src, key+":") && !strings.Contains(src, "\n"+key+":") {
				src += part
			}
		}
		t.Run(strings.TrimSpace(src[:min(40, len(src))]), func(t *testing.T) {
			t.Parallel()
			parse(t, src)
		})
	}
}

// TestReadmeNamesEveryField asks every mapping of the format for a field that it does
// not have, and looks up those that it says it has.
func TestReadmeNamesEveryField(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("testdata/every-mapping.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, problems := kargofile.Parse(src, kargofile.Options{})
	unknown := slices.DeleteFunc(problems, func(p kargofile.Problem) bool { return !strings.HasPrefix(p.Message, "unknown field") })
	if want := strings.Count(string(src), "nope:"); len(unknown) != want {
		t.Errorf("%d problems, want one for each of %d unknown fields:\n%s", len(unknown), want, unknown.Error())
	}
	for _, p := range unknown {
		fields, _ := strings.CutPrefix(p.Expected, "one of ")
		for name := range strings.SplitSeq(fields, ", ") {
			if !regexp.MustCompile(`\b` + name + `\b`).Match(readme) {
				t.Errorf("%s: the README does not mention %q", p.Path, name)
			}
		}
	}
}

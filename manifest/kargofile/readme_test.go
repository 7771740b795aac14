package kargofile_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
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

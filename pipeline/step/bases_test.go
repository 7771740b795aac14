package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

const basesURL = "https://github.com/acme/bases"

func TestKustomizeBuildTakesBasesThatAreAllowed(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		ref   string
		allow string
		phase pipeline.Phase
		want  string
	}{
		"a tag of an allowed repository":   {"v1", basesURL, pipeline.Succeeded, ""},
		"a repository that is not allowed": {"v1", sourcesURL, pipeline.Errored, "does not allow"},
		"none is allowed by default":       {"v1", "", pipeline.Errored, "does not allow"},
		"a branch, which moves":            {"main", basesURL, pipeline.Errored, "branches move"},
		"a commit that there is not":       {strings.Repeat("a", 40), basesURL, pipeline.Errored, "no tag or commit"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b := newBench(t,
				sources(),
				wrote("src/env/remote/kustomization.yaml", "resources: ['"+basesURL+"//web?ref="+c.ref+"']\n"),
				use("kustomize-build", config{"path": "src/env/remote", "outPath": "out/all.yaml"}),
			)
			b.world.Repository(basesURL)
			b.world.Write(basesURL, "main", "start", map[string]string{
				"web/kustomization.yaml": "resources: [a.yaml]\n",
				"web/a.yaml":             "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n",
			})
			b.world.Tag(basesURL, "v1", "main")
			b.world.RemoteBases = func(repoURL string) bool { return repoURL == c.allow }
			b.upTo(2)
			res := b.want(2, c.phase)
			if !strings.Contains(res.Message, c.want) {
				t.Errorf("message %q, want %q in it", res.Message, c.want)
			}
			if c.phase != pipeline.Succeeded {
				return
			}
			if got := b.files("out")["out/all.yaml"]; !strings.Contains(got, "name: a\n") {
				t.Errorf("built: %q", got)
			}
		})
	}
}

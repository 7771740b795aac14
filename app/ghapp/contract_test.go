package ghapp_test

import (
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

// stand is a repository of the simulator as the contracts of the ports want it.
func stand(t *testing.T) steptest.Stand {
	t.Helper()
	w := newWorld(t, func(_ *forge.Options, r *forge.RepoOptions, _ *appOptions) {
		r.Files = map[string]string{"lines.txt": steptest.Lines}
	})
	return steptest.Stand{
		Git: w.git, Tags: w.git.Tags(), Pulls: w.app.Pulls(), URL: w.repoURL,
		Write: func(branch string, files map[string]string) string {
			texts := map[string]*string{}
			for p, content := range files {
				texts[p] = forge.Text(content)
			}
			return must(w.Push(gitops, branch, "bob", "theirs", texts))(t)
		},
		Tip: func(branch string) string { return must(w.Refs(gitops))(t)["refs/heads/"+branch] },
	}
}

func TestGitKeepsTheContract(t *testing.T) { t.Parallel(); steptest.TestGit(t, stand) }

func TestTagsKeepTheContract(t *testing.T) { t.Parallel(); steptest.TestTags(t, stand) }

package trial

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

func TestGitKeepsTheContractOfThePort(t *testing.T) {
	t.Parallel()
	steptest.TestGit(t, stand)
}

func TestTagsKeepTheContractOfThePort(t *testing.T) {
	t.Parallel()
	steptest.TestTags(t, stand)
}

// stand is a bare repository on this machine.
func stand(t *testing.T) steptest.Stand {
	t.Helper()
	base := t.TempDir()
	bare, clone := filepath.Join(base, "bare.git"), filepath.Join(base, "clone")
	run := func(dir string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	write := func(files map[string]string) {
		for name, data := range files {
			p := filepath.Join(clone, name)
			if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run(clone, "add", "-A")
		run(clone, "commit", "-q", "-m", "theirs")
	}
	run(base, "init", "-q", "--bare", "-b", "main", bare)
	run(base, "clone", "-q", bare, clone)
	run(clone, "checkout", "-q", "-b", "main")
	write(map[string]string{"lines.txt": steptest.Lines})
	run(clone, "push", "-q", "origin", "main")
	tip := func(branch string) string {
		return run(bare, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
	}
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	g := newGit(gitrepo.New(gitrepo.Options{}), now, false)
	return steptest.Stand{
		Git: g, Tags: tags{g}, URL: "file://" + bare, Tip: tip,
		Write: func(branch string, files map[string]string) string {
			start := "origin/" + branch
			if tip(branch) == "" {
				start = "origin/main"
			}
			run(clone, "fetch", "-q", "origin")
			run(clone, "checkout", "-q", "-B", "theirs", start)
			write(files)
			run(clone, "push", "-q", "origin", "HEAD:refs/heads/"+branch)
			return tip(branch)
		},
	}
}

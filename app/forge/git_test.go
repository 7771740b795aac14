package forge_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
)

func TestGitPushMovesRefsAndTellsTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "clone")
	before := w.head("main")
	w.git("", "clone", "--quiet", w.authURL(), dir)
	if err := os.WriteFile(filepath.Join(dir, "new.txt"), []byte("new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git(dir, "add", ".")
	w.git(dir, "rm", "--quiet", "README.md")
	w.git(dir, "commit", "--quiet", "-m", "work")
	w.git(dir, "push", "--quiet", "origin", "HEAD:main")

	if got, want := w.head("main"), w.git(dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("main is %s, want the pushed %s", got, want)
	}
	pushes := w.hooks("push")
	if len(pushes) != 1 {
		t.Fatalf("%d push events, want 1", len(pushes))
	}
	p := pushes[0].payload
	if p["before"] != before || p["after"] != w.head("main") || p["ref"] != "refs/heads/main" || p["forced"] != false {
		t.Errorf("push says %v..%v on %v forced %v", p["before"], p["after"], p["ref"], p["forced"])
	}
	commit := p["commits"].([]any)[0].(map[string]any)
	got := [][]any{commit["added"].([]any), commit["removed"].([]any), commit["modified"].([]any)}
	if diff := cmp.Diff([][]any{{"new.txt"}, {"README.md"}, {}}, got); diff != "" {
		t.Errorf("files of the commit (-want +got):\n%s", diff)
	}
	if traffic := w.GitTraffic(); traffic.BytesUp == 0 || traffic.BytesDown == 0 {
		t.Errorf("traffic was not counted: %+v", traffic)
	}
}

func TestGitPartialCloneFetchesNoBlobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := filepath.Join(t.TempDir(), "clone")
	w.git("", "-c", "protocol.version=2", "clone", "--quiet", "--bare", "--filter=blob:none", w.authURL(), dir)
	missing := w.git(dir, "rev-list", "--objects", "--all", "--missing=print")
	if n := strings.Count(missing, "?"); n != 4 {
		t.Errorf("%d blobs were left out, want 4:\n%s", n, missing)
	}
}

func TestGitAuthentication(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, url := range map[string]string{
		"a private repository needs a token": w.CloneURL(repoName),
		"a wrong token is refused":           strings.Replace(w.CloneURL(repoName), "http://", "http://x-access-token:nope@", 1),
		"the user must be x-access-token":    strings.Replace(w.authURL(), "x-access-token", "alice", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := w.tryGit("", "ls-remote", url); err == nil {
				t.Errorf("ls-remote succeeded:\n%s", out)
			}
		})
	}
}

func TestMoreThanThreeTagsAtOnceAreSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.CreateTags(repoName, "alice", "main", "v1", "v2", "v3"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.hooks("push")); n != 3 {
		t.Errorf("three tags made %d events, want 3", n)
	}
	if err := w.CreateTags(repoName, "alice", "main", "w1", "w2", "w3", "w4"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.hooks("push")); n != 3 {
		t.Errorf("four tags at once made %d more events, want none", n-3)
	}
}

func TestLargeSeedIsOneCompletePack(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 300 {
		files["d"+strconv.Itoa(i%7)+"/f"+strconv.Itoa(i)] = strconv.Itoa(i)
	}
	w := newWorld(t, func(_ *forge.Options, r *forge.RepoOptions) { r.Files = files })
	dir := t.TempDir()
	w.git("", "clone", "--quiet", w.authURL(), dir)
	w.git(dir, "fsck", "--strict")
	if n := len(strings.Split(w.git(dir, "ls-files"), "\n")); n != 300 {
		t.Errorf("%d files, want 300", n)
	}
}

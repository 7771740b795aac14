package app

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/pipeline/tree"
	"github.com/kargo-app/kargo/store"
)

// clone is a real clone, found under every address.
type clone struct{ dir string }

var _ repositories = clone{}

func (c clone) Repository(string) (*gitrepo.Repository, error) { return gitrepo.OpenLocal(c.dir) }

func (c clone) Unverified(string) (*gitrepo.Repository, error) { return gitrepo.OpenLocal(c.dir) }

// git runs git in the clone.
func (c clone) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:06Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files and commits them.
func (c clone) commit(t *testing.T, message string, files map[string]string) string {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(c.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.git(t, "add", "-A")
	c.git(t, "commit", "-q", "--allow-empty", "-m", message)
	return c.git(t, "rev-parse", "HEAD")
}

func newClone(t *testing.T) clone {
	t.Helper()
	c := clone{dir: t.TempDir()}
	c.git(t, "init", "-q", "-b", "main")
	return c
}

func TestCommitsShowsARepositoryToDiscovery(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	first := c.commit(t, "First\n\nbody", map[string]string{"a": "1", "b/c": "1"})
	c.git(t, "tag", "v1")
	second := c.commit(t, "Second", map[string]string{"b/c": "2"})
	c.git(t, "tag", "-a", "v2", "-m", "Release two")
	c.git(t, "tag", "tree", "HEAD^{tree}")
	src := commits{repos: c}

	for _, branch := range []string{"", "main"} {
		if got, err := src.Head(t.Context(), discover.Repository{}, branch); err != nil || got != second {
			t.Errorf("Head(%q) = %s, %v, want %s", branch, got, err, second)
		}
	}
	log, err := src.Log(t.Context(), discover.Repository{}, second, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(log) != 2 || log[1].ID != first || !slices.Equal(log[0].Parents, []string{first}) ||
		log[1].Message != "First\n\nbody\n" || log[1].Author != "Ada <ada@example.com>" || log[1].Committer != "Bob <bob@example.com>" ||
		log[1].CommittedAt.UTC().Format("15:04:05") != "03:04:06" {
		t.Errorf("Log = %+v", log)
	}
	changed, err := src.Changed(t.Context(), discover.Repository{}, first, second)
	if diff := cmp.Diff([]string{"b/c"}, changed); err != nil || diff != "" {
		t.Errorf("Changed: %v\n%s", err, diff)
	}
	changed, err = src.Changed(t.Context(), discover.Repository{}, "", first)
	if diff := cmp.Diff([]string{"a", "b/c"}, changed); err != nil || diff != "" {
		t.Errorf("Changed from nothing: %v\n%s", err, diff)
	}
	tags, err := src.Tags(t.Context(), discover.Repository{})
	if err != nil {
		t.Fatal(err)
	}
	described, err := src.Describe(t.Context(), discover.Repository{}, tags)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, tag := range described {
		seen = append(seen, fmt.Sprintf("%s %s %q %q", tag.Name, tag.ID, tag.Tagger, strings.TrimSpace(tag.Annotation)))
	}
	want := []string{`v1 ` + first + ` "" ""`, `v2 ` + second + ` "Bob <bob@example.com>" "Release two"`}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("described tags (-want +got):\n%s", diff)
	}
}

func TestWhatDoesNotExistIsNotFoundForDiscovery(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	src := commits{repos: c}
	missing := strings.Repeat("0123", 10)
	if _, err := src.Head(t.Context(), discover.Repository{}, ""); !errors.Is(err, discover.ErrNotFound) {
		t.Errorf("head of a branch without a commit: %v", err)
	}
	head := c.commit(t, "First", map[string]string{"a": "1"})
	tests := map[string]func() error{
		"branch": func() error { _, err := src.Head(t.Context(), discover.Repository{}, "nope"); return err },
		"commit": func() error { _, err := src.Log(t.Context(), discover.Repository{}, missing, 1); return err },
		"base":   func() error { _, err := src.Changed(t.Context(), discover.Repository{}, missing, head); return err },
		"head":   func() error { _, err := src.Changed(t.Context(), discover.Repository{}, head, missing); return err },
	}
	for name, f := range tests {
		if err := f(); !errors.Is(err, discover.ErrNotFound) {
			t.Errorf("missing %s: %v, want ErrNotFound", name, err)
		}
	}
}

func TestRepositoryThatCannotBeReadIsAnotherError(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d/", &status); err != nil {
			status = http.StatusTeapot
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	src := commits{repos: gitrepo.New(gitrepo.Options{AllowHTTP: loopback, Attempts: 1})}
	for _, status := range []int{http.StatusNotFound, http.StatusUnauthorized, http.StatusBadGateway} {
		_, err := src.Head(t.Context(), discover.Repository{URL: fmt.Sprintf("%s/%d/app.git", s.URL, status)}, "main")
		if err == nil || errors.Is(err, discover.ErrNotFound) {
			t.Errorf("HTTP %d: %v, want an error about the repository", status, err)
		}
	}
}

func TestDetachedHeadIsTheDefaultBranch(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	first := c.commit(t, "First", nil)
	c.commit(t, "Second", nil)
	c.git(t, "checkout", "-q", "--detach", first)
	if got, err := (commits{repos: c}).Head(t.Context(), discover.Repository{}, ""); err != nil || got != first {
		t.Errorf("Head = %s, %v, want %s", got, err, first)
	}
}

func TestBranchThatOnlyTheOriginHas(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	first := c.commit(t, "First", nil)
	c.git(t, "update-ref", "refs/remotes/origin/release", first)
	if got, err := (commits{repos: c}).Head(t.Context(), discover.Repository{}, "release"); err != nil || got != first {
		t.Errorf("Head = %s, %v, want %s", got, err, first)
	}
}

func TestFilesFindsTheConfiguration(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	none := c.commit(t, "First", map[string]string{"a": "1"})
	some := c.commit(t, "Second", map[string]string{".kargo.yaml": "apiVersion: kargo/v1\n"})
	f := files{repos: c, cloneURL: func(pipeline.Repo) string { return "" }}
	for _, branch := range []string{"main", "", "renamed-on-github"} {
		if got, err := f.Head(t.Context(), store.RepoRecord{DefaultBranch: branch}); err != nil || got != some {
			t.Errorf("Head with default branch %q = %s, %v, want %s", branch, got, err, some)
		}
	}
	data, blob, err := f.Config(t.Context(), store.RepoRecord{}, some)
	if err != nil || string(data) != "apiVersion: kargo/v1\n" || blob != c.git(t, "rev-parse", "HEAD:.kargo.yaml") {
		t.Errorf("Config = %q, %s, %v", data, blob, err)
	}
	if data, blob, err := f.Config(t.Context(), store.RepoRecord{}, none); data != nil || blob != "" || err != nil {
		t.Errorf("Config without a file = %q, %s, %v, want nothing", data, blob, err)
	}
	if _, _, err := f.Config(t.Context(), store.RepoRecord{}, "main"); err == nil {
		t.Error("a branch name is taken for a commit")
	}
	if _, _, err := f.Config(t.Context(), store.RepoRecord{}, strings.Repeat("0123", 10)); !errors.Is(err, tree.ErrNoObject) {
		t.Errorf("Config of a missing commit: %v", err)
	}
}

func TestFilesListsWhatGlobsMatch(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	head := c.commit(t, "First", map[string]string{
		".kargo.yaml": "root", "apps/a/.kargo.yaml": "a", "apps/b/.kargo.yaml": "b", "apps/b/x/.kargo.yaml": "x", "c.kargo.yaml": "c",
	})
	c.git(t, "rm", "-q", "apps/a/.kargo.yaml")
	head2 := c.commit(t, "Second", nil)
	f := files{repos: c, cloneURL: func(pipeline.Repo) string { return "" }}
	for _, tt := range []struct {
		commit string
		globs  []string
		want   []string
	}{
		{head, []string{"apps/*/.kargo.yaml"}, []string{"apps/a/.kargo.yaml", "apps/b/.kargo.yaml"}},
		{head2, []string{"apps/*/.kargo.yaml"}, []string{"apps/b/.kargo.yaml"}},
		{head, []string{"*.kargo.yaml", "apps/**/.kargo.yaml", "apps/b/.kargo.yaml"}, []string{".kargo.yaml", "apps/a/.kargo.yaml", "apps/b/.kargo.yaml", "apps/b/x/.kargo.yaml", "c.kargo.yaml"}},
		{head, []string{"none/*", "apps"}, nil},
	} {
		refs, err := f.List(t.Context(), store.RepoRecord{}, tt.commit, tt.globs)
		var got []string
		for _, ref := range refs {
			got = append(got, ref.Path)
			if want := c.git(t, "rev-parse", tt.commit+":"+ref.Path); ref.Blob != want {
				t.Errorf("%s is %s, want %s", ref.Path, ref.Blob, want)
			}
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v, want %q", tt.globs, got, err, tt.want)
		}
	}
	if data, err := f.Read(t.Context(), store.RepoRecord{}, head, []string{"apps/a/.kargo.yaml"}); err != nil || len(data) != 1 || string(data[0]) != "a" {
		t.Errorf("Read = %q, %v", data, err)
	}
	if _, err := f.Read(t.Context(), store.RepoRecord{}, head2, []string{"apps/a/.kargo.yaml"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of a missing file: %v", err)
	}
}

func TestFilesOfAnEmptyRepository(t *testing.T) {
	t.Parallel()
	f := files{repos: newClone(t), cloneURL: func(pipeline.Repo) string { return "" }}
	if got, err := f.Head(t.Context(), store.RepoRecord{DefaultBranch: "main"}); got != "" || err != nil {
		t.Errorf("Head = %q, %v, want nothing", got, err)
	}
}

package gitrepo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// gitIn runs git in a directory with a fixed identity and clock.
func gitIn(tb testing.TB, dir, stdin string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2025-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com", "GIT_COMMITTER_DATE=2025-01-02T03:04:06Z")
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("git %v: %v\n%s", args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// origin is a bare repository, served by git's own HTTP backend.
type origin struct {
	tb  testing.TB
	dir string
	url string
}

// newOrigin returns an empty repository that accepts everything the tests ask.
// wrap may change what a request or an answer looks like.
func newOrigin(tb testing.TB, wrap func(http.Handler) http.Handler) *origin {
	tb.Helper()
	root := tb.TempDir()
	o := &origin{tb: tb, dir: filepath.Join(root, "repo.git")}
	gitIn(tb, root, "", "init", "-q", "--bare", "-b", "main", o.dir)
	o.git("config", "http.receivepack", "true")
	o.git("config", "uploadpack.allowFilter", "true")
	o.git("config", "receive.fsckObjects", "true")
	backend := filepath.Join(gitIn(tb, root, "", "--exec-path"), "git-http-backend")
	var h http.Handler = &cgi.Handler{
		Path:   backend,
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"},
		Stderr: io.Discard,
	}
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	o.url = s.URL + "/repo.git"
	return o
}

func (o *origin) git(args ...string) string { return gitIn(o.tb, o.dir, "", args...) }

func (o *origin) hash(rev string) tree.Hash {
	o.tb.Helper()
	h, err := tree.ParseHash(o.git("rev-parse", rev))
	if err != nil {
		o.tb.Fatal(err)
	}
	return h
}

// commit adds a commit to a branch through git fast-import: each file replaced
// by its content, a file without content deleted.
func (o *origin) commit(branch, message string, files map[string]string) tree.Hash {
	o.tb.Helper()
	var w strings.Builder
	fmt.Fprintf(&w, "commit refs/heads/%s\ncommitter Bob <bob@example.com> 1735787046 +0000\ndata %d\n%s\n", branch, len(message), message)
	if exec.CommandContext(o.tb.Context(), "git", "-C", o.dir, "rev-parse", "-q", "--verify", "refs/heads/"+branch).Run() == nil {
		fmt.Fprintf(&w, "from refs/heads/%s^0\n", branch)
	}
	for p, content := range files {
		if content == "" {
			fmt.Fprintf(&w, "D %s\n", p)
			continue
		}
		fmt.Fprintf(&w, "M 100644 inline %s\ndata %d\n%s\n", p, len(content), content)
	}
	gitIn(o.tb, o.dir, w.String(), "fast-import", "--quiet")
	return o.hash("refs/heads/" + branch)
}

// fill pushes a commit of n files named clusters/C/team/app/*.yaml. It uses the
// code under test, because git fast-import takes half a minute for that many;
// fsck judges the result.
func (o *origin) fill(n int) tree.Hash {
	o.tb.Helper()
	ctx := o.tb.Context()
	kinds := [...]string{"kustomization", "values", "deployment", "service"}
	f := tree.NewFS(nil, tree.Hash{})
	for i := range n {
		app := i / len(kinds)
		content := fmt.Sprintf("app: %d\nkind: %s\nimage: ghcr.io/acme/app-%d:1.0.0\n", app, kinds[i%4], app)
		if err := f.WriteFile(ctx, filePath(app, kinds[i%4]), []byte(content), 0); err != nil {
			o.tb.Fatal(err)
		}
	}
	root, built, err := f.Build(ctx)
	if err != nil {
		o.tb.Fatal(err)
	}
	commit, err := gitrepo.EncodeCommit(gitrepo.Commit{Tree: root, Message: "fill\n"})
	if err != nil {
		o.tb.Fatal(err)
	}
	update := gitrepo.RefUpdate{Name: "refs/heads/main", New: commit.Hash}
	if err := o.open(gitrepo.Options{}).Push(ctx, []gitrepo.RefUpdate{update}, append(gitrepo.FromTree(built), commit)); err != nil {
		o.tb.Fatal(err)
	}
	return commit.Hash
}

func filePath(app int, kind string) string {
	return fmt.Sprintf("clusters/c%d/team%d/app%d/%s.yaml", app/250, app/25%10, app%25, kind)
}

// fsck fails when anything reachable is missing or broken.
func (o *origin) fsck() {
	o.tb.Helper()
	if out := o.git("fsck", "--full", "--strict", "--no-dangling"); out != "" {
		o.tb.Errorf("fsck: %s", out)
	}
}

func client(o gitrepo.Options) *gitrepo.Client {
	o.AllowHTTP = func(host string) bool { return host == "127.0.0.1" }
	if o.Sleep == nil {
		o.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	return gitrepo.New(o)
}

func (o *origin) open(opts gitrepo.Options) *gitrepo.Repository {
	o.tb.Helper()
	r, err := client(opts).Repository(o.url)
	if err != nil {
		o.tb.Fatal(err)
	}
	return r
}

// checkout opens the head of a branch as a step would.
func checkout(tb testing.TB, r *gitrepo.Repository, branch string) *tree.Checkout {
	tb.Helper()
	head, err := r.ResolveBranch(tb.Context(), branch)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := r.Commit(tb.Context(), head)
	if err != nil {
		tb.Fatal(err)
	}
	return tree.NewCheckout("", branch, head, r, c.Tree)
}

// publish pushes the pending commits of a checkout to a branch.
func publish(tb testing.TB, r *gitrepo.Repository, c *tree.Checkout, branch string, old tree.Hash) (tree.Hash, error) {
	tb.Helper()
	when := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	who := gitrepo.Signature{Name: "kargo", Email: "kargo@example.com", When: when}
	objects := gitrepo.FromTree(c.Objects())
	head := c.Head
	for _, p := range c.Pending() {
		o, err := gitrepo.EncodeCommit(gitrepo.Commit{
			Tree: p.Tree, Parents: []tree.Hash{head}, Author: who, Committer: who, Message: p.Message,
		})
		if err != nil {
			tb.Fatal(err)
		}
		objects = append(objects, o)
		head = o.Hash
	}
	err := r.Push(tb.Context(), []gitrepo.RefUpdate{{Name: "refs/heads/" + branch, Old: old, New: head}}, objects)
	return head, err
}

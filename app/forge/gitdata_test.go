package forge_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/kargo-app/kargo/app/forge"
)

func (w *world) tree(base string, entries ...*github.TreeEntry) (*github.Tree, error) {
	t, _, err := w.client.Git.CreateTree(w.t.Context(), "acme", "gitops", base, entries)
	return t, err
}

func (w *world) paths(tree string) []string {
	w.t.Helper()
	got, _, err := w.client.Git.GetTree(w.t.Context(), "acme", "gitops", tree, true)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range got.Entries {
		if e.GetType() == "blob" {
			out = append(out, e.GetPath())
		}
	}
	return out
}

func file(path, content string) *github.TreeEntry {
	return &github.TreeEntry{Path: &path, Mode: github.String("100644"), Type: github.String("blob"), Content: &content}
}

func TestCreateTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	remove := func(path string) *github.TreeEntry {
		return &github.TreeEntry{Path: &path, Mode: github.String("100644"), Type: github.String("blob")}
	}
	for name, tc := range map[string]struct {
		base    string
		entries []*github.TreeEntry
		want    []string
		err     string
	}{
		"base_tree keeps what is not listed": {"main", []*github.TreeEntry{file("a/new", "x")}, []string{"README.md", "a/new", "apps/db/values.yaml", "apps/web/values.yaml", "run.sh"}, ""},
		"no base_tree drops the rest":        {"", []*github.TreeEntry{file("a/new", "x")}, []string{"a/new"}, ""},
		"a null sha deletes":                 {"main", []*github.TreeEntry{remove("apps/db/values.yaml")}, []string{"README.md", "apps/web/values.yaml", "run.sh"}, ""},
		"deleting what is missing fails":     {"main", []*github.TreeEntry{remove("nope")}, nil, "GitRPC::BadObjectState"},
		"paths cannot leave the tree":        {"main", []*github.TreeEntry{file("../x", "x")}, nil, "malformed path"},
		"paths cannot enter .git":            {"main", []*github.TreeEntry{file("a/.git/config", "x")}, nil, "malformed path"},
		"an unknown base_tree fails":         {strings.Repeat("1", 40), []*github.TreeEntry{file("x", "x")}, nil, "base_tree"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := w.tree(tc.base, tc.entries...)
			if tc.err != "" {
				if status(err) != 422 || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("got %v, want 422 %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, w.paths(got.GetSHA())); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTreesAreWhatGitWouldWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.tree("", file("b", "1"), file("a.b/x", "2"), file("a/x", "3"), file("a-b", "4"))
	if err != nil {
		t.Fatal(err)
	}
	commit, _, err := w.client.Git.CreateCommit(t.Context(), "acme", "gitops", &github.Commit{Message: github.String("m"), Tree: made}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.client.Git.CreateRef(t.Context(), "acme", "gitops", &github.Reference{Ref: github.String("refs/heads/x"), Object: &github.GitObject{SHA: commit.SHA}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	w.git("", "clone", "--quiet", "--branch=x", w.authURL(), dir)
	w.git(dir, "fsck", "--strict")
	w.git(dir, "add", ".")
	if got := w.git(dir, "write-tree"); got != made.GetSHA() {
		t.Errorf("git writes tree %s, the API wrote %s", got, made.GetSHA())
	}
}

func TestUpdateRefIsFastForwardUnlessForced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.head("main")
	w.push("main", "alice", map[string]*string{"x": forge.Text("1")})
	newer := w.head("main")
	move := func(sha string, force bool) error {
		_, _, err := w.client.Git.UpdateRef(t.Context(), "acme", "gitops", &github.Reference{Ref: github.String("heads/main"), Object: &github.GitObject{SHA: &sha}}, force)
		return err
	}
	if err := move(old, false); status(err) != 422 || !strings.Contains(err.Error(), "Update is not a fast forward") {
		t.Errorf("moving back: %v", err)
	}
	if err := move(old, true); err != nil {
		t.Errorf("forcing back: %v", err)
	}
	if err := move(newer, false); err != nil {
		t.Errorf("moving forward: %v", err)
	}
	var forced []bool
	for _, h := range w.hooks("push") {
		forced = append(forced, h.payload["forced"].(bool))
	}
	if diff := cmp.Diff([]bool{false, true, false}, forced); diff != "" {
		t.Errorf("forced flags of the pushes (-want +got):\n%s", diff)
	}
}

func TestCommitWithAuthorIsNotVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.tree("main", file("x", "x"))
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := w.client.Git.CreateCommit(t.Context(), "acme", "gitops", &github.Commit{
		Message: github.String("m"), Tree: made, Author: &github.CommitAuthor{Name: github.String("n"), Email: github.String("n@example.com")},
	}, nil)
	if err != nil || c.GetVerification().GetVerified() {
		t.Errorf("verified %v, %v", c.GetVerification().GetVerified(), err)
	}
}

func TestCompareCountsBothSides(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("topic", "bob", map[string]*string{"a": forge.Text("1\n")})
	w.push("topic", "bob", map[string]*string{"a": forge.Text("2\n"), "README.md": nil})
	w.push("main", "alice", map[string]*string{"b": forge.Text("1\n")})
	got, _, err := w.client.Repositories.CompareCommits(t.Context(), "acme", "gitops", "main", "topic", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.GetStatus() != "diverged" || got.GetAheadBy() != 2 || got.GetBehindBy() != 1 {
		t.Errorf("%s, %d ahead, %d behind", got.GetStatus(), got.GetAheadBy(), got.GetBehindBy())
	}
	var files []string
	for _, f := range got.Files {
		files = append(files, f.GetFilename()+" "+f.GetStatus())
	}
	if diff := cmp.Diff([]string{"README.md removed", "a added"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCreateCommitOnBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const query = `mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid url signature { isValid } } } }`
	commit := func(expected string) map[string]any {
		req, err := w.client.NewRequest("POST", w.http.URL+"/api/graphql", map[string]any{"query": query, "variables": map[string]any{"input": map[string]any{
			"branch":  map[string]any{"repositoryNameWithOwner": repoName, "branchName": "main"},
			"message": map[string]any{"headline": "hello", "body": "world"}, "expectedHeadOid": expected,
			"fileChanges": map[string]any{"additions": []any{map[string]any{"path": "new.txt", "contents": "aGk="}}, "deletions": []any{map[string]any{"path": "README.md"}}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if _, err := w.client.Do(t.Context(), req, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := w.head("main")
	got := commit(before)
	made := got["data"].(map[string]any)["createCommitOnBranch"].(map[string]any)["commit"].(map[string]any)
	if made["oid"] != w.head("main") || made["signature"].(map[string]any)["isValid"] != true {
		t.Errorf("answer %v, main is %s", got, w.head("main"))
	}
	changed, err := w.ChangedFiles(repoName, before, "main")
	if diff := cmp.Diff([]string{"README.md", "new.txt"}, changed); diff != "" || err != nil {
		t.Errorf("changed (-want +got):\n%s%v", diff, err)
	}
	stale := commit(before)["errors"].([]any)[0].(map[string]any)
	if stale["type"] != "STALE_DATA" || !strings.HasPrefix(stale["message"].(string), "Expected branch to point to") {
		t.Errorf("stale head: %v", stale)
	}
}

func TestGraphQLPullRequestLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *forge.Options, r *forge.RepoOptions) { r.AllowAutoMerge = true })
	run := func(query string) map[string]any {
		t.Helper()
		req, err := w.client.NewRequest("POST", w.http.URL+"/api/graphql", map[string]any{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if _, err := w.client.Do(t.Context(), req, &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	repo := run(`{ repository(owner: "acme", name: "gitops") { id defaultBranchRef { target { oid } } } }`)["data"].(map[string]any)["repository"].(map[string]any)
	w.push("topic", "bob", map[string]*string{"x": forge.Text("x")})
	pr := run(`mutation { createPullRequest(input: {repositoryId: "` + repo["id"].(string) + `", baseRefName: "main", headRefName: "topic", title: "t", draft: true}) { pullRequest { id number isDraft } } }`)
	node := pr["data"].(map[string]any)["createPullRequest"].(map[string]any)["pullRequest"].(map[string]any)["id"].(string)
	run(`mutation { markPullRequestReadyForReview(input: {pullRequestId: "` + node + `"}) { pullRequest { isDraft } } }`)
	enable := `mutation { enablePullRequestAutoMerge(input: {pullRequestId: "` + node + `", mergeMethod: SQUASH}) { pullRequest { number } } }`
	if errs, _ := run(enable)["errors"].([]any); len(errs) != 1 || !strings.Contains(errs[0].(map[string]any)["message"].(string), "clean status") {
		t.Errorf("auto-merge of a clean pull request: %v", errs)
	}
	if err := w.ProtectBranch(repoName, "main", forge.Protection{RequiredChecks: []string{"ci"}}); err != nil {
		t.Fatal(err)
	}
	if errs := run(enable)["errors"]; errs != nil {
		t.Fatal(errs)
	}
	if _, err := w.SetCheck(repoName, "topic", "ci-app", "ci", "success"); err != nil {
		t.Fatal(err)
	}
	got, err := w.PullRequest(repoName, 1)
	if err != nil || !got.Merged || got.MergedBy != "kargo[bot]" {
		t.Errorf("merged %v by %s (%v)", got.Merged, got.MergedBy, err)
	}
	if out := run(`{ repository(owner: "acme", name: "gitops") { nonsense } }`); out["data"] != nil || out["errors"] == nil {
		t.Errorf("an unknown field: %v", out)
	}
}

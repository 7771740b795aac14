package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// CloneConfig configures git-clone.
type CloneConfig struct {
	RepoURL  string          `json:"repoURL" doc:"the repository"`
	Checkout []CloneCheckout `json:"checkout" doc:"what to check out, and where"`

	Author                *Author `json:"author,omitempty" doc:"who authors the commits of git-commit steps that name nobody; default the App, whose commits are verified"`
	InsecureSkipTLSVerify bool    `json:"insecureSkipTLSVerify,omitempty" doc:"accept any certificate of the server; that of the GitHub which the App belongs to is verified all the same"`
	Blobless              bool    `json:"blobless,omitempty" doc:"no effect: files are always fetched when they are first read"`
	RecurseSubmodules     bool    `json:"recurseSubmodules,omitempty" doc:"no effect: the files of submodules are never there; the reference to a submodule is kept, and is a plain copy when it is copied"`
}

// CloneCheckout is one checkout of a CloneConfig.
type CloneCheckout struct {
	Path   string `json:"path" doc:"directory of the workspace"`
	As     string `json:"as,omitempty" doc:"key of the output; default the path as written"`
	Branch string `json:"branch,omitempty" doc:"branch to check out; without branch, commit and tag it is the default branch"`
	Commit string `json:"commit,omitempty" doc:"commit to check out"`
	Tag    string `json:"tag,omitempty" doc:"tag to check out"`
	Create bool   `json:"create,omitempty" doc:"when the branch does not exist, start it with one empty commit, at once"`
	// FromFreight and FromOrigin are how Kargo once said commitFrom.
	FromFreight bool     `json:"fromFreight,omitempty" doc:"check out the commit of this repository that the Freight holds"`
	FromOrigin  *Origin  `json:"fromOrigin,omitempty" doc:"whose Freight that is, where several Warehouses hold a commit of the repository"`
	Sparse      []string `json:"sparse,omitempty" doc:"directories; checked but without effect, because only what is read is fetched"`
}

// initialCommit is the message of the empty commit that a branch is started with.
const initialCommit = "Initial commit"

// CloneOutput is the output of git-clone.
type CloneOutput struct {
	Commits  map[string]string `json:"commits" doc:"the commit of each checkout by its key"`
	Branches map[string]string `json:"branches" doc:"the branch of each checkout by its key; empty for a tag, a commit or Freight"`
}

func gitClone() Definition {
	return Define("git-clone", Workspace, Doc{
		Summary: `Opens one or more branches, tags or commits of a repository as directories of the workspace.

Nothing is copied: files are fetched when a later step first reads them, so that ` + "`blobless`" + `
and ` + "`sparse`" + ` would save nothing. Without ` + "`branch`, `tag`, `commit` and `fromFreight`" + ` it is the
default branch that is opened. One branch cannot be opened twice. A Promotion that goes
on after a restart uses the commits recorded in the output; one that starts over because
its base moved looks again.`,
		Example: `
uses: git-clone
as: clone
config:
  repoURL: https://github.com/acme/gitops.git
  checkout:
    - branch: main
      path: src
    - branch: env/prod
      create: true
      path: out
`,
	}, runGitClone)
}

// Validate implements the rules over several fields.
func (c CloneConfig) Validate() error {
	if len(c.Checkout) == 0 {
		return errors.New("checkout must not be empty")
	}
	var errs []error
	keys, paths, branches := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i, co := range c.Checkout {
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("checkout[%d]: "+format, append([]any{i}, args...)...))
		}
		if n := countSet(co.Branch, co.Commit, co.Tag); n > 1 || n == 1 && co.FromFreight {
			bad("give only one of branch, commit and tag, or fromFreight")
		}
		if co.FromOrigin != nil && !co.FromFreight {
			bad("fromOrigin needs fromFreight")
		}
		if co.Create && co.Branch == "" {
			bad("create needs a branch")
		}
		if seen(keys, co.key()) {
			bad("%q is the key of another checkout; set as", co.key())
		}
		if seen(paths, tree.Clean(co.Path)) {
			bad("path %q holds another checkout", co.Path)
		}
		if co.Branch != "" && seen(branches, co.Branch) {
			bad("branch %q is checked out twice", co.Branch)
		}
		for _, dir := range co.Sparse {
			if path.IsAbs(dir) || strings.ContainsAny(dir, `*?[\`) || hasDotDot(dir) {
				bad("sparse %q is not a directory inside the repository", dir)
			}
		}
	}
	return errors.Join(errs...)
}

func (c CloneCheckout) key() string {
	if c.As != "" {
		return c.As
	}
	return c.Path
}

func seen(set map[string]bool, key string) bool {
	was := set[key]
	set[key] = true
	return was
}

func countSet(values ...string) int {
	n := 0
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}

func runGitClone(ctx context.Context, env Env, c CloneConfig) (CloneOutput, error) {
	out := CloneOutput{Commits: map[string]string{}, Branches: map[string]string{}}
	var prior CloneOutput
	if env.Replaying {
		if err := json.Unmarshal(env.Prior, &prior); err != nil {
			return out, &PermanentError{fmt.Errorf("recorded output: %w", err)}
		}
	}
	opened := make([]*tree.Checkout, len(c.Checkout))
	for i, co := range c.Checkout {
		var err error
		if env.Replaying {
			opened[i], err = reopen(ctx, env, c, co, prior)
		} else {
			opened[i], err = open(ctx, env, c, co)
		}
		if err != nil {
			return out, fmt.Errorf("clone %s: %w", c.RepoURL, err)
		}
		if other := sameBranch(opened[:i], opened[i]); other >= 0 {
			return out, fmt.Errorf("clone %s: branch %s is checked out at %s already", c.RepoURL, opened[i].Branch, c.Checkout[other].Path)
		}
		opened[i].Author = c.Author.person()
		out.Branches[co.key()] = opened[i].Branch
		out.Commits[co.key()] = commitName(opened[i].Head)
	}
	for i, co := range c.Checkout {
		if err := env.Workspace.Mount(ctx, co.Path, opened[i]); err != nil {
			for _, done := range c.Checkout[:i] {
				// So that another attempt finds the place free.
				_ = env.Workspace.RemoveAll(ctx, done.Path)
			}
			return out, fmt.Errorf("check out at %s: %w", co.Path, err)
		}
	}
	return out, nil
}

// sameBranch returns which checkout is of the branch that c is of, -1 for none.
func sameBranch(others []*tree.Checkout, c *tree.Checkout) int {
	return slices.IndexFunc(others, func(o *tree.Checkout) bool { return c.Branch != "" && o.Branch == c.Branch })
}

func open(ctx context.Context, env Env, from CloneConfig, co CloneCheckout) (*tree.Checkout, error) {
	ref := Ref{Branch: co.Branch, Commit: co.Commit, Tag: co.Tag, SkipTLSVerify: from.InsecureSkipTLSVerify}
	if co.FromFreight {
		id, err := env.commitFrom(from.RepoURL, co.FromOrigin)
		if err != nil {
			return nil, err
		}
		ref.Commit = id
	}
	c, err := env.Git.Checkout(ctx, from.RepoURL, ref)
	if co.Create && errors.Is(err, ErrNotFound) {
		if c, err = env.Git.Start(ctx, from.RepoURL, co.Branch, initialCommit); err != nil {
			return nil, fmt.Errorf("start branch %s: %w", co.Branch, err)
		}
		return c, nil
	}
	if errors.Is(err, ErrNotFound) {
		hint := ""
		if co.Branch != "" {
			hint = "; set create to start it"
		}
		return nil, fmt.Errorf("%s: %w%s", co.ref(), err, hint)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", co.ref(), err)
	}
	return c, nil
}

// reopen opens what an earlier pass recorded, wherever the branch is by now.
func reopen(ctx context.Context, env Env, from CloneConfig, co CloneCheckout, prior CloneOutput) (*tree.Checkout, error) {
	sha, ok := prior.Commits[co.key()]
	if !ok {
		return nil, &PermanentError{fmt.Errorf("no commit is recorded for checkout %q", co.key())}
	}
	branch := prior.Branches[co.key()]
	if sha == "" {
		return unborn(from.RepoURL, branch), nil
	}
	c, err := env.Git.Checkout(ctx, from.RepoURL, Ref{Commit: sha, SkipTLSVerify: from.InsecureSkipTLSVerify})
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", sha, err)
	}
	c.Branch = branch
	return c, nil
}

// unborn is a branch without commits.
func unborn(repoURL, branch string) *tree.Checkout {
	return tree.NewCheckout(repoURL, branch, tree.Hash{}, nil, tree.Hash{})
}

func (c CloneCheckout) ref() string {
	switch {
	case c.Branch != "":
		return "branch " + c.Branch
	case c.Tag != "":
		return "tag " + c.Tag
	case c.Commit != "":
		return "commit " + c.Commit
	case c.FromFreight:
		return "commit of the Freight"
	default:
		return "default branch"
	}
}

// commitName is a commit as outputs show it: empty for none.
func commitName(h tree.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// hasDotDot reports whether a path has an element "..".
func hasDotDot(p string) bool {
	for elem := range strings.SplitSeq(p, "/") {
		if elem == ".." {
			return true
		}
	}
	return false
}

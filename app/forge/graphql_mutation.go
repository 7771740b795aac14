package forge

import (
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

func (c *call) gqlMutation() obj {
	mutation := func(payload string, f func(in input, out obj) error) gqlField {
		return func(args input) (any, error) {
			in := args.object("input")
			if in == nil {
				return nil, gqlFail("", "Argument 'input' is required")
			}
			out := obj{gqlType: payload, "clientMutationId": in["clientMutationId"]}
			if err := f(in, out); err != nil {
				return nil, err
			}
			return out, nil
		}
	}
	return obj{
		gqlType:                         "Mutation",
		"createCommitOnBranch":          mutation("CreateCommitOnBranchPayload", c.createCommitOnBranch),
		"createRef":                     mutation("CreateRefPayload", c.gqlCreateRef),
		"createPullRequest":             mutation("CreatePullRequestPayload", c.gqlCreatePull),
		"convertPullRequestToDraft":     mutation("ConvertPullRequestToDraftPayload", func(in input, out obj) error { return c.gqlDraft(in, out, true) }),
		"markPullRequestReadyForReview": mutation("MarkPullRequestReadyForReviewPayload", func(in input, out obj) error { return c.gqlDraft(in, out, false) }),
		"enablePullRequestAutoMerge":    mutation("EnablePullRequestAutoMergePayload", c.enableAutoMerge),
		"enqueuePullRequest":            mutation("EnqueuePullRequestPayload", c.gqlEnqueue),
		"dequeuePullRequest":            mutation("DequeuePullRequestPayload", c.gqlDequeue),
		"mergePullRequest":              mutation("MergePullRequestPayload", c.gqlMerge),
	}
}

func (s *Server) repoByNode(id string) *repo {
	for _, r := range s.repos {
		if nodeID("R", r.id) == id {
			return r
		}
	}
	return nil
}

func (c *call) gqlRepoInput(id string, need permission) (*repo, error) {
	r := c.s.repoByNode(id)
	if r == nil {
		return nil, gqlFail("NOT_FOUND", "Could not resolve to a node with the global id of '%s'", id)
	}
	return r, c.gqlAllowed(r, need)
}

func (c *call) gqlPullInput(in input, need permission) (*repo, *pull, error) {
	id := in.str("pullRequestId")
	r, p := c.s.pullByNode(id)
	if p == nil {
		return nil, nil, gqlFail("NOT_FOUND", "Could not resolve to a node with the global id of '%s'", id)
	}
	return r, p, c.gqlAllowed(r, need)
}

// createCommitOnBranch commits and moves the branch in one step, if the branch is where the caller thinks it is. It only
// updates branches that exist, signs, and knows no file modes.
func (c *call) createCommitOnBranch(in input, out obj) error {
	branch := in.object("branch")
	name := strings.TrimPrefix(branch.str("branchName"), "refs/heads/")
	if id := branch.str("id"); id != "" {
		return gqlFail("", "branch.id is not supported by the simulator; use repositoryNameWithOwner and branchName")
	}
	r, err := c.gqlRepo(branch.str("repositoryNameWithOwner"), permission{"contents", "write"})
	if err != nil {
		return err
	}
	head := r.git.branch(name)
	if head.IsZero() {
		return gqlFail("NOT_FOUND", "The branch '%s' was not found", name)
	}
	if expected := in.str("expectedHeadOid"); expected != head.String() {
		return gqlFail("STALE_DATA", "Expected branch to point to %q but it did not. Pull and try again.", expected)
	}
	headline := in.object("message").str("headline")
	if headline == "" {
		return gqlFail("UNPROCESSABLE", "A commit message headline is required")
	}
	if err := c.s.directPushAllowed(r, c.actor, name); err != nil {
		return err
	}
	edits, err := c.fileChanges(r, in.object("fileChanges"))
	if err != nil {
		return err
	}
	root, err := r.git.treeOf(head)
	if err != nil {
		return err
	}
	tree, err := r.git.editTree(root, edits)
	if missing := (*missingPathError)(nil); errors.As(err, &missing) {
		return gqlFail("UNPROCESSABLE", "A path was requested for deletion which does not exist as of commit oid `%s`", head)
	}
	if err != nil {
		return err
	}
	message := headline
	if body := in.object("message").str("body"); body != "" {
		message += "\n\n" + body
	}
	h, err := c.s.commitTo(r, c.actor, name, newCommit{
		tree: tree, parents: []plumbing.Hash{head}, author: c.s.signature(c.actor.account), committer: c.s.webFlow(), message: message,
	}, true)
	if err != nil {
		return err
	}
	commit, err := r.git.commit(h)
	if err != nil {
		return err
	}
	out["commit"], out["ref"] = c.gqlCommit(r, commit), c.gqlRef(r, "refs/heads/"+name)
	return nil
}

func (c *call) fileChanges(r *repo, in input) (map[string]treeEdit, error) {
	edits := map[string]treeEdit{}
	for _, a := range in.objects("additions") {
		path := a.str("path")
		if _, twice := edits[path]; twice || path == "" {
			return nil, gqlFail("UNPROCESSABLE", "Paths must be unique and not empty: %q", path)
		}
		data, err := decodeBase64(a.str("contents"))
		if err != nil {
			return nil, gqlFail("", "contents of %q is not valid Base64", path)
		}
		h, err := r.git.writeBlob(data)
		if err != nil {
			return nil, err
		}
		edits[path] = treeEdit{mode: filemode.Regular, hash: h}
	}
	for _, d := range in.objects("deletions") {
		path := d.str("path")
		if _, twice := edits[path]; twice || path == "" {
			return nil, gqlFail("UNPROCESSABLE", "Paths must be unique and not empty: %q", path)
		}
		edits[path] = treeEdit{}
	}
	return edits, nil
}

func (c *call) gqlCreateRef(in input, out obj) error {
	r, err := c.gqlRepoInput(in.str("repositoryId"), permission{"contents", "write"})
	if err != nil {
		return err
	}
	err = c.s.createRefAs(r, c.actor, in.str("name"), in.str("oid"))
	var ae *apiError
	if errors.As(err, &ae) && ae.message == "Reference already exists" {
		return gqlFail("UNPROCESSABLE", "A ref named %q already exists in the repository.", in.str("name"))
	}
	if err != nil {
		return err
	}
	out["ref"] = c.gqlRef(r, in.str("name"))
	return nil
}

func (c *call) gqlCreatePull(in input, out obj) error {
	r, err := c.gqlRepoInput(in.str("repositoryId"), permission{"pull_requests", "write"})
	if err != nil {
		return err
	}
	p, err := c.s.openPull(r, c.actor, pullRequest{
		title: in.str("title"), head: strings.TrimPrefix(in.str("headRefName"), r.owner.login+":"), base: in.str("baseRefName"), body: in.str("body"),
		draft: in.flag("draft", false),
	})
	if err != nil {
		return err
	}
	out["pullRequest"] = c.gqlPull(r, p)
	return nil
}

func (c *call) gqlDraft(in input, out obj, draft bool) error {
	r, p, err := c.gqlPullInput(in, permission{"pull_requests", "write"})
	if err != nil {
		return err
	}
	c.s.setDraft(r, c.actor, p, draft)
	out["pullRequest"] = c.gqlPull(r, p)
	return nil
}

func (c *call) gqlMerge(in input, out obj) error {
	r, p, err := c.gqlPullInput(in, permission{"contents", "write"})
	if err != nil {
		return err
	}
	order := mergeOrder{
		sha: in.str("expectedHeadOid"), method: strings.ToLower(in.str("mergeMethod")), title: in.str("commitHeadline"), message: in.str("commitBody"),
		hasMessage: in.has("commitBody"),
	}
	if _, err := c.s.merge(r, c.actor, p, order); err != nil {
		return err
	}
	out["pullRequest"] = c.gqlPull(r, p)
	return nil
}

// enableAutoMerge refuses what could be merged at once.
func (c *call) enableAutoMerge(in input, out obj) error {
	r, p, err := c.gqlPullInput(in, permission{"contents", "write"})
	if err != nil {
		return err
	}
	if !r.opts.AllowAutoMerge {
		return gqlFail("UNPROCESSABLE", "Auto merge is not allowed for this repository")
	}
	if expected := in.str("expectedHeadOid"); expected != "" && expected != p.headSHA.String() {
		return gqlFail("UNPROCESSABLE", "Head branch was modified. Review and try again.")
	}
	if err := c.s.testMerge(r, p); err != nil {
		return err
	}
	state, err := c.s.mergeableState(r, p)
	if err != nil {
		return err
	}
	if state == "clean" || state == "unstable" {
		return gqlFail("UNPROCESSABLE", "Pull request Pull request is in %s status", state)
	}
	p.autoMerge, p.autoMergeBy = "merge", c.actor.account
	if method := in.str("mergeMethod"); method != "" {
		p.autoMerge = strings.ToLower(method)
	}
	p.autoMergeAs = c.actor
	c.s.emitPull(r, c.actor, p, "auto_merge_enabled", nil)
	out["pullRequest"] = c.gqlPull(r, p)
	return nil
}

// autoMerge merges the pull requests whose last obstacle has just gone. Unlike a direct merge it honours no bypass list.
func (s *Server) autoMerge(r *repo) {
	for _, p := range r.pulls() {
		if p.autoMerge == "" || p.issue.state != "open" || s.blocker(r, p) != "" {
			continue
		}
		if _, err := s.merge(r, p.autoMergeAs, p, mergeOrder{method: p.autoMerge}); err != nil {
			s.log.Info("forge auto-merge waits", "repo", r.fullName(), "pr", p.issue.number, "err", err)
		}
	}
}

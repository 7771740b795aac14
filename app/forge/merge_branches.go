package forge

import (
	"errors"
	"net/http"

	"github.com/go-git/go-git/v5/plumbing"
)

// mergeBranches is POST /merges: 201, 204 when there is nothing to merge, 409 on conflict.
func mergeBranches(c *call) (reply, error) {
	in, err := c.input(fields{"base": text.must(), "head": text.must(), "commit_message": text})
	if err != nil {
		return reply{}, err
	}
	base := c.repo.git.branch(in.str("base"))
	head, found := c.repo.git.resolve(in.str("head"))
	if base.IsZero() {
		return reply{}, fail(http.StatusNotFound, "Base does not exist")
	}
	if !found {
		return reply{}, fail(http.StatusNotFound, "Head does not exist")
	}
	h, err := c.s.mergeInto(c.repo, c.actor, in.str("base"), in.str("head"), head, in.str("commit_message"))
	if errors.Is(err, errConflict) {
		return reply{}, fail(http.StatusConflict, "Merge conflict")
	}
	if err != nil {
		return reply{}, err
	}
	if h.IsZero() {
		return noContent()
	}
	commit, err := c.repo.git.commit(h)
	if err != nil {
		return reply{}, err
	}
	return created(c.s.renderCommit(c.repo, commit))
}

// mergeInto merges head into a branch and returns the merge commit, or the zero hash when the branch has it already.
func (s *Server) mergeInto(r *repo, who actor, branch, headName string, head plumbing.Hash, message string) (plumbing.Hash, error) {
	base := r.git.branch(branch)
	contained, err := r.git.isAncestor(head, base)
	if err != nil || contained {
		return plumbing.ZeroHash, err
	}
	tree, err := r.git.mergeCommits(base, head)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if message == "" {
		message = "Merge " + headName + " into " + branch
	}
	return s.commitTo(r, who, branch, newCommit{
		tree: tree, parents: []plumbing.Hash{base, head}, author: s.signature(who.account), committer: s.webFlow(), message: message,
	}, true)
}

func updatePullBranch(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"expected_head_sha": text})
	if err != nil {
		return reply{}, err
	}
	if want := in.str("expected_head_sha"); want != "" && want != p.headSHA.String() {
		return reply{}, unprocessable("expected head sha didn’t match current head ref.")
	}
	_, err = c.s.mergeInto(c.repo, c.actor, p.headRef, p.baseRef, c.repo.git.branch(p.baseRef), "")
	if errors.Is(err, errConflict) {
		return reply{}, unprocessable("merge conflict between base and head")
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusAccepted, body: obj{"message": "Updating pull request branch.", "url": c.s.repoURL(c.repo, "/pulls/"+itoa(p.issue.number))}}, nil
}

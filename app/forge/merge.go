package forge

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

func itoa(n int) string { return strconv.Itoa(n) }

const baseModified = "Base branch was modified. Review and try the merge again."

// mergeOrder is how a pull request is to be merged.
type mergeOrder struct {
	sha, method, title, message string
	hasMessage                  bool
	late                        time.Duration // of the committer's date
}

func mergePull(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{
		"commit_title": text, "commit_message": text, "sha": text, "merge_method": oneOf("merge", "squash", "rebase"),
	})
	if err != nil {
		return reply{}, err
	}
	if err := c.s.mergeRace(c.repo, p); err != nil {
		return reply{}, err
	}
	order := mergeOrder{
		sha: in.str("sha"), method: in.str("merge_method"), title: in.str("commit_title"), message: in.str("commit_message"), hasMessage: in.has("commit_message"),
	}
	if err := c.s.touchesWorkflows(c, p); err != nil {
		return reply{}, err
	}
	h, err := c.s.merge(c.repo, c.actor, p, order)
	if err != nil {
		return reply{}, err
	}
	return ok(obj{"sha": h.String(), "merged": true, "message": "Pull Request successfully merged"})
}

// mergeRace runs the test's BeforeMerge hook without the lock and reports what it changed the way GitHub reports a base
// that moved under a merge.
func (s *Server) mergeRace(r *repo, p *pull) error {
	s.faults.mu.Lock()
	hook := s.faults.beforeMerge
	s.faults.mu.Unlock()
	if hook == nil {
		return nil
	}
	base := r.git.branch(p.baseRef)
	s.mu.Unlock()
	hook(r.fullName(), p.issue.number)
	s.mu.Lock()
	if r.git.branch(p.baseRef) != base {
		return fail(http.StatusMethodNotAllowed, baseModified)
	}
	return nil
}

// touchesWorkflows refuses a merge that changes workflow files without the workflows permission.
func (s *Server) touchesWorkflows(c *call, p *pull) error {
	if c.actor.token == nil || c.actor.token.allows(permission{"workflows", "write"}) {
		return nil
	}
	rel, err := c.repo.git.relate(p.baseSHA, p.headSHA)
	if err != nil {
		return err
	}
	changes, err := c.repo.git.diffCommits(rel.mergeBase, p.headSHA)
	if err != nil {
		return err
	}
	for _, ch := range changes {
		if strings.HasPrefix(ch.path, ".github/workflows/") {
			return fail(http.StatusForbidden, "refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", ch.path)
		}
	}
	return nil
}

// merge checks the order, makes the commits and closes the pull request.
func (s *Server) merge(r *repo, who actor, p *pull, o mergeOrder) (plumbing.Hash, error) {
	if err := s.mergeAllowed(r, who, p, o); err != nil {
		return plumbing.ZeroHash, err
	}
	base := r.git.branch(p.baseRef)
	h, err := s.mergeCommitFor(r, who, p, base, o)
	if errors.Is(err, errConflict) {
		return h, fail(http.StatusMethodNotAllowed, "Pull Request is not mergeable")
	}
	if err != nil {
		return h, err
	}
	if err := r.git.setRef("refs/heads/"+p.baseRef, h); err != nil {
		return h, err
	}
	p.baseSHA = base
	s.markMerged(r, who, p, h)
	if err := s.refsMoved(r, who, []refMove{{ref: "refs/heads/" + p.baseRef, before: base, after: h}}); err != nil {
		return h, err
	}
	if r.opts.DeleteBranchOnMerge {
		return h, s.deleteBranch(r, who, p.headRef)
	}
	return h, nil
}

func (s *Server) markMerged(r *repo, who actor, p *pull, h plumbing.Hash) {
	now := s.clock()
	p.merged, p.mergedAt, p.mergedBy, p.mergeCommit, p.autoMerge = true, now, who.account, h, ""
	p.issue.state, p.issue.closed, p.issue.updated = "closed", now, now
	s.emitPull(r, who, p, "closed", nil)
}

func (s *Server) deleteBranch(r *repo, who actor, branch string) error {
	before := r.git.branch(branch)
	if before.IsZero() {
		return nil
	}
	if err := r.git.removeRef("refs/heads/" + branch); err != nil {
		return err
	}
	return s.refsMoved(r, who, []refMove{{ref: "refs/heads/" + branch, before: before}})
}

func (s *Server) mergeAllowed(r *repo, who actor, p *pull, o mergeOrder) error {
	notAllowed := func(format string, args ...any) error { return fail(http.StatusMethodNotAllowed, format, args...) }
	if p.merged || p.issue.state != "open" {
		return notAllowed("Pull Request is not mergeable")
	}
	if o.sha != "" && o.sha != p.headSHA.String() {
		return fail(http.StatusConflict, "Head branch was modified. Review and try the merge again.")
	}
	if p.draft {
		return notAllowed("Pull Request is still a draft")
	}
	switch {
	case (o.method == "" || o.method == "merge") && r.opts.NoMergeCommit:
		return notAllowed("Merge commits are not allowed on this repository.")
	case o.method == "squash" && r.opts.NoSquashMerge:
		return notAllowed("Squash merges are not allowed on this repository.")
	case o.method == "rebase" && r.opts.NoRebaseMerge:
		return notAllowed("Rebase merges are not allowed on this repository.")
	}
	if s.bypasses(r, who, p.baseRef) {
		return nil
	}
	if why := s.blocker(r, p); why != "" {
		return notAllowed("%s", why)
	}
	if s.hasQueue(r, p.baseRef) {
		return notAllowed("Repository rule violations found\n\nChanges must be made through the merge queue")
	}
	behind, err := s.isBehind(r, p)
	if err != nil {
		return err
	}
	for _, rule := range s.rules(r, p.baseRef) {
		if rule.Strict && behind {
			return notAllowed("Head branch is out of date")
		}
	}
	return nil
}

// bypasses reports whether every rule of the branch names who. GitHub then merges without a word.
func (s *Server) bypasses(r *repo, who actor, branch string) bool {
	name := who.account.login
	if who.app != nil {
		name = who.app.slug
	}
	return !slices.ContainsFunc(s.rules(r, branch), func(p Protection) bool { return !slices.Contains(p.Bypass, name) })
}

// mergeCommitFor writes what the base will point at.
func (s *Server) mergeCommitFor(r *repo, who actor, p *pull, base plumbing.Hash, o mergeOrder) (plumbing.Hash, error) {
	if o.method == "rebase" {
		return s.rebase(r, p, base)
	}
	tree, err := r.git.mergeCommits(base, p.headSHA)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	n := newCommit{tree: tree, parents: []plumbing.Hash{base, p.headSHA}, author: s.signature(who.account), committer: s.webFlow()}
	title := fmt.Sprintf("Merge pull request #%d from %s/%s", p.issue.number, r.owner.login, p.headRef)
	body := p.issue.title
	n.committer.When = n.committer.When.Add(o.late)
	if o.method == "squash" {
		n.parents, n.author = n.parents[:1], s.signature(p.issue.user)
		title = fmt.Sprintf("%s (#%d)", p.issue.title, p.issue.number)
		if body, err = s.squashBody(r, p, base); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	if o.title != "" {
		title = o.title
	}
	if o.hasMessage {
		body = o.message
	}
	n.message = title
	if body != "" {
		n.message += "\n\n" + body
	}
	h, err := r.git.writeCommit(n)
	r.verified[h] = true
	return h, err
}

// squashBody lists the commits, or takes the body of the only one.
func (s *Server) squashBody(r *repo, p *pull, base plumbing.Hash) (string, error) {
	rel, err := r.git.relate(base, p.headSHA)
	if err != nil {
		return "", err
	}
	if len(rel.ahead) == 1 {
		_, rest, _ := strings.Cut(rel.ahead[0].Message, "\n")
		return strings.TrimSpace(rest), nil
	}
	var b strings.Builder
	for _, c := range slices.Backward(rel.ahead) {
		fmt.Fprintf(&b, "* %s\n\n", strings.TrimSpace(c.Message))
	}
	return strings.TrimSpace(b.String()), nil
}

// rebase replays the commits of the head on the base, unsigned, as GitHub does.
func (s *Server) rebase(r *repo, p *pull, base plumbing.Hash) (plumbing.Hash, error) {
	rel, err := r.git.relate(base, p.headSHA)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	onto := base
	for _, c := range slices.Backward(rel.ahead) {
		if len(c.ParentHashes) != 1 {
			continue // merges are dropped
		}
		var trees [3]plumbing.Hash
		for i, h := range []plumbing.Hash{c.ParentHashes[0], onto, c.Hash} {
			if trees[i], err = r.git.treeOf(h); err != nil {
				return plumbing.ZeroHash, err
			}
		}
		tree, err := r.git.mergeTrees(trees[0], trees[1], trees[2])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		onto, err = r.git.writeCommit(newCommit{tree: tree, parents: []plumbing.Hash{onto}, author: c.Author, committer: s.webFlow(), message: c.Message})
		if err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return onto, nil
}

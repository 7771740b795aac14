package forge

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxPushCommits   = 2048
	maxCommitFiles   = 3000
	maxTagEvents     = 3    // more tags than this at once and GitHub sends nothing for any of them
	maxBranchesEvent = 5000 // more branches than this and there is no event at all
)

// refMove is one ref that changed; a zero hash stands for not existing.
type refMove struct {
	ref           string
	before, after plumbing.Hash
}

// refsMoved does what follows a change of refs that belong to one push: events, check suites, pull requests.
func (s *Server) refsMoved(r *repo, who actor, moves []refMove) error {
	tags, branches := 0, 0
	for _, m := range moves {
		if strings.HasPrefix(m.ref, "refs/tags/") {
			tags++
		} else {
			branches++
		}
	}
	r.pushed = s.clock()
	for _, m := range moves {
		isTag := strings.HasPrefix(m.ref, "refs/tags/")
		if isTag && tags > maxTagEvents || branches > maxBranchesEvent {
			continue
		}
		if !isTag && !strings.HasPrefix(m.ref, "refs/heads/") {
			continue
		}
		if err := s.emitPush(r, who, m); err != nil {
			return err
		}
	}
	for _, m := range moves {
		if branch, isBranch := strings.CutPrefix(m.ref, "refs/heads/"); isBranch {
			if err := s.branchMoved(r, who, branch, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) emitPush(r *repo, who actor, m refMove) error {
	commits, forced, err := s.pushedCommits(r, m)
	if err != nil {
		return err
	}
	payload := obj{
		"ref": m.ref, "before": m.before.String(), "after": m.after.String(), "created": m.before.IsZero(), "deleted": m.after.IsZero(),
		"forced": forced, "base_ref": nil, "compare": s.web("/%s/compare/%.12s...%.12s", r.fullName(), m.before, m.after),
		"commits": commits, "head_commit": nil, "pusher": obj{"name": who.account.login, "email": s.signature(who.account).Email},
	}
	if head, isCommit := r.git.peel(m.after); isCommit && !m.after.IsZero() {
		c, err := r.git.commit(head)
		if err != nil {
			return err
		}
		if payload["head_commit"], err = s.hookCommit(r, c); err != nil {
			return err
		}
	}
	s.emit(r, who, "push", payload)
	short := strings.TrimPrefix(strings.TrimPrefix(m.ref, "refs/heads/"), "refs/tags/")
	kind := "branch"
	if strings.HasPrefix(m.ref, "refs/tags/") {
		kind = "tag"
	}
	switch {
	case m.before.IsZero():
		s.emit(r, who, "create", obj{"ref": short, "ref_type": kind, "master_branch": r.defaultBranch, "description": nil, "pusher_type": "user"})
	case m.after.IsZero():
		s.emit(r, who, "delete", obj{"ref": short, "ref_type": kind, "pusher_type": "user"})
	}
	return nil
}

// pushedCommits lists what a push added to a branch, oldest first. A new tag lists nothing; a new branch lists what the
// default branch does not have.
func (s *Server) pushedCommits(r *repo, m refMove) (commits []obj, forced bool, err error) {
	commits = []obj{}
	if m.after.IsZero() || strings.HasPrefix(m.ref, "refs/tags/") {
		return commits, !m.before.IsZero() && !m.after.IsZero(), nil
	}
	base := m.before
	if base.IsZero() {
		base = r.git.branch(r.defaultBranch)
		if m.ref == "refs/heads/"+r.defaultBranch {
			base = plumbing.ZeroHash
		}
	}
	rel, err := r.git.relate(base, m.after)
	if err != nil {
		return nil, false, err
	}
	forced = !m.before.IsZero() && len(rel.behind) > 0
	added := rel.ahead
	if len(added) > maxPushCommits {
		added = added[:maxPushCommits]
	}
	for i := len(added) - 1; i >= 0; i-- {
		c, err := s.hookCommit(r, added[i])
		if err != nil {
			return nil, false, err
		}
		commits = append(commits, c)
	}
	return commits, forced, nil
}

func (s *Server) hookCommit(r *repo, c *object.Commit) (obj, error) {
	parent := plumbing.ZeroHash
	if len(c.ParentHashes) > 0 {
		parent = c.ParentHashes[0]
	}
	changes, err := r.git.diffCommits(parent, c.Hash)
	if err != nil {
		return nil, err
	}
	lists := map[string][]string{"added": {}, "removed": {}, "modified": {}}
	for i, ch := range changes {
		if i == maxCommitFiles {
			break
		}
		if ch.status == "renamed" {
			lists["removed"] = append(lists["removed"], ch.previous)
			ch.status = "added"
		}
		lists[ch.status] = append(lists[ch.status], ch.path)
	}
	return obj{
		"id": c.Hash.String(), "tree_id": c.TreeHash.String(), "distinct": true, "message": c.Message, "timestamp": timestamp(c.Committer.When),
		"url": s.web("/%s/commit/%s", r.fullName(), c.Hash), "author": s.hookPerson(c.Author), "committer": s.hookPerson(c.Committer),
		"added": lists["added"], "removed": lists["removed"], "modified": lists["modified"],
	}, nil
}

func (s *Server) hookPerson(sig object.Signature) obj {
	o := obj{"name": sig.Name, "email": sig.Email, "date": timestamp(sig.When)}
	if a := s.author(sig); a != nil {
		o["username"] = a.login
	}
	return o
}

// branchMoved updates the pull requests that the branch is head or base of, and opens the check suites.
func (s *Server) branchMoved(r *repo, who actor, branch string, m refMove) error {
	for _, p := range r.pulls() {
		if p.issue.state != "open" {
			continue
		}
		if p.baseRef == branch {
			if err := s.baseMoved(r, who, p, m); err != nil {
				return err
			}
		}
		if p.headRef == branch && p.issue.state == "open" {
			if err := s.headMoved(r, who, p, m); err != nil {
				return err
			}
		}
	}
	if !m.after.IsZero() {
		s.requestSuites(r, who, branch, m)
	}
	return nil
}

func (s *Server) baseMoved(r *repo, who actor, p *pull, m refMove) error {
	p.forgetMergeable()
	if m.after.IsZero() {
		return nil
	}
	// A head that reached the base by a push counts as merged.
	contained, err := r.git.isAncestor(p.headSHA, m.after)
	if err != nil {
		return err
	}
	if contained {
		s.markMerged(r, who, p, p.headSHA)
	}
	return nil
}

func (s *Server) headMoved(r *repo, who actor, p *pull, m refMove) error {
	p.forgetMergeable()
	if m.after.IsZero() {
		s.closePull(r, who, p)
		return nil
	}
	if err := s.dequeue(r, who, p, "UNKNOWN_REMOVAL_REASON"); err != nil {
		return err
	}
	p.headSHA, p.issue.updated = m.after, s.clock()
	p.baseSHA = r.git.branch(p.baseRef)
	if err := r.git.setRef(p.hiddenRef("head"), m.after); err != nil {
		return err
	}
	s.dismissStale(r, who, p)
	payload, err := s.pullPayload(r, p, "synchronize")
	if err != nil {
		return err
	}
	payload["before"], payload["after"] = m.before.String(), m.after.String()
	s.emit(r, who, "pull_request", payload)
	return nil
}

package forge

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// queueEntry is a pull request in the merge queue of its base, with the commit on which
// GitHub tries it together with those before it.
type queueEntry struct {
	id         int64
	pull       *pull
	who        actor
	since      time.Time
	base, head plumbing.Hash
}

// removal is why a pull request left a queue.
type removal struct {
	reason string
	at     time.Time
}

func (e *queueEntry) branch() string {
	return fmt.Sprintf("gh-readonly-queue/%s/pr-%d-%s", e.pull.baseRef, e.pull.issue.number, e.base)
}

func (s *Server) hasQueue(r *repo, branch string) bool {
	return slices.ContainsFunc(s.rules(r, branch), func(p Protection) bool { return p.MergeQueue })
}

func (r *repo) queued(p *pull) (*queueEntry, int) {
	for i, e := range r.queues[p.baseRef] {
		if e.pull == p {
			return e, i + 1
		}
	}
	return nil, 0
}

// enqueue puts a pull request at the end of the queue. This simulator demands at once
// what GitHub may also wait for.
func (s *Server) joinQueue(r *repo, who actor, p *pull, expected string) (*queueEntry, error) {
	refuse := func(format string, args ...any) (*queueEntry, error) {
		return nil, gqlFail("UNPROCESSABLE", format, args...)
	}
	switch {
	case !s.hasQueue(r, p.baseRef):
		return refuse("Merge queue is not enabled for the base branch")
	case p.issue.state != "open" || p.draft:
		return refuse("Pull request is not in the correct state to be queued")
	case expected != "" && expected != p.headSHA.String():
		return refuse("Head sha didn't match expected head oid")
	}
	if e, _ := r.queued(p); e != nil {
		return refuse("Pull request is already in the queue")
	}
	if why := s.blocker(r, p); why != "" {
		return refuse("%s", why)
	}
	if err := s.testMerge(r, p); err != nil {
		return nil, err
	}
	if !p.mergeable {
		return refuse("Pull request has merge conflicts")
	}
	e := &queueEntry{id: s.nextID(), pull: p, who: who, since: s.clock()}
	if r.queues == nil {
		r.queues = map[string][]*queueEntry{}
	}
	r.queues[p.baseRef] = append(r.queues[p.baseRef], e)
	s.emitPull(r, who, p, "enqueued", nil)
	return e, s.regroup(r, p.baseRef)
}

// regroup makes the commit of every entry that has none on the state before it, and
// asks for checks on it.
func (s *Server) regroup(r *repo, branch string) error {
	base := r.git.branch(branch)
	for _, e := range slices.Clone(r.queues[branch]) {
		if !e.head.IsZero() && e.base != base {
			if err := s.ungroup(r, e, "invalidated"); err != nil {
				return err
			}
		}
		if e.head.IsZero() {
			// What is tried anew is another commit, also within a second.
			r.groups++
			head, err := s.mergeCommitFor(r, e.who, e.pull, base, mergeOrder{method: "squash", late: time.Duration(r.groups) * time.Second})
			if errors.Is(err, errConflict) {
				if err := s.dequeue(r, e.who, e.pull, "MERGE_CONFLICT"); err != nil {
					return err
				}
				return nil // which regrouped the others
			}
			if err != nil {
				return err
			}
			e.base, e.head = base, head
			if err := r.git.setRef("refs/heads/"+e.branch(), head); err != nil {
				return err
			}
			if err := s.refsMoved(r, e.who, []refMove{{ref: "refs/heads/" + e.branch(), after: head}}); err != nil {
				return err
			}
			if err := s.emitGroup(r, e, "checks_requested", ""); err != nil {
				return err
			}
		}
		base = e.head
	}
	return nil
}

// ungroup takes the commit of an entry away.
func (s *Server) ungroup(r *repo, e *queueEntry, reason string) error {
	if e.head.IsZero() {
		return nil
	}
	if err := s.emitGroup(r, e, "destroyed", reason); err != nil {
		return err
	}
	branch := e.branch()
	e.head, e.base = plumbing.ZeroHash, plumbing.ZeroHash
	return s.deleteBranch(r, e.who, branch)
}

func (s *Server) emitGroup(r *repo, e *queueEntry, action, reason string) error {
	c, err := r.git.commit(e.head)
	if err != nil {
		return err
	}
	commit, err := s.hookCommit(r, c)
	if err != nil {
		return err
	}
	payload := obj{"action": action, "merge_group": obj{
		"head_sha": e.head.String(), "head_ref": "refs/heads/" + e.branch(), "base_sha": e.base.String(), "base_ref": "refs/heads/" + e.pull.baseRef,
		"head_commit": obj{
			"id": commit["id"], "tree_id": commit["tree_id"], "message": commit["message"], "timestamp": commit["timestamp"],
			"author": commit["author"], "committer": commit["committer"],
		},
	}}
	if reason != "" {
		payload["reason"] = reason
	}
	s.emit(r, e.who, "merge_group", payload)
	return nil
}

// dequeue removes a pull request without merging it; those behind it are tried anew.
func (s *Server) dequeue(r *repo, who actor, p *pull, reason string) error {
	e, at := r.queued(p)
	if e == nil {
		return nil
	}
	r.queues[p.baseRef] = slices.Delete(slices.Clone(r.queues[p.baseRef]), at-1, at)
	p.removed = removal{reason, s.clock()}
	err := s.ungroup(r, e, "dequeued")
	s.emitPull(r, who, p, "dequeued", obj{"reason": reason})
	return errors.Join(err, s.regroup(r, p.baseRef))
}

// advanceQueues merges what has passed its checks, in order, and removes what has not.
func (s *Server) advanceQueues(r *repo) {
	for _, branch := range orderedKeys(r.queues) {
		for len(r.queues[branch]) > 0 {
			e := r.queues[branch][0]
			done, err := s.advanceEntry(r, e)
			if err != nil {
				s.log.Error("forge merge queue is stuck", "repo", r.fullName(), "pr", e.pull.issue.number, "err", err)
			}
			if !done {
				break
			}
		}
	}
}

// advanceEntry returns whether the entry has left the queue.
func (s *Server) advanceEntry(r *repo, e *queueEntry) (bool, error) {
	branch, results := e.pull.baseRef, s.results(r, e.head)
	for _, rule := range s.rules(r, branch) {
		for _, check := range rule.RequiredChecks {
			switch results[check] {
			case "success":
			case "", "pending":
				return false, nil
			default:
				return true, s.dequeue(r, e.who, e.pull, "CI_FAILURE")
			}
		}
	}
	r.queues[branch] = r.queues[branch][1:]
	before, group := r.git.branch(branch), e.branch()
	if err := r.git.setRef("refs/heads/"+branch, e.head); err != nil {
		return true, err
	}
	e.pull.baseSHA = before
	s.markMerged(r, e.who, e.pull, e.head)
	s.emitPull(r, e.who, e.pull, "dequeued", obj{"reason": "MERGE"})
	err := s.refsMoved(r, e.who, []refMove{{ref: "refs/heads/" + branch, before: before, after: e.head}})
	return true, errors.Join(err, s.emitGroup(r, e, "destroyed", "merged"), s.deleteBranch(r, e.who, group), s.regroup(r, branch))
}

// Enqueue puts a pull request into the merge queue of its base, as a person would.
func (s *Server) Enqueue(repo string, number int, user string) error {
	return s.onPull(repo, number, user, "enqueue", func(h *repoHandle, p *pull) error {
		if _, err := s.joinQueue(h.repo, h.who, p, ""); err != nil {
			return err
		}
		s.advanceQueues(h.repo)
		return nil
	})
}

// Dequeue takes a pull request out of the merge queue of its base, as a person would.
func (s *Server) Dequeue(repo string, number int, user string) error {
	return s.onPull(repo, number, user, "dequeue", func(h *repoHandle, p *pull) error { return s.dequeue(h.repo, h.who, p, "MANUAL") })
}

// Queue returns the numbers of the pull requests in a branch's merge queue, in order,
// with the commit on which each is tried.
func (s *Server) Queue(name, branch string) (numbers []int, heads []string, err error) {
	err = s.view(name, func(r *repo) error {
		for _, e := range r.queues[branch] {
			numbers, heads = append(numbers, e.pull.issue.number), append(heads, e.head.String())
		}
		return nil
	})
	return numbers, heads, err
}

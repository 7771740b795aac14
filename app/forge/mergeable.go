package forge

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

func (p *pull) forgetMergeable() {
	p.known, p.readyAt = false, time.Time{}
	if !p.merged {
		p.mergeCommit = plumbing.ZeroHash
	}
}

// computeMergeable plays GitHub's background job: the first read starts it and still answers null; a read after the
// delay finds the result.
func (s *Server) computeMergeable(r *repo, p *pull) error {
	if p.known || p.issue.state != "open" {
		return nil
	}
	if p.readyAt.IsZero() {
		p.readyAt = s.now().Add(s.opts.MergeableDelay)
		return nil
	}
	if s.now().Before(p.readyAt) {
		return nil
	}
	return s.testMerge(r, p)
}

// testMerge finds out whether head and base combine and records the test merge.
func (s *Server) testMerge(r *repo, p *pull) error {
	base := r.git.branch(p.baseRef)
	tree, err := r.git.mergeCommits(base, p.headSHA)
	p.known, p.mergeable = true, err == nil
	if errors.Is(err, errConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	p.baseSHA = base
	p.mergeCommit, err = r.git.writeCommit(newCommit{
		tree: tree, parents: []plumbing.Hash{base, p.headSHA}, author: s.signature(p.issue.user), committer: s.webFlow(),
		message: "Merge " + p.headSHA.String() + " into " + base.String(),
	})
	if err != nil {
		return err
	}
	return r.git.setRef(p.hiddenRef("merge"), p.mergeCommit)
}

func (s *Server) addMergeable(r *repo, p *pull, o obj) error {
	state, err := s.mergeableState(r, p)
	if err != nil {
		return err
	}
	o["mergeable_state"] = state
	if p.known && p.issue.state == "open" {
		o["mergeable"], o["rebaseable"] = p.mergeable, p.mergeable
		if !p.mergeable {
			o["merge_commit_sha"] = nil
		}
	}
	return nil
}

// mergeableState is GitHub's summary, worst first.
func (s *Server) mergeableState(r *repo, p *pull) (string, error) {
	switch {
	case p.issue.state != "open" || !p.known:
		return "unknown", nil
	case !p.mergeable:
		return "dirty", nil
	case p.draft:
		return "draft", nil
	}
	behind, err := s.isBehind(r, p)
	if err != nil {
		return "", err
	}
	if s.blocker(r, p) != "" {
		return "blocked", nil
	}
	for _, rule := range s.rules(r, p.baseRef) {
		if rule.Strict && behind && !s.hasQueue(r, p.baseRef) {
			return "behind", nil
		}
	}
	for _, result := range s.results(r, p.headSHA) {
		if result != "success" {
			return "unstable", nil
		}
	}
	return "clean", nil
}

func (s *Server) isBehind(r *repo, p *pull) (bool, error) {
	contained, err := r.git.isAncestor(r.git.branch(p.baseRef), p.headSHA)
	return !contained, err
}

// blocker says, in GitHub's words, which rule the pull request does not meet yet; empty when it meets all.
func (s *Server) blocker(r *repo, p *pull) string {
	results := s.results(r, p.headSHA)
	if ok, err := s.signed(r, p.baseRef, r.git.branch(p.baseRef), p.headSHA); err == nil && !ok {
		return unverified
	}
	if owners := s.ownersMissing(r, p); len(owners) > 0 {
		return "Waiting on code owner review from " + strings.TrimPrefix(strings.Join(owners, ", "), "@") + "."
	}
	for _, rule := range s.rules(r, p.baseRef) {
		if approvals := s.approvals(r, p); approvals < rule.RequiredReviews {
			if rule.RequiredReviews == 1 {
				return "At least 1 approving review is required by reviewers with write access."
			}
			return "At least " + itoa(rule.RequiredReviews) + " approving reviews are required by reviewers with write access."
		}
		for _, check := range rule.RequiredChecks {
			switch results[check] {
			case "success":
			case "":
				return `Required status check "` + check + `" is expected.`
			case "pending":
				return `Required status check "` + check + `" is in progress.`
			default:
				return `Required status check "` + check + `" is failing.`
			}
		}
	}
	if s.changesRequested(r, p) && slices.ContainsFunc(s.rules(r, p.baseRef), func(x Protection) bool { return x.RequiredReviews > 0 }) {
		return "Changes have been requested."
	}
	return ""
}

// results is the latest result per check name or status context on a commit: success, pending or failure. Skipped and
// neutral count as success, as for required checks.
func (s *Server) results(r *repo, sha plumbing.Hash) map[string]string {
	out := map[string]string{}
	for _, run := range r.latestRuns(sha) {
		switch {
		case run.status != "completed":
			out[run.name] = "pending"
		case run.conclusion == "success" || run.conclusion == "skipped" || run.conclusion == "neutral":
			out[run.name] = "success"
		default:
			out[run.name] = "failure"
		}
	}
	for _, st := range r.latestStatuses(sha) {
		out[st.context] = st.state
		if st.state == "error" {
			out[st.context] = "failure"
		}
	}
	return out
}

package discover

import (
	"context"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// maxDiffs bounds how many commits are compared with their parents in search of
// one that touches an included path.
const maxDiffs = 200

// maxFurtherDiffs bounds how many are when one was found.
const maxFurtherDiffs = 50

// newestFromBranch chooses the newest commit along first parents of the branch that
// is not the App's own and passes expressionFilter. Path filters look at everything
// that changed since the last Freight's commit: see since.
func (s *gitSource) newestFromBranch(ctx context.Context) ([]pipeline.Commit, error) {
	head, err := s.d.Commits.Head(ctx, s.repo(), s.Branch)
	if absent(err) {
		s.rejected.note(branchName(s.Branch), "does not exist")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("head of %s: %w", branchName(s.Branch), err)
	}
	if err := s.saw(head); err != nil {
		return nil, err
	}
	h := s.history(head)
	if s.paths.none() {
		return s.walk(ctx, h, maxHistory, nil)
	}
	return s.byPath(ctx, h, head)
}

// byPath chooses among the commits that touch an included path.
func (s *gitSource) byPath(ctx context.Context, h *history, head string) ([]pipeline.Commit, error) {
	if s.previous != nil && s.previous.Tag == "" && !s.d.Detail {
		found, known, err := s.since(ctx, h, head)
		if err != nil || known {
			return s.beneath(found), err
		}
	}
	out, err := s.walk(ctx, h, maxDiffs, s.touches)
	if err == nil && len(out) == 0 {
		s.rejected.note(branchName(s.Branch), fmt.Sprintf("none of its newest %d commits qualifies", min(len(h.read), maxDiffs)))
	}
	return out, err
}

// beneath adds what was found last time beneath the last of these commits, which
// need not be looked at again.
func (s *gitSource) beneath(found []pipeline.Commit) []pipeline.Commit {
	if s.before == nil || len(found) == 0 {
		return found
	}
	at := slices.IndexFunc(s.before.Commits, func(c pipeline.Commit) bool { return c.ID == found[len(found)-1].ID })
	if at < 0 {
		return found
	}
	for _, c := range s.before.Commits[at+1:] {
		if len(found) < s.DiscoveryLimit && !c.CreatedAt.Before(s.notBefore) {
			found = append(found, c)
		}
	}
	for _, r := range s.before.Rejected {
		if r.Ref != branchName(s.Branch) && !s.rejected.has(r.Ref) {
			s.rejected.add(r.Ref, r.Reason)
		}
	}
	return found
}

// since decides by the whole difference between the last Freight's commit and the
// head, so that a merge, whose own first-parent difference may show nothing, hides
// no change. If included paths differ, the choice is the newest commit after the
// last Freight's that touches one. If that commit is not among the head's first
// parents (a force push, or a branch that was merged the other way round) no commit
// in between need contain it, and the choice is the newest commit. known is false
// if the last commit no longer exists.
func (s *gitSource) since(ctx context.Context, h *history, head string) (found []pipeline.Commit, known bool, err error) {
	last := s.previous.ID
	changed, err := s.d.Commits.Changed(ctx, s.repo(), last, head)
	if absent(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("changes from %s to %s: %w", last, head, err)
	}
	kept := []pipeline.Commit{s.kept()}
	if !s.paths.passes(changed) {
		s.rejected.add(head, "changes no included path since "+pipeline.Short(last))
		return kept, true, nil
	}
	at, err := h.find(ctx, last)
	if err != nil {
		return nil, false, err
	}
	if at < 0 {
		found, err = s.walk(ctx, h, maxHistory, nil)
		found = found[:min(len(found), 1)]
	} else {
		found, err = s.walk(ctx, h, min(at, maxDiffs), s.touches)
	}
	return append(found[:min(len(found), s.DiscoveryLimit-1)], kept...), true, err
}

// walk returns those of the newest considered commits that qualify, up to the limit.
func (s *gitSource) walk(
	ctx context.Context, h *history, considered int, test func(context.Context, Commit) (bool, error),
) (out []pipeline.Commit, err error) {
	for i := 0; i < considered && !s.enough(out); i++ {
		c, ok, err := h.at(ctx, i)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if c.CommittedAt.Before(s.notBefore) {
			s.rejected.note(c.ID, "is older than since: "+s.Since+", and so is what came before it")
			break
		}
		reason, err := s.reject(ctx, c, test)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			s.rejected.add(c.ID, reason)
			continue
		}
		out = append(out, s.artifact(c))
	}
	return out, nil
}

// enough reports whether the search may end: at the limit, or when there is a choice
// and finding more has cost enough.
func (s *gitSource) enough(found []pipeline.Commit) bool {
	return len(found) >= s.DiscoveryLimit || len(found) > 0 && s.diffs >= maxFurtherDiffs && !s.d.Detail
}

func (s *gitSource) reject(ctx context.Context, c Commit, test func(context.Context, Commit) (bool, error)) (string, error) {
	promotion, own, err := s.ownCommit(ctx, c)
	if err != nil {
		return "", err
	}
	if own {
		return "was made by Promotion " + promotion, nil
	}
	if ok, err := s.filterCommit(c); err != nil || !ok {
		return filteredOut, err
	}
	if test == nil {
		return "", nil
	}
	if ok, err := test(ctx, c); err != nil || !ok {
		return untouched, err
	}
	return "", nil
}

const untouched = "changes no included path"

// touches reports whether c changes an included path against its first parent.
func (s *gitSource) touches(ctx context.Context, c Commit) (bool, error) {
	base := ""
	if len(c.Parents) > 0 {
		base = c.Parents[0]
	}
	s.diffs++
	changed, err := s.d.Commits.Changed(ctx, s.repo(), base, c.ID)
	if err != nil {
		return false, fmt.Errorf("changes of %s: %w", c.ID, err)
	}
	return s.paths.passes(changed), nil
}

func branchName(branch string) string {
	if branch == "" {
		return "the default branch"
	}
	return branch
}

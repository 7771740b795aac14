package discover

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// maxDiffs bounds how many commits are compared with their parents in search of
// one that touches an included path.
const maxDiffs = 200

// newestFromBranch chooses the newest commit along first parents of the branch that
// is not the App's own and passes expressionFilter. Path filters look at everything
// that changed since the last Freight's commit: see since.
func (s *gitSource) newestFromBranch(ctx context.Context) ([]pipeline.Commit, error) {
	head, err := s.d.Commits.Head(ctx, s.url, s.Branch)
	if absent(err) {
		s.rejected.note(branchName(s.Branch), "does not exist")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("head of %s: %w", branchName(s.Branch), err)
	}
	if s.previous != nil && s.previous.ID == head && s.previous.Tag == "" && !s.d.Detail {
		return []pipeline.Commit{s.kept()}, nil
	}
	h := s.history(head)
	if s.paths.none() {
		return s.walk(ctx, h, maxHistory, s.DiscoveryLimit, nil)
	}
	if s.previous != nil && s.previous.Tag == "" && !s.d.Detail {
		found, known, err := s.since(ctx, h, head)
		if err != nil || known {
			return found, err
		}
	}
	want := 1
	if s.d.Detail {
		want = s.DiscoveryLimit
	}
	out, err := s.walk(ctx, h, maxDiffs, want, s.touches)
	if err == nil && len(out) == 0 {
		s.rejected.note(branchName(s.Branch), fmt.Sprintf("none of its newest %d commits qualifies", min(len(h.read), maxDiffs)))
	}
	return out, err
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
	changed, err := s.d.Commits.Changed(ctx, s.url, last, head)
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
		found, err = s.walk(ctx, h, maxHistory, 1, nil)
	} else {
		found, err = s.walk(ctx, h, min(at, maxDiffs), 1, s.touches)
	}
	return append(found, kept...), true, err
}

// walk returns up to want commits among the newest considered ones that qualify.
func (s *gitSource) walk(
	ctx context.Context, h *history, considered, want int, test func(context.Context, Commit) (bool, error),
) (out []pipeline.Commit, err error) {
	for i := 0; i < considered && len(out) < want; i++ {
		c, ok, err := h.at(ctx, i)
		if err != nil {
			return nil, err
		}
		if !ok {
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
	changed, err := s.d.Commits.Changed(ctx, s.url, base, c.ID)
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

package discover

import (
	"context"
	"fmt"
)

// maxHistory bounds how many commits of a branch are considered.
const maxHistory = 1000

// history reads first parents lazily, in pages that double.
type history struct {
	source *gitSource
	next   string // where the next page begins, empty at the root
	page   int
	read   []Commit
}

func (s *gitSource) history(head string) *history {
	return &history{source: s, next: head, page: s.DiscoveryLimit}
}

// at returns the i-th commit, counted from the head, and false where history or
// what is considered of it ends.
func (h *history) at(ctx context.Context, i int) (Commit, bool, error) {
	for i >= len(h.read) && h.next != "" && len(h.read) < maxHistory {
		n := min(h.page, maxHistory-len(h.read))
		commits, err := h.source.d.Commits.Log(ctx, h.source.repo(), h.next, n)
		if err != nil {
			return Commit{}, false, fmt.Errorf("history from %s: %w", h.next, err)
		}
		if len(commits) > n {
			commits = commits[:n]
		}
		h.read, h.page, h.next = append(h.read, commits...), h.page*2, ""
		if len(commits) == n && len(commits[n-1].Parents) > 0 {
			h.next = commits[n-1].Parents[0]
		}
	}
	if i >= len(h.read) {
		return Commit{}, false, nil
	}
	return h.read[i], true, nil
}

// find returns the position of a commit, or -1.
func (h *history) find(ctx context.Context, id string) (int, error) {
	for i := 0; ; i++ {
		c, ok, err := h.at(ctx, i)
		if err != nil || !ok {
			return -1, err
		}
		if c.ID == id {
			return i, nil
		}
	}
}

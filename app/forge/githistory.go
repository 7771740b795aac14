package forge

import (
	"container/heap"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	fromBase = 1 << iota
	fromHead
	both = fromBase | fromHead
	// slop is how many commits known to both sides are still walked, to survive clocks that run backwards.
	slop = 256
)

// history is how two commits relate.
type history struct {
	ahead, behind []*object.Commit // newest first: only in head, only in base
	mergeBase     plumbing.Hash    // zero when unrelated
}

type commitHeap []*object.Commit

func (h commitHeap) Len() int           { return len(h) }
func (h commitHeap) Less(i, j int) bool { return h[i].Committer.When.After(h[j].Committer.When) }
func (h commitHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *commitHeap) Push(x any)        { *h = append(*h, x.(*object.Commit)) }
func (h *commitHeap) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}

// relate paints the ancestors of base and head, newest first, until only common ones are left. It reads the commits
// between the two and little more, however long the history is. A zero hash stands for no commits.
func (g *gitRepo) relate(base, head plumbing.Hash) (history, error) {
	paint := map[plumbing.Hash]int{}
	var queue commitHeap
	var seen []*object.Commit
	interesting := 0 // queued commits that are not painted with both colours
	push := func(h plumbing.Hash, colour int) error {
		old := paint[h]
		if old|colour == old {
			return nil
		}
		paint[h] = old | colour
		c, err := g.commit(h)
		if err != nil {
			return err
		}
		if old == 0 {
			seen = append(seen, c)
		}
		heap.Push(&queue, c)
		return nil
	}
	for h, colour := range map[plumbing.Hash]int{base: fromBase, head: fromHead} {
		if base == head {
			colour = both
		}
		if !h.IsZero() {
			if err := push(h, colour); err != nil {
				return history{}, err
			}
		}
	}
	for extra := 0; len(queue) > 0 && extra < slop; {
		interesting = 0
		c := heap.Pop(&queue).(*object.Commit)
		for _, p := range c.ParentHashes {
			if err := push(p, paint[c.Hash]); err != nil {
				return history{}, err
			}
		}
		if paint[c.Hash] == both {
			for _, q := range queue {
				if paint[q.Hash] != both {
					interesting++
				}
			}
			if interesting == 0 {
				extra++
			}
		}
	}
	return g.collect(seen, paint), nil
}

func (g *gitRepo) collect(seen []*object.Commit, paint map[plumbing.Hash]int) history {
	var out history
	parentOfCommon := map[plumbing.Hash]bool{}
	for _, c := range seen {
		if paint[c.Hash] == both {
			for _, p := range c.ParentHashes {
				parentOfCommon[p] = true
			}
		}
	}
	for _, c := range topological(seen) {
		switch paint[c.Hash] {
		case fromHead:
			out.ahead = append(out.ahead, c)
		case fromBase:
			out.behind = append(out.behind, c)
		case both:
			if out.mergeBase.IsZero() && !parentOfCommon[c.Hash] {
				out.mergeBase = c.Hash
			}
		}
	}
	return out
}

// topological orders commits so that every child precedes its parents, newer first where free.
func topological(commits []*object.Commit) []*object.Commit {
	byHash := make(map[plumbing.Hash]*object.Commit, len(commits))
	children := map[plumbing.Hash]int{}
	for _, c := range commits {
		byHash[c.Hash] = c
	}
	for _, c := range commits {
		for _, p := range c.ParentHashes {
			children[p]++
		}
	}
	var ready commitHeap
	for _, c := range commits {
		if children[c.Hash] == 0 {
			heap.Push(&ready, c)
		}
	}
	out := make([]*object.Commit, 0, len(commits))
	for len(ready) > 0 {
		c := heap.Pop(&ready).(*object.Commit)
		out = append(out, c)
		for _, p := range c.ParentHashes {
			if children[p]--; children[p] == 0 && byHash[p] != nil {
				heap.Push(&ready, byHash[p])
			}
		}
	}
	return out
}

// isAncestor reports whether every commit of old is part of new.
func (g *gitRepo) isAncestor(old, new plumbing.Hash) (bool, error) {
	if old == new {
		return true, nil
	}
	h, err := g.relate(old, new)
	return h.mergeBase == old, err
}

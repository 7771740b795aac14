package forge

import (
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

const unverified = "Commits must have verified signatures."

// signed reports whether all commits that head adds to base are verified, where a rule
// of the branch wants that.
func (s *Server) signed(r *repo, branch string, base, head plumbing.Hash) (bool, error) {
	if !slices.ContainsFunc(s.rules(r, branch), func(p Protection) bool { return p.Signatures }) {
		return true, nil
	}
	rel, err := r.git.relate(base, head)
	if err != nil {
		return false, err
	}
	for _, c := range rel.ahead {
		if !r.verified[c.Hash] {
			return false, nil
		}
	}
	return true, nil
}

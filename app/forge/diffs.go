package forge

import (
	"bytes"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/go-git/go-git/v5/plumbing"
)

// renderDiff renders the files that differ between two commits; at is the commit that the links show.
func (s *Server) renderDiff(r *repo, from, to, at plumbing.Hash) ([]obj, obj, error) {
	changes, err := r.git.diffCommits(from, to)
	if err != nil {
		return nil, nil, err
	}
	files := []obj{}
	total := obj{"additions": 0, "deletions": 0, "total": 0}
	for _, ch := range changes {
		patch, plus, minus, err := r.git.patch(ch)
		if err != nil {
			return nil, nil, err
		}
		hash := ch.new.Hash
		if ch.status == "removed" {
			hash = ch.old.Hash
		}
		o := obj{
			"sha": hash.String(), "filename": ch.path, "status": ch.status, "additions": plus, "deletions": minus, "changes": plus + minus,
			"blob_url": s.web("/%s/blob/%s/%s", r.fullName(), at, escapePath(ch.path)), "raw_url": s.web("/%s/raw/%s/%s", r.fullName(), at, escapePath(ch.path)),
			"contents_url": s.repoURL(r, "/contents/"+escapePath(ch.path)+"?ref="+at.String()),
		}
		if patch != "" {
			o["patch"] = patch
		}
		if ch.previous != "" {
			o["previous_filename"] = ch.previous
		}
		files = append(files, o)
		total["additions"] = total["additions"].(int) + plus
		total["deletions"] = total["deletions"].(int) + minus
		total["total"] = total["total"].(int) + plus + minus
	}
	return files, total, nil
}

// patch is the unified diff without file headers; binary files have none.
func (g *gitRepo) patch(ch fileChange) (patch string, plus, minus int, err error) {
	var sides [2][]byte
	for i, h := range []plumbing.Hash{ch.old.Hash, ch.new.Hash} {
		if h.IsZero() {
			continue
		}
		if sides[i], err = g.blob(h); err != nil {
			return "", 0, 0, err
		}
		if bytes.IndexByte(sides[i], 0) >= 0 {
			return "", 0, 0, nil
		}
	}
	text := udiff.Unified("a", "b", string(sides[0]), string(sides[1]))
	_, text, _ = strings.Cut(text, "+++ b\n")
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case strings.HasPrefix(line, "+"):
			plus++
		case strings.HasPrefix(line, "-"):
			minus++
		}
	}
	return strings.TrimSuffix(text, "\n"), plus, minus, nil
}

package forge

import (
	"net/http"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/object"
)

func listPullFiles(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	rel, err := c.repo.git.relate(p.baseSHA, p.headSHA)
	if err != nil {
		return reply{}, err
	}
	files, _, err := c.s.renderDiff(c.repo, rel.mergeBase, p.headSHA, p.headSHA)
	if err != nil {
		return reply{}, err
	}
	return list(c, files[:min(len(files), maxCommitFiles)], func(o obj) obj { return o })
}

func listPullCommits(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	rel, err := c.repo.git.relate(p.baseSHA, p.headSHA)
	if err != nil {
		return reply{}, err
	}
	slices.Reverse(rel.ahead)
	return list(c, rel.ahead[:min(len(rel.ahead), maxCompareCommits)], func(x *object.Commit) obj { return c.s.renderCommit(c.repo, x) })
}

func isMerged(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	if !p.merged {
		return reply{}, notFound()
	}
	return reply{status: http.StatusNoContent}, nil
}

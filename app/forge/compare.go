package forge

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
)

const (
	maxCompareCommits = 250
	maxCompareFiles   = 300
)

// compare is base...head. Files are those that head changed since the merge base, 300 at most and only on page one.
func compare(c *call) (reply, error) {
	baseName, headName, found := strings.Cut(c.param("basehead"), "...")
	if !found {
		return reply{}, notFound()
	}
	g := c.repo.git
	base, okBase := g.resolve(c.stripOwner(baseName))
	head, okHead := g.resolve(c.stripOwner(headName))
	if !okBase || !okHead {
		return reply{}, notFound()
	}
	rel, err := g.relate(base, head)
	if err != nil {
		return reply{}, err
	}
	if rel.mergeBase.IsZero() {
		return reply{}, fail(404, "No common ancestor between %s and %s.", baseName, headName)
	}
	status := "identical"
	switch {
	case len(rel.ahead) > 0 && len(rel.behind) > 0:
		status = "diverged"
	case len(rel.ahead) > 0:
		status = "ahead"
	case len(rel.behind) > 0:
		status = "behind"
	}
	commits := slices.Clone(rel.ahead)
	slices.Reverse(commits)
	if !c.query.Has("page") && !c.query.Has("per_page") && len(commits) > maxCompareCommits {
		commits = commits[len(commits)-maxCompareCommits:]
	}
	header := map[string][]string{}
	if c.query.Has("page") || c.query.Has("per_page") {
		commits, header = page(c, commits)
	}
	files, _, err := c.s.renderDiff(c.repo, rel.mergeBase, head, head)
	if err != nil {
		return reply{}, err
	}
	if n, _ := c.paging(); n > 1 {
		files = nil
	} else if len(files) > maxCompareFiles {
		files = files[:maxCompareFiles]
	}
	baseCommit, err := g.commit(base)
	if err != nil {
		return reply{}, err
	}
	mergeBase, err := g.commit(rel.mergeBase)
	if err != nil {
		return reply{}, err
	}
	web := c.s.web("/%s/compare/%s...%s", c.repo.fullName(), base, head)
	o := obj{
		"url": c.s.repoURL(c.repo, "/compare/"+base.String()+"..."+head.String()), "html_url": web, "permalink_url": web, "diff_url": web + ".diff",
		"patch_url": web + ".patch", "base_commit": c.s.renderCommit(c.repo, baseCommit), "merge_base_commit": c.s.renderCommit(c.repo, mergeBase),
		"status": status, "ahead_by": len(rel.ahead), "behind_by": len(rel.behind), "total_commits": len(rel.ahead),
		"commits": mapSlice(commits, func(x *object.Commit) obj { return c.s.renderCommit(c.repo, x) }),
	}
	if files != nil {
		o["files"] = files
	}
	return reply{status: 200, body: o, header: header}, nil
}

// stripOwner removes the "owner:" of a branch in this repository.
func (c *call) stripOwner(name string) string {
	if owner, rest, found := strings.Cut(name, ":"); found && strings.EqualFold(owner, c.repo.owner.login) {
		return rest
	}
	return name
}

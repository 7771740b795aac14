package forge

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

var person = fields{"name": text.must(), "email": text.must(), "date": text}

func getGitCommit(c *call) (reply, error) {
	commit, err := c.repo.git.commit(plumbing.NewHash(c.param("commit_sha")))
	if err != nil {
		return reply{}, notFound()
	}
	return ok(c.s.renderGitCommit(c.repo, commit))
}

// createGitCommit signs what the App commits as itself: neither author, committer nor signature given.
func createGitCommit(c *call) (reply, error) {
	in, err := c.input(fields{
		"message": text.must(), "tree": text.must(), "parents": texts, "author": jsonObject, "committer": jsonObject, "signature": textNull,
	})
	if err != nil {
		return reply{}, err
	}
	g := c.repo.git
	tree := plumbing.NewHash(in.str("tree"))
	if tree == emptyTree {
		// Git knows it without its being stored; what serves clones wants to find it.
		if _, err := g.writeTree(nil); err != nil {
			return reply{}, err
		}
	}
	if kind, found := g.kind(tree); !found || kind != plumbing.TreeObject {
		return reply{}, unprocessable("Tree SHA does not exist")
	}
	n := newCommit{tree: tree, message: in.str("message")}
	for _, p := range in.strings("parents") {
		h := plumbing.NewHash(p)
		if kind, found := g.kind(h); !plumbing.IsHash(p) || !found || kind != plumbing.CommitObject {
			return reply{}, unprocessable("Parent SHA does not exist or is not a commit object")
		}
		n.parents = append(n.parents, h)
	}
	if n.author, err = c.commitPerson(in, "author", c.s.signature(c.actor.account)); err != nil {
		return reply{}, err
	}
	if n.committer, err = c.commitPerson(in, "committer", n.author); err != nil {
		return reply{}, err
	}
	h, err := g.writeCommit(n)
	if err != nil {
		return reply{}, err
	}
	if !in.has("author") && !in.has("committer") && !in.has("signature") {
		c.repo.verified[h] = true
	}
	commit, err := g.commit(h)
	if err != nil {
		return reply{}, err
	}
	return created(c.s.renderGitCommit(c.repo, commit))
}

func (c *call) commitPerson(in input, key string, otherwise object.Signature) (object.Signature, error) {
	p := in.object(key)
	if p == nil {
		return otherwise, nil
	}
	if err := person.check(p, "properties/"+key); err != nil {
		return otherwise, err
	}
	sig := object.Signature{Name: p.str("name"), Email: p.str("email"), When: c.s.clock()}
	if d := p.str("date"); d != "" {
		t, err := time.Parse(time.RFC3339, d)
		if err != nil {
			return otherwise, unprocessable("Invalid request.\n\n%q is not a valid date.", d)
		}
		sig.When = t
	}
	return sig, nil
}

// listCommits walks back from sha (default branch when absent), optionally only commits that touch path.
func listCommits(c *call) (reply, error) {
	name := c.query.Get("sha")
	if name == "" {
		name = c.repo.defaultBranch
	}
	head, found := c.repo.git.resolve(name)
	if !found {
		if c.repo.git.branch(c.repo.defaultBranch).IsZero() {
			return reply{}, fail(http.StatusConflict, "Git Repository is empty.")
		}
		return reply{}, notFound()
	}
	pageNo, size := c.paging()
	commits, err := c.repo.git.log(head, c.query.Get("path"), c.logFilter(), pageNo*size+1)
	if err != nil {
		return reply{}, err
	}
	return list(c, commits, func(x *object.Commit) obj { return c.s.renderCommit(c.repo, x) })
}

func (c *call) logFilter() func(*object.Commit) bool {
	since, _ := time.Parse(time.RFC3339, c.query.Get("since"))
	until, untilErr := time.Parse(time.RFC3339, c.query.Get("until"))
	return func(x *object.Commit) bool {
		return !x.Committer.When.Before(since) && (untilErr != nil || !x.Committer.When.After(until))
	}
}

// log lists up to limit commits from head, newest first.
func (g *gitRepo) log(head plumbing.Hash, path string, keep func(*object.Commit) bool, limit int) ([]*object.Commit, error) {
	if path != "" {
		return g.pathLog(head, path, keep, limit)
	}
	first, err := g.commit(head)
	if err != nil {
		return nil, err
	}
	var out []*object.Commit
	it := object.NewCommitIterCTime(first, nil, nil)
	defer it.Close()
	for len(out) < limit {
		c, err := it.Next()
		if err != nil {
			break // io.EOF ends the history
		}
		if keep(c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// pathLog leaves history simplification to git.
func (g *gitRepo) pathLog(head plumbing.Hash, path string, keep func(*object.Commit) bool, limit int) ([]*object.Commit, error) {
	raw, err := g.run(nil, "rev-list", "-n", strconv.Itoa(limit), head.String(), "--", path)
	if err != nil {
		return nil, err
	}
	var out []*object.Commit
	for line := range strings.FieldsSeq(string(raw)) {
		c, err := g.commit(plumbing.NewHash(line))
		if err != nil {
			return nil, err
		}
		if keep(c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// getCommit answers a commit by any ref name, with its diff, or only its SHA for the sha media type.
func getCommit(c *call) (reply, error) {
	h, found := c.repo.git.resolve(c.param("ref"))
	if !found {
		return reply{}, unprocessable("No commit found for SHA: %s", c.param("ref"))
	}
	if strings.Contains(c.r.Header.Get("Accept"), ".sha") {
		return reply{status: http.StatusOK, raw: []byte(h.String()), contentType: "application/vnd.github.v3.sha; charset=utf-8"}, nil
	}
	commit, err := c.repo.git.commit(h)
	if err != nil {
		return reply{}, err
	}
	parent := plumbing.ZeroHash
	if len(commit.ParentHashes) > 0 {
		parent = commit.ParentHashes[0]
	}
	files, stats, err := c.s.renderDiff(c.repo, parent, h, h)
	if err != nil {
		return reply{}, err
	}
	files, header := page(c, files)
	o := c.s.renderCommit(c.repo, commit)
	o["files"], o["stats"] = files, stats
	return reply{status: http.StatusOK, body: o, header: header}, nil
}

// commitPulls lists the pull requests that contain a commit: as the merge, or on the head branch.
func commitPulls(c *call) (reply, error) {
	h := plumbing.NewHash(c.param("commit_sha"))
	if _, found := c.repo.git.peel(h); !found {
		return reply{}, unprocessable("No commit found for SHA: %s", c.param("commit_sha"))
	}
	var out []*pull
	for _, p := range slices.Backward(c.repo.pulls()) {
		contains := p.headSHA == h || p.merged && p.mergeCommit == h
		if !contains {
			rel, err := c.repo.git.relate(p.baseSHA, p.headSHA)
			if err != nil {
				return reply{}, err
			}
			contains = slices.ContainsFunc(rel.ahead, func(x *object.Commit) bool { return x.Hash == h })
		}
		if contains {
			out = append(out, p)
		}
	}
	return list(c, out, func(p *pull) obj { return c.s.renderPull(c.repo, p) })
}

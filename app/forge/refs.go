package forge

import (
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

func (s *Server) renderRef(r *repo, name string, h plumbing.Hash) obj {
	kind := plumbing.CommitObject
	if k, found := r.git.kind(h); found {
		kind = k
	}
	return obj{
		"ref": name, "node_id": nodeID("REF", r.id) + name, "url": s.repoURL(r, "/git/"+name),
		"object": obj{"type": kind.String(), "sha": h.String(), "url": s.repoURL(r, "/git/"+kind.String()+"s/"+h.String())},
	}
}

func getRef(c *call) (reply, error) {
	name := "refs/" + c.param("ref")
	h := c.repo.git.ref(name)
	if h.IsZero() {
		return reply{}, notFound()
	}
	return ok(c.s.renderRef(c.repo, name, h))
}

// matchingRefs matches by prefix and answers an empty list, not a 404, when nothing matches.
func matchingRefs(c *call) (reply, error) {
	refs, err := c.repo.git.refs("refs/" + c.param("ref"))
	if err != nil {
		return reply{}, err
	}
	return list(c, refs, func(r *plumbing.Reference) obj { return c.s.renderRef(c.repo, r.Name().String(), r.Hash()) })
}

// validRef applies GitHub's rule: refs/, two slashes, and what git allows.
func validRef(name string) bool {
	if !strings.HasPrefix(name, "refs/") || strings.Count(name, "/") < 2 {
		return false
	}
	return plumbing.ReferenceName(name).Validate() == nil && !strings.HasPrefix(name, "refs/pull/")
}

func createRef(c *call) (reply, error) {
	in, err := c.input(fields{"ref": text.must(), "sha": text.must(), "key": text})
	if err != nil {
		return reply{}, err
	}
	if err := c.s.createRefAs(c.repo, c.actor, in.str("ref"), in.str("sha")); err != nil {
		return reply{}, err
	}
	return created(c.s.renderRef(c.repo, in.str("ref"), plumbing.NewHash(in.str("sha"))))
}

func (s *Server) createRefAs(r *repo, who actor, name, sha string) error {
	if r.git.branch(r.defaultBranch).IsZero() {
		return fail(http.StatusConflict, "Git Repository is empty.")
	}
	if !validRef(name) {
		return unprocessable("Reference name must start with 'refs/' and contain at least two slashes.")
	}
	if !plumbing.IsHash(sha) {
		return unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	h := plumbing.NewHash(sha)
	kind, found := r.git.kind(h)
	if !found || strings.HasPrefix(name, "refs/heads/") && kind != plumbing.CommitObject {
		return unprocessable("Object does not exist")
	}
	if !r.git.ref(name).IsZero() {
		return unprocessable("Reference already exists")
	}
	if err := r.git.setRef(name, h); err != nil {
		return err
	}
	return s.refsMoved(r, who, []refMove{{ref: name, after: h}})
}

// updateRef moves a ref. Without force only forward; GitHub offers no compare-and-swap.
func updateRef(c *call) (reply, error) {
	in, err := c.input(fields{"sha": text.must(), "force": flag})
	if err != nil {
		return reply{}, err
	}
	name := "refs/" + c.param("ref")
	g := c.repo.git
	old := g.ref(name)
	if old.IsZero() {
		return reply{}, unprocessable("Reference does not exist")
	}
	h := plumbing.NewHash(in.str("sha"))
	if !plumbing.IsHash(in.str("sha")) {
		return reply{}, unprocessable("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	kind, found := g.kind(h)
	if branch, isBranch := strings.CutPrefix(name, "refs/heads/"); isBranch {
		if !found || kind != plumbing.CommitObject {
			return reply{}, unprocessable("Object does not exist")
		}
		if err := c.s.directPushAllowed(c.repo, c.actor, branch); err != nil {
			return reply{}, err
		}
		switch ok, err := c.s.signed(c.repo, branch, old, h); {
		case err != nil:
			return reply{}, err
		case !ok && !c.s.bypasses(c.repo, c.actor, branch):
			return reply{}, unprocessable("Repository rule violations found\n\n%s", unverified)
		}
	} else if !found {
		return reply{}, unprocessable("Object does not exist")
	}
	if !in.flag("force", false) {
		forward := false
		if kind == plumbing.CommitObject {
			if forward, err = g.isAncestor(old, h); err != nil {
				return reply{}, err
			}
		}
		if !forward {
			return reply{}, unprocessable("Update is not a fast forward")
		}
	}
	if err := g.setRef(name, h); err != nil {
		return reply{}, err
	}
	if err := c.s.refsMoved(c.repo, c.actor, []refMove{{ref: name, before: old, after: h}}); err != nil {
		return reply{}, err
	}
	return ok(c.s.renderRef(c.repo, name, h))
}

func deleteRef(c *call) (reply, error) {
	name := "refs/" + c.param("ref")
	old := c.repo.git.ref(name)
	if old.IsZero() {
		return reply{}, unprocessable("Reference does not exist")
	}
	if branch, isBranch := strings.CutPrefix(name, "refs/heads/"); isBranch {
		if branch == c.repo.defaultBranch {
			return reply{}, unprocessable("Cannot delete the default branch")
		}
		if c.s.isProtected(c.repo, branch) {
			return reply{}, unprocessable("Cannot delete this protected branch")
		}
	}
	if err := c.repo.git.removeRef(name); err != nil {
		return reply{}, err
	}
	if err := c.s.refsMoved(c.repo, c.actor, []refMove{{ref: name, before: old}}); err != nil {
		return reply{}, err
	}
	return noContent()
}

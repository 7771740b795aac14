package forge

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// writeTag stores an annotated tag object; no ref points at it yet.
func (g *gitRepo) writeTag(name, message string, target plumbing.Hash, kind plumbing.ObjectType, tagger object.Signature) (plumbing.Hash, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "object %s\ntype %s\ntag %s\ntagger %s <%s> %d +0000\n\n%s", target, kind, name, tagger.Name, tagger.Email, tagger.When.Unix(), message)
	return g.store(plumbing.TagObject, buf.Bytes())
}

func (s *Server) renderTag(r *repo, h plumbing.Hash) (obj, error) {
	t, err := object.GetTag(r.git.st, h)
	if err != nil {
		return nil, notFound()
	}
	kind := t.TargetType.String()
	return obj{
		"node_id": nodeID("TA", r.id) + h.String(), "tag": t.Name, "sha": h.String(), "url": s.repoURL(r, "/git/tags/"+h.String()),
		"message": strings.TrimSuffix(t.Message, "\n"), "tagger": renderSignature(t.Tagger),
		"object":       obj{"sha": t.Target.String(), "type": kind, "url": s.repoURL(r, "/git/"+kind+"s/"+t.Target.String())},
		"verification": obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil},
	}, nil
}

func getTag(c *call) (reply, error) {
	o, err := c.s.renderTag(c.repo, plumbing.NewHash(c.param("tag_sha")))
	if err != nil {
		return reply{}, err
	}
	return ok(o)
}

func createTag(c *call) (reply, error) {
	in, err := c.input(fields{
		"tag": text.must(), "message": text.must(), "object": text.must(), "type": oneOf("commit", "tree", "blob").must(), "tagger": jsonObject,
	})
	if err != nil {
		return reply{}, err
	}
	target := plumbing.NewHash(in.str("object"))
	kind, found := c.repo.git.kind(target)
	if !found || kind.String() != in.str("type") {
		return reply{}, unprocessable("Invalid object or type")
	}
	tagger, err := c.commitPerson(in, "tagger", c.s.signature(c.actor.account))
	if err != nil {
		return reply{}, err
	}
	h, err := c.repo.git.writeTag(in.str("tag"), in.str("message"), target, kind, tagger)
	if err != nil {
		return reply{}, err
	}
	o, err := c.s.renderTag(c.repo, h)
	if err != nil {
		return reply{}, err
	}
	return created(o)
}

func listTags(c *call) (reply, error) {
	refs, err := c.repo.git.refs("refs/tags/")
	if err != nil {
		return reply{}, err
	}
	return list(c, refs, func(ref *plumbing.Reference) obj {
		name := ref.Name().Short()
		h, _ := c.repo.git.peel(ref.Hash())
		return obj{
			"name": name, "node_id": nodeID("REF", c.repo.id) + name, "commit": obj{"sha": h.String(), "url": c.s.repoURL(c.repo, "/commits/"+h.String())},
			"zipball_url": c.s.repoURL(c.repo, "/zipball/refs/tags/"+name), "tarball_url": c.s.repoURL(c.repo, "/tarball/refs/tags/"+name),
		}
	})
}

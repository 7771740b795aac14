package forge

import (
	"net/http"
	"time"
)

type reaction struct {
	id      int64
	user    *account
	content string
	created time.Time
}

var reactionContents = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

func (s *Server) renderReaction(x *reaction) obj {
	return obj{"id": x.id, "node_id": nodeID("REA", x.id), "user": s.renderUser(x.user), "content": x.content, "created_at": timestamp(x.created)}
}

func (s *Server) renderRollup(parent string, list []*reaction) obj {
	o := obj{"url": parent + "/reactions", "total_count": len(list)}
	for _, content := range reactionContents {
		n := 0
		for _, x := range list {
			if x.content == content {
				n++
			}
		}
		o[content] = n
	}
	return o
}

// react answers 201 for a new reaction and 200 for one that the actor has given already.
func (c *call) react(to *[]*reaction) (reply, error) {
	in, err := c.input(fields{"content": oneOf(reactionContents...).must()})
	if err != nil {
		return reply{}, err
	}
	for _, x := range *to {
		if x.user == c.actor.account && x.content == in.str("content") {
			return ok(c.s.renderReaction(x))
		}
	}
	x := &reaction{id: c.s.nextID(), user: c.actor.account, content: in.str("content"), created: c.s.clock()}
	*to = append(*to, x)
	return reply{status: http.StatusCreated, body: c.s.renderReaction(x)}, nil
}

func reactToIssue(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return c.react(&i.reactions)
}

func reactToComment(c *call) (reply, error) {
	m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	return c.react(&m.reactions)
}

func listIssueReactions(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return list(c, i.reactions, c.s.renderReaction)
}

func listCommentReactions(c *call) (reply, error) {
	m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	return list(c, m.reactions, c.s.renderReaction)
}

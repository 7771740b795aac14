package forge

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

type comment struct {
	id               int64
	issue            *issue
	user             *account
	via              *app
	body             string
	reactions        []*reaction
	created, updated time.Time
}

func (s *Server) renderComment(r *repo, m *comment) obj {
	self := s.repoURL(r, "/issues/comments/"+itoa(int(m.id)))
	return obj{
		"id": m.id, "node_id": nodeID("IC", m.id), "url": self, "issue_url": s.repoURL(r, "/issues/"+itoa(m.issue.number)),
		"html_url": s.renderIssue(r, m.issue)["html_url"].(string) + "#issuecomment-" + itoa(int(m.id)), "user": s.renderUser(m.user),
		"created_at": timestamp(m.created), "updated_at": timestamp(m.updated), "author_association": s.association(r, m.user), "body": m.body,
		"reactions": s.renderRollup(self, m.reactions), "performed_via_github_app": s.optApp(m.via),
	}
}

func (s *Server) emitComment(r *repo, who actor, m *comment, action string, changes obj) {
	payload := obj{"action": action, "issue": s.renderIssue(r, m.issue), "comment": s.renderComment(r, m)}
	if changes != nil {
		payload["changes"] = changes
	}
	s.emit(r, who, "issue_comment", payload)
}

func (s *Server) addComment(r *repo, who actor, i *issue, body string) (*comment, error) {
	if strings.TrimSpace(body) == "" {
		return nil, invalid("IssueComment", "body", "missing_field", "")
	}
	if err := checkBody("IssueComment", body); err != nil {
		return nil, err
	}
	m := &comment{id: s.nextID(), issue: i, user: who.account, via: who.app, body: body, created: s.clock(), updated: s.clock()}
	i.comments = append(i.comments, m)
	i.updated = s.clock()
	s.emitComment(r, who, m, "created", nil)
	return m, nil
}

func (s *Server) editComment(r *repo, who actor, m *comment, body string) error {
	if strings.TrimSpace(body) == "" {
		return invalid("IssueComment", "body", "missing_field", "")
	}
	if err := checkBody("IssueComment", body); err != nil {
		return err
	}
	was := m.body
	m.body, m.updated = body, s.clock()
	s.emitComment(r, who, m, "edited", obj{"body": obj{"from": was}})
	return nil
}

func (s *Server) removeComment(r *repo, who actor, m *comment) {
	m.issue.comments = slices.DeleteFunc(m.issue.comments, func(x *comment) bool { return x == m })
	s.emitComment(r, who, m, "deleted", nil)
}

func (r *repo) comment(id int64) *comment {
	for _, i := range r.issues {
		for _, m := range i.comments {
			if m.id == id {
				return m
			}
		}
	}
	return nil
}

func (c *call) comment() (*comment, error) {
	id, err := c.number("comment_id")
	if err != nil {
		return nil, err
	}
	if m := c.repo.comment(id); m != nil {
		return m, nil
	}
	return nil, notFound()
}

func listComments(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since"))
	var out []*comment
	for _, m := range i.comments {
		if !m.updated.Before(since) {
			out = append(out, m)
		}
	}
	return list(c, out, func(m *comment) obj { return c.s.renderComment(c.repo, m) })
}

func createComment(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"body": text.must()})
	if err != nil {
		return reply{}, err
	}
	// A live App needed both permissions to comment on a pull request, whatever the documentation says.
	if i.pull != nil {
		if err := c.requires("pull_requests", "write"); err != nil {
			return reply{}, err
		}
	}
	m, err := c.s.addComment(c.repo, c.actor, i, in.str("body"))
	if err != nil {
		return reply{}, err
	}
	return created(c.s.renderComment(c.repo, m))
}

func getComment(c *call) (reply, error) {
	m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderComment(c.repo, m))
}

func updateComment(c *call) (reply, error) {
	m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"body": text.must()})
	if err != nil {
		return reply{}, err
	}
	if err := c.s.editComment(c.repo, c.actor, m, in.str("body")); err != nil {
		return reply{}, err
	}
	return ok(c.s.renderComment(c.repo, m))
}

func deleteComment(c *call) (reply, error) {
	m, err := c.comment()
	if err != nil {
		return reply{}, err
	}
	c.s.removeComment(c.repo, c.actor, m)
	return reply{status: http.StatusNoContent}, nil
}

package forge

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// issue is an issue, or the conversation of a pull request.
type issue struct {
	id                       int64
	number                   int
	title, body, state       string
	stateReason              string
	user                     *account
	via                      *app
	labels                   []*label
	assignees                []*account
	comments                 []*comment
	reactions                []*reaction
	created, updated, closed time.Time
	pull                     *pull
}

type label struct {
	id          int64
	name, color string
}

func (s *Server) newIssue(r *repo, who actor, title, body string) *issue {
	i := &issue{
		id: s.nextID(), number: r.nextNumber, title: title, body: body, state: "open", user: who.account, via: who.app,
		created: s.clock(), updated: s.clock(),
	}
	r.nextNumber++
	r.issues = append(r.issues, i)
	return i
}

func (s *Server) renderLabel(r *repo, l *label) obj {
	return obj{
		"id": l.id, "node_id": nodeID("LA", l.id), "url": s.repoURL(r, "/labels/"+escapePath(l.name)), "name": l.name, "description": "",
		"color": l.color, "default": false,
	}
}

func (s *Server) renderIssue(r *repo, i *issue) obj {
	self := s.repoURL(r, "/issues/"+itoa(i.number))
	kind := "issues"
	if i.pull != nil {
		kind = "pull"
	}
	web := s.web("/%s/%s/%d", r.fullName(), kind, i.number)
	o := obj{
		"id": i.id, "node_id": nodeID("I", i.id), "url": self, "repository_url": s.repoURL(r, ""), "labels_url": self + "/labels{/name}",
		"comments_url": self + "/comments", "events_url": self + "/events", "timeline_url": self + "/timeline", "html_url": web, "number": i.number,
		"state": i.state, "state_reason": optString(i.stateReason), "title": i.title, "body": optString(i.body), "user": s.renderUser(i.user),
		"labels": mapSlice(i.labels, func(l *label) obj { return s.renderLabel(r, l) }), "assignee": nil, "assignees": mapSlice(i.assignees, s.renderUser),
		"milestone": nil, "locked": false, "active_lock_reason": nil, "comments": len(i.comments), "closed_at": optTime(i.closed),
		"created_at": timestamp(i.created), "updated_at": timestamp(i.updated), "author_association": s.association(r, i.user),
		"reactions": s.renderRollup(self, i.reactions), "performed_via_github_app": s.optApp(i.via),
	}
	if len(i.assignees) > 0 {
		o["assignee"] = s.renderUser(i.assignees[0])
	}
	if i.pull != nil {
		o["draft"] = i.pull.draft
		o["pull_request"] = obj{
			"url": s.repoURL(r, "/pulls/"+itoa(i.number)), "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch",
			"merged_at": optTime(i.pull.mergedAt),
		}
	}
	return o
}

func (c *call) issue() (*issue, error) {
	n, err := c.number("issue_number")
	if err != nil {
		return nil, err
	}
	if i := c.repo.issue(int(n)); i != nil {
		return i, nil
	}
	return nil, notFound()
}

func getIssue(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderIssue(c.repo, i))
}

// listIssues lists pull requests as well, as GitHub does.
func listIssues(c *call) (reply, error) {
	state := c.query.Get("state")
	if state == "" {
		state = "open"
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since"))
	creator := c.query.Get("creator")
	var out []*issue
	for _, i := range slices.Backward(c.repo.issues) {
		if state != "all" && i.state != state || i.updated.Before(since) || creator != "" && !strings.EqualFold(i.user.login, creator) {
			continue
		}
		if want := c.query.Get("labels"); want != "" && !i.hasLabels(strings.Split(want, ",")) {
			continue
		}
		out = append(out, i)
	}
	return list(c, out, func(i *issue) obj { return c.s.renderIssue(c.repo, i) })
}

func (i *issue) hasLabels(names []string) bool {
	for _, name := range names {
		if !slices.ContainsFunc(i.labels, func(l *label) bool { return l.name == name }) {
			return false
		}
	}
	return true
}

func createIssue(c *call) (reply, error) {
	in, err := c.input(fields{"title": {kind: "any", required: true}, "body": textNull, "assignees": texts, "labels": texts, "milestone": {kind: "any"}})
	if err != nil {
		return reply{}, err
	}
	if err := checkText("Issue", in.str("title"), in.str("body")); err != nil {
		return reply{}, err
	}
	assignees, err := c.assignable(in.strings("assignees"))
	if err != nil {
		return reply{}, err
	}
	i := c.s.newIssue(c.repo, c.actor, in.str("title"), in.str("body"))
	i.assignees = assignees
	for _, name := range in.strings("labels") {
		i.labels = append(i.labels, c.s.label(c.repo, name))
	}
	c.s.emit(c.repo, c.actor, "issues", obj{"action": "opened", "issue": c.s.renderIssue(c.repo, i)})
	return created(c.s.renderIssue(c.repo, i))
}

func updateIssue(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{
		"title": textNull, "body": textNull, "state": oneOf("open", "closed"), "state_reason": textNull, "labels": texts, "assignees": texts,
	})
	if err != nil {
		return reply{}, err
	}
	if i.pull != nil {
		if err := c.s.editPull(c.repo, c.actor, i.pull, in); err != nil {
			return reply{}, err
		}
		return ok(c.s.renderIssue(c.repo, i))
	}
	action, changes := "", obj{}
	if title := in.str("title"); title != "" && title != i.title {
		changes["title"], i.title, action = obj{"from": i.title}, title, "edited"
	}
	if in.has("body") && in.str("body") != i.body {
		if err := checkBody("Issue", in.str("body")); err != nil {
			return reply{}, err
		}
		changes["body"], i.body, action = obj{"from": i.body}, in.str("body"), "edited"
	}
	if in.has("assignees") {
		if i.assignees, err = c.assignable(in.strings("assignees")); err != nil {
			return reply{}, err
		}
	}
	if in.has("labels") {
		i.labels = nil
		for _, name := range in.strings("labels") {
			i.labels = append(i.labels, c.s.label(c.repo, name))
		}
	}
	i.updated = c.s.clock()
	if action != "" {
		c.s.emit(c.repo, c.actor, "issues", obj{"action": action, "issue": c.s.renderIssue(c.repo, i), "changes": changes})
	}
	if state := in.str("state"); state != "" && state != i.state {
		c.s.setIssueState(c.repo, c.actor, i, state, in.str("state_reason"))
	}
	return ok(c.s.renderIssue(c.repo, i))
}

func (s *Server) setIssueState(r *repo, who actor, i *issue, state, reason string) {
	action := "closed"
	i.state, i.stateReason, i.closed, i.updated = state, reason, s.clock(), s.clock()
	if state == "open" {
		i.closed, action = time.Time{}, "reopened"
	}
	s.emit(r, who, "issues", obj{"action": action, "issue": s.renderIssue(r, i)})
}

// assignable refuses people who cannot be assigned, as GitHub does when an issue is created or replaced.
func (c *call) assignable(logins []string) ([]*account, error) {
	var out []*account
	for _, login := range logins {
		a := c.s.accounts[strings.ToLower(login)]
		if a == nil || !canWrite(c.s.role(c.repo, a)) && c.s.role(c.repo, a) != "triage" {
			return nil, invalid("Issue", "assignees", "invalid", "")
		}
		out = append(out, a)
	}
	return out, nil
}

func removeLabel(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	at := slices.IndexFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, c.param("name")) })
	if at < 0 {
		return reply{}, fail(http.StatusNotFound, "Label does not exist")
	}
	l := c.s.renderLabel(c.repo, i.labels[at])
	i.labels, i.updated = slices.Delete(i.labels, at, at+1), c.s.clock()
	if i.pull != nil {
		c.s.emitPull(c.repo, c.actor, i.pull, "unlabeled", obj{"label": l})
	} else {
		c.s.emit(c.repo, c.actor, "issues", obj{"action": "unlabeled", "issue": c.s.renderIssue(c.repo, i), "label": l})
	}
	return ok(mapSlice(i.labels, func(l *label) obj { return c.s.renderLabel(c.repo, l) }))
}

func (s *Server) label(r *repo, name string) *label {
	key := strings.ToLower(name)
	if r.labels[key] == nil {
		r.labels[key] = &label{id: s.nextID(), name: name, color: "ededed"}
	}
	return r.labels[key]
}

func listLabels(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	return list(c, i.labels, func(l *label) obj { return c.s.renderLabel(c.repo, l) })
}

func addLabels(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"labels": texts})
	if err != nil {
		return reply{}, err
	}
	for _, name := range in.strings("labels") {
		l := c.s.label(c.repo, name)
		if slices.Contains(i.labels, l) {
			continue
		}
		i.labels = append(i.labels, l)
		i.updated = c.s.clock()
		extra := obj{"label": c.s.renderLabel(c.repo, l)}
		if i.pull != nil {
			c.s.emitPull(c.repo, c.actor, i.pull, "labeled", extra)
			continue
		}
		c.s.emit(c.repo, c.actor, "issues", obj{"action": "labeled", "issue": c.s.renderIssue(c.repo, i), "label": extra["label"]})
	}
	return ok(mapSlice(i.labels, func(l *label) obj { return c.s.renderLabel(c.repo, l) }))
}

// addAssignees silently drops people who cannot be assigned, as GitHub does.
func addAssignees(c *call) (reply, error) {
	i, err := c.issue()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"assignees": texts})
	if err != nil {
		return reply{}, err
	}
	for _, login := range in.strings("assignees") {
		a := c.s.accounts[strings.ToLower(login)]
		if a != nil && !slices.Contains(i.assignees, a) && (canWrite(c.s.role(c.repo, a)) || c.s.role(c.repo, a) == "triage") {
			i.assignees = append(i.assignees, a)
		}
	}
	return created(c.s.renderIssue(c.repo, i))
}

package forge

import (
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

type review struct {
	id        int64
	user      *account
	state     string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	body      string
	commit    plumbing.Hash
	submitted time.Time
}

func (s *Server) renderReview(r *repo, p *pull, v *review) obj {
	web := s.web("/%s/pull/%d#pullrequestreview-%d", r.fullName(), p.issue.number, v.id)
	self := s.repoURL(r, "/pulls/"+itoa(p.issue.number))
	return obj{
		"id": v.id, "node_id": nodeID("PRR", v.id), "user": s.renderUser(v.user), "body": v.body, "state": v.state, "html_url": web,
		"pull_request_url": self, "author_association": s.association(r, v.user), "submitted_at": timestamp(v.submitted),
		"commit_id": v.commit.String(), "_links": obj{"html": obj{"href": web}, "pull_request": obj{"href": self}},
	}
}

// effective is the last review of each person that approves, refuses or was dismissed; comments do not change a vote.
func (p *pull) effective() map[*account]*review {
	out := map[*account]*review{}
	for _, v := range p.reviews {
		if v.state != "COMMENTED" && v.state != "PENDING" {
			out[v.user] = v
		}
	}
	return out
}

func (s *Server) approvals(r *repo, p *pull) int {
	n := 0
	for a, v := range p.effective() {
		if v.state == "APPROVED" && canWrite(s.role(r, a)) && a != p.issue.user {
			n++
		}
	}
	return n
}

func (s *Server) changesRequested(r *repo, p *pull) bool {
	for a, v := range p.effective() {
		if v.state == "CHANGES_REQUESTED" && canWrite(s.role(r, a)) {
			return true
		}
	}
	return false
}

func (s *Server) dismissStale(r *repo, who actor, p *pull) {
	if !slices.ContainsFunc(s.rules(r, p.baseRef), func(x Protection) bool { return x.DismissStale }) {
		return
	}
	for _, v := range p.effective() {
		if v.state == "APPROVED" {
			v.state = "DISMISSED"
			s.emitReview(r, who, p, v, "dismissed")
		}
	}
}

func (s *Server) submitReview(r *repo, who actor, p *pull, event, body string) (*review, error) {
	states := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "": "PENDING"}
	if event != "COMMENT" && event != "" && who.account == p.issue.user {
		verb := map[string]string{"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}[event]
		return nil, unprocessable("Can not %s your own pull request", verb)
	}
	if event != "APPROVE" && event != "" && strings.TrimSpace(body) == "" {
		return nil, unprocessable("Body can't be blank")
	}
	if err := checkBody("PullRequestReview", body); err != nil {
		return nil, err
	}
	v := &review{id: s.nextID(), user: who.account, state: states[event], body: body, commit: p.headSHA, submitted: s.clock()}
	p.reviews = append(p.reviews, v)
	p.requested = slices.DeleteFunc(p.requested, func(a *account) bool { return a == who.account })
	p.issue.updated = s.clock()
	if event != "" {
		s.emitReview(r, who, p, v, "submitted")
		s.autoMerge(r)
	}
	return v, nil
}

func (s *Server) emitReview(r *repo, who actor, p *pull, v *review, action string) {
	o := s.renderReview(r, p, v)
	o["state"] = strings.ToLower(v.state) // webhooks spell the state in lower case
	s.emit(r, who, "pull_request_review", obj{"action": action, "review": o, "pull_request": s.renderPull(r, p)})
}

func listReviews(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return list(c, p.reviews, func(v *review) obj { return c.s.renderReview(c.repo, p, v) })
}

func createReview(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{
		"commit_id": text, "body": text, "event": oneOf("APPROVE", "REQUEST_CHANGES", "COMMENT"), "comments": jsonObjects,
	})
	if err != nil {
		return reply{}, err
	}
	v, err := c.s.submitReview(c.repo, c.actor, p, in.str("event"), in.str("body"))
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderReview(c.repo, p, v))
}

func getRequestedReviewers(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	return ok(obj{"users": mapSlice(p.requested, c.s.renderUser), "teams": []obj{}})
}

func requestReviewers(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"reviewers": texts, "team_reviewers": texts})
	if err != nil {
		return reply{}, err
	}
	var added []*account
	for _, login := range in.strings("reviewers") {
		a := c.s.accounts[strings.ToLower(login)]
		if a == nil || a.kind != "User" || c.repo.roles[strings.ToLower(login)] == "" && a != c.repo.owner && c.repo.owner.members[a.login] == "" {
			return reply{}, unprocessable("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the %s repository.", c.repo.fullName())
		}
		if a == p.issue.user {
			return reply{}, unprocessable("Review cannot be requested from pull request author.")
		}
		added = append(added, a)
	}
	for _, slug := range in.strings("team_reviewers") {
		if c.repo.owner.teams[slug] == nil {
			return reply{}, unprocessable("Could not resolve to a node with the global id of '%s'.", slug)
		}
		p.requestedTeams = append(p.requestedTeams, slug)
	}
	for _, a := range added {
		if !slices.Contains(p.requested, a) {
			p.requested = append(p.requested, a)
			c.s.emitPull(c.repo, c.actor, p, "review_requested", obj{"requested_reviewer": c.s.renderUser(a)})
		}
	}
	return created(c.s.renderPull(c.repo, p))
}

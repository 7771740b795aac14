package forge

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	maxBody  = 65_536 // characters of an issue, pull request or comment body
	maxTitle = 256
)

// pull is a pull request; number, title, body, state, labels and comments live in its issue.
type pull struct {
	id                 int64
	issue              *issue
	headRef, baseRef   string
	headSHA, baseSHA   plumbing.Hash
	draft              bool
	merged             bool
	mergedAt           time.Time
	mergedBy           *account
	mergeCommit        plumbing.Hash
	known              bool // mergeable was computed
	mergeable          bool
	readyAt            time.Time // when a computation that was started ends
	reviews            []*review
	requested          []*account
	requestedTeams     []string
	maintainerModifies bool
	autoMerge          string // merge method, empty when off
	autoMergeBy        *account
	autoMergeAs        actor
	removed            removal
}

// hiddenRef is refs/pull/N/head and the like.
func (p *pull) hiddenRef(kind string) string {
	return fmt.Sprintf("refs/pull/%d/%s", p.issue.number, kind)
}

func (c *call) pull() (*pull, error) {
	n, err := c.number("pull_number")
	if err != nil {
		return nil, err
	}
	if p := c.repo.pull(int(n)); p != nil {
		return p, nil
	}
	return nil, notFound()
}

// listPulls silently ignores a head that is not "owner:branch", as GitHub does.
func listPulls(c *call) (reply, error) {
	state := c.query.Get("state")
	if state == "" {
		state = "open"
	}
	owner, head, hasHead := strings.Cut(c.query.Get("head"), ":")
	base := c.query.Get("base")
	var out []*pull
	for _, p := range c.repo.pulls() {
		if state != "all" && p.issue.state != state || base != "" && p.baseRef != base {
			continue
		}
		if hasHead && (!strings.EqualFold(owner, c.repo.owner.login) || p.headRef != head) {
			continue
		}
		out = append(out, p)
	}
	sortKey := func(p *pull) int64 { return p.id }
	if by := c.query.Get("sort"); by == "updated" {
		sortKey = func(p *pull) int64 { return p.issue.updated.Unix() }
	}
	slices.SortStableFunc(out, func(a, b *pull) int { return int(sortKey(a) - sortKey(b)) })
	if dir := c.query.Get("direction"); dir == "desc" || dir == "" && (c.query.Get("sort") == "" || c.query.Get("sort") == "created") {
		slices.Reverse(out)
	}
	return list(c, out, func(p *pull) obj { return c.s.renderPull(c.repo, p) })
}

func createPull(c *call) (reply, error) {
	in, err := c.input(fields{
		"title": text, "head": text.must(), "base": text.must(), "body": textNull, "draft": flag, "maintainer_can_modify": flag,
		"head_repo": text, "issue": integer,
	})
	if err != nil {
		return reply{}, err
	}
	p, err := c.s.openPull(c.repo, c.actor, pullRequest{
		title: in.str("title"), head: c.stripOwner(in.str("head")), base: in.str("base"), body: in.str("body"), draft: in.flag("draft", false),
	})
	if err != nil {
		return reply{}, err
	}
	p.maintainerModifies = in.flag("maintainer_can_modify", false)
	o, err := c.s.renderFullPull(c.repo, p)
	if err != nil {
		return reply{}, err
	}
	return created(o)
}

// pullRequest is what a new pull request is made of.
type pullRequest struct {
	title, head, base, body string
	draft                   bool
}

func (s *Server) openPull(r *repo, who actor, n pullRequest) (*pull, error) {
	if err := checkText("PullRequest", n.title, n.body); err != nil {
		return nil, err
	}
	base, head := r.git.branch(n.base), r.git.branch(n.head)
	if base.IsZero() {
		return nil, invalid("PullRequest", "base", "invalid", "")
	}
	if head.IsZero() || n.head == n.base {
		return nil, invalid("PullRequest", "head", "invalid", "")
	}
	for _, p := range r.pulls() {
		if p.issue.state == "open" && p.headRef == n.head && p.baseRef == n.base {
			return nil, customInvalid("PullRequest", fmt.Sprintf("A pull request already exists for %s:%s.", r.owner.login, n.head))
		}
	}
	rel, err := r.git.relate(base, head)
	if err != nil {
		return nil, err
	}
	if len(rel.ahead) == 0 {
		return nil, customInvalid("PullRequest", fmt.Sprintf("No commits between %s and %s", n.base, n.head))
	}
	if rel.mergeBase.IsZero() {
		return nil, customInvalid("PullRequest", fmt.Sprintf("The %s branch has no history in common with %s", n.head, n.base))
	}
	i := s.newIssue(r, who, n.title, n.body)
	p := &pull{id: s.nextID(), issue: i, headRef: n.head, baseRef: n.base, headSHA: head, baseSHA: base, draft: n.draft}
	i.pull = p
	if err := r.git.setRef(p.hiddenRef("head"), head); err != nil {
		return nil, err
	}
	s.emitPull(r, who, p, "opened", nil)
	return p, nil
}

// checkText applies GitHub's limits to title and body.
func checkText(resource, title, body string) error {
	switch {
	case strings.TrimSpace(title) == "":
		return invalid(resource, "title", "missing_field", "")
	case utf8.RuneCountInString(title) > maxTitle:
		return invalid(resource, "title", "custom", "title is too long (maximum is 256 characters)")
	}
	return checkBody(resource, body)
}

func checkBody(resource, body string) error {
	if utf8.RuneCountInString(body) > maxBody {
		return invalid(resource, "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return nil
}

func getPull(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	if err := c.s.computeMergeable(c.repo, p); err != nil {
		return reply{}, err
	}
	o, err := c.s.renderFullPull(c.repo, p)
	if err != nil {
		return reply{}, err
	}
	if err := c.s.addMergeable(c.repo, p, o); err != nil {
		return reply{}, err
	}
	return ok(o)
}

func updatePull(c *call) (reply, error) {
	p, err := c.pull()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{"title": text, "body": textNull, "state": oneOf("open", "closed"), "base": text, "maintainer_can_modify": flag})
	if err != nil {
		return reply{}, err
	}
	if err := c.s.editPull(c.repo, c.actor, p, in); err != nil {
		return reply{}, err
	}
	o, err := c.s.renderFullPull(c.repo, p)
	if err != nil {
		return reply{}, err
	}
	return ok(o)
}

func (s *Server) editPull(r *repo, who actor, p *pull, in input) error {
	i, changes := p.issue, obj{}
	title, body := i.title, i.body
	if in.has("title") {
		title = in.str("title")
	}
	if in.has("body") {
		body = in.str("body")
	}
	if err := checkText("PullRequest", title, body); err != nil {
		return err
	}
	if in.has("base") && in.str("base") != p.baseRef {
		base := r.git.branch(in.str("base"))
		if base.IsZero() {
			return invalid("PullRequest", "base", "invalid", "")
		}
		changes["base"] = obj{"ref": obj{"from": p.baseRef}, "sha": obj{"from": p.baseSHA.String()}}
		p.baseRef, p.baseSHA = in.str("base"), base
		p.forgetMergeable()
	}
	if title != i.title {
		changes["title"] = obj{"from": i.title}
	}
	if body != i.body {
		changes["body"] = obj{"from": i.body}
	}
	i.title, i.body = title, body
	if len(changes) > 0 {
		i.updated = s.clock()
		s.emitPull(r, who, p, "edited", obj{"changes": changes})
	}
	if state := in.str("state"); state != "" && state != i.state {
		if state == "closed" {
			s.closePull(r, who, p)
			return nil
		}
		return s.reopenPull(r, who, p)
	}
	return nil
}

func (s *Server) closePull(r *repo, who actor, p *pull) {
	p.issue.state, p.issue.closed, p.issue.updated = "closed", s.clock(), s.clock()
	p.autoMerge = ""
	s.emitPull(r, who, p, "closed", nil)
	if err := s.dequeue(r, who, p, "MANUAL"); err != nil {
		s.log.Error("forge could not remove a closed pull request from its queue", "repo", r.fullName(), "pr", p.issue.number, "err", err)
	}
}

func (s *Server) reopenPull(r *repo, who actor, p *pull) error {
	if p.merged || r.git.branch(p.headRef).IsZero() {
		return invalid("PullRequest", "state", "invalid", "state cannot be changed. The "+p.headRef+" branch was merged or deleted.")
	}
	p.headSHA = r.git.branch(p.headRef)
	p.forgetMergeable()
	p.issue.state, p.issue.closed, p.issue.updated = "open", time.Time{}, s.clock()
	if err := r.git.setRef(p.hiddenRef("head"), p.headSHA); err != nil {
		return err
	}
	s.emitPull(r, who, p, "reopened", nil)
	return nil
}

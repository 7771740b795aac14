package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
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
}

// hiddenRef is refs/pull/N/head and the like.
func (p *pull) hiddenRef(kind string) string {
	return fmt.Sprintf("refs/pull/%d/%s", p.issue.number, kind)
}

func (s *Server) renderPull(r *repo, p *pull) obj {
	i := p.issue
	self := s.repoURL(r, fmt.Sprintf("/pulls/%d", i.number))
	asIssue := s.repoURL(r, fmt.Sprintf("/issues/%d", i.number))
	web := s.web("/%s/pull/%d", r.fullName(), i.number)
	links := obj{}
	for name, href := range map[string]string{
		"self": self, "html": web, "issue": asIssue, "comments": asIssue + "/comments", "commits": self + "/commits", "review_comments": self + "/comments",
		"review_comment": s.repoURL(r, "/pulls/comments{/number}"), "statuses": s.repoURL(r, "/statuses/"+p.headSHA.String()),
	} {
		links[name] = obj{"href": href}
	}
	o := obj{
		"url": self, "id": p.id, "node_id": nodeID("PR", p.id), "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch",
		"issue_url": asIssue, "commits_url": self + "/commits", "review_comments_url": self + "/comments",
		"review_comment_url": s.repoURL(r, "/pulls/comments{/number}"), "comments_url": asIssue + "/comments",
		"statuses_url": s.repoURL(r, "/statuses/"+p.headSHA.String()), "number": i.number, "state": i.state, "locked": false, "title": i.title,
		"user": s.renderUser(i.user), "body": optString(i.body), "labels": mapSlice(i.labels, func(l *label) obj { return s.renderLabel(r, l) }),
		"milestone": nil, "active_lock_reason": nil, "created_at": timestamp(i.created), "updated_at": timestamp(i.updated),
		"closed_at": optTime(i.closed), "merged_at": optTime(p.mergedAt), "merge_commit_sha": nil, "assignee": nil,
		"assignees": mapSlice(i.assignees, s.renderUser), "requested_reviewers": mapSlice(p.requested, s.renderUser), "requested_teams": []obj{},
		"head": s.renderPullEnd(r, p.headRef, p.headSHA), "base": s.renderPullEnd(r, p.baseRef, p.baseSHA), "_links": links,
		"author_association": s.association(r, i.user), "auto_merge": s.renderAutoMerge(p), "draft": p.draft,
	}
	if len(i.assignees) > 0 {
		o["assignee"] = s.renderUser(i.assignees[0])
	}
	if !p.mergeCommit.IsZero() {
		o["merge_commit_sha"] = p.mergeCommit.String()
	}
	return o
}

func (s *Server) renderPullEnd(r *repo, ref string, sha plumbing.Hash) obj {
	return obj{
		"label": r.owner.login + ":" + ref, "ref": ref, "sha": sha.String(), "user": s.renderUser(r.owner), "repo": s.renderRepo(r),
	}
}

func (s *Server) renderAutoMerge(p *pull) any {
	if p.autoMerge == "" {
		return nil
	}
	return obj{"enabled_by": s.renderUser(p.autoMergeBy), "merge_method": p.autoMerge, "commit_title": p.issue.title, "commit_message": ""}
}

// renderFullPull adds what only GET pulls/{n} and webhooks carry.
func (s *Server) renderFullPull(r *repo, p *pull) (obj, error) {
	o := s.renderPull(r, p)
	rel, err := r.git.relate(p.baseSHA, p.headSHA)
	if err != nil {
		return nil, err
	}
	_, stats, err := s.renderDiff(r, rel.mergeBase, p.headSHA, p.headSHA)
	if err != nil {
		return nil, err
	}
	files, err := r.git.diffCommits(rel.mergeBase, p.headSHA)
	if err != nil {
		return nil, err
	}
	o["merged"], o["merged_by"] = p.merged, s.optUser(p.mergedBy)
	o["mergeable"], o["mergeable_state"], o["rebaseable"] = nil, "unknown", nil
	o["comments"], o["review_comments"], o["maintainer_can_modify"] = len(p.issue.comments), 0, p.maintainerModifies
	o["commits"], o["additions"], o["deletions"], o["changed_files"] = len(rel.ahead), stats["additions"], stats["deletions"], len(files)
	return o, nil
}

func (s *Server) pullPayload(r *repo, p *pull, action string) (obj, error) {
	o, err := s.renderFullPull(r, p)
	if err != nil {
		return nil, err
	}
	return obj{"action": action, "number": p.issue.number, "pull_request": o}, nil
}

func (s *Server) emitPull(r *repo, who actor, p *pull, action string, extra obj) {
	payload, err := s.pullPayload(r, p, action)
	if err != nil {
		s.log.Error("forge could not describe a pull request", "repo", r.fullName(), "pr", p.issue.number, "err", err)
		return
	}
	for k, v := range extra {
		payload[k] = v
	}
	s.emit(r, who, "pull_request", payload)
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

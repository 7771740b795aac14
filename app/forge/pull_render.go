package forge

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

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

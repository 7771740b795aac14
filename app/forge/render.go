package forge

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

func (s *Server) renderUser(a *account) obj {
	if a == nil {
		return nil
	}
	u := s.api("/users/%s", escapeLogin(a.login))
	return obj{
		"login": a.login, "id": a.id, "node_id": nodeID("U", a.id), "avatar_url": s.web("/avatars/%d", a.id), "gravatar_id": "",
		"url": u, "html_url": s.web("/%s", escapeLogin(a.login)), "followers_url": u + "/followers",
		"following_url": u + "/following{/other_user}", "gists_url": u + "/gists{/gist_id}", "starred_url": u + "/starred{/owner}{/repo}",
		"subscriptions_url": u + "/subscriptions", "organizations_url": u + "/orgs", "repos_url": u + "/repos",
		"events_url": u + "/events{/privacy}", "received_events_url": u + "/received_events", "type": a.kind, "site_admin": false, "user_view_type": "public",
	}
}

// optUser is a JSON null, not a null map, when there is nobody.
func (s *Server) optUser(a *account) any {
	if a == nil {
		return nil
	}
	return s.renderUser(a)
}

func escapeLogin(login string) string {
	return strings.NewReplacer("[", "%5B", "]", "%5D").Replace(login)
}

func (s *Server) renderOrg(a *account) obj {
	u := s.api("/orgs/%s", a.login)
	return obj{
		"login": a.login, "id": a.id, "node_id": nodeID("O", a.id), "url": u, "repos_url": u + "/repos", "events_url": u + "/events",
		"hooks_url": u + "/hooks", "issues_url": u + "/issues", "members_url": u + "/members{/member}",
		"public_members_url": u + "/public_members{/member}", "avatar_url": s.web("/avatars/%d", a.id), "description": "",
	}
}

func (s *Server) repoURL(r *repo, rest string) string {
	return s.api("/repos/%s%s", r.fullName(), rest)
}

// renderRepo is the shape embedded in pull requests and lists.
func (s *Server) renderRepo(r *repo) obj {
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	o := obj{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "owner": s.renderUser(r.owner),
		"private": r.private, "html_url": s.web("/%s", r.fullName()), "description": nil, "fork": false, "url": s.repoURL(r, ""),
		"git_url": "git://" + trimScheme(s.base) + "/" + r.fullName() + ".git", "ssh_url": "git@localhost:" + r.fullName() + ".git",
		"clone_url": s.web("/%s.git", r.fullName()), "mirror_url": nil, "svn_url": s.web("/%s", r.fullName()), "homepage": nil,
		"language": nil, "license": nil, "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 0,
		"default_branch": r.defaultBranch, "open_issues_count": openIssues(r), "is_template": false, "topics": []string{},
		"has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": true,
		"has_discussions": false, "archived": false, "disabled": false, "visibility": visibility, "pushed_at": timestamp(r.pushed),
		"created_at": timestamp(r.created), "updated_at": timestamp(r.pushed), "forks": 0, "open_issues": openIssues(r), "watchers": 0,
		"allow_forking": true, "web_commit_signoff_required": false,
		"allow_rebase_merge": !r.opts.NoRebaseMerge, "allow_squash_merge": !r.opts.NoSquashMerge, "allow_merge_commit": !r.opts.NoMergeCommit,
		"allow_auto_merge": r.opts.AllowAutoMerge, "delete_branch_on_merge": r.opts.DeleteBranchOnMerge, "allow_update_branch": true,
	}
	for key, rest := range repoURLs {
		o[key] = s.repoURL(r, rest)
	}
	return o
}

var repoURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
	"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}",
}

func trimScheme(u string) string {
	_, rest, found := strings.Cut(u, "://")
	if !found {
		return u
	}
	return rest
}

func openIssues(r *repo) int {
	n := 0
	for _, i := range r.issues {
		if i.state == "open" {
			n++
		}
	}
	return n
}

func (s *Server) renderFullRepo(r *repo, a actor) obj {
	o := s.renderRepo(r)
	o["network_count"], o["subscribers_count"] = 0, 0
	o["squash_merge_commit_message"], o["squash_merge_commit_title"] = "COMMIT_MESSAGES", "COMMIT_OR_PR_TITLE"
	o["merge_commit_message"], o["merge_commit_title"] = "PR_TITLE", "MERGE_MESSAGE"
	o["temp_clone_token"], o["custom_properties"] = "", obj{}
	write := a.token != nil && a.covers(r) && a.token.allows(permission{"contents", "write"})
	o["permissions"] = obj{"admin": false, "maintain": false, "push": write, "triage": false, "pull": true}
	if r.owner.kind == "Organization" {
		o["organization"] = s.renderUser(r.owner)
	}
	return o
}

// hookRepo is the repository as webhooks carry it.
func (s *Server) hookRepo(r *repo) obj { return s.renderRepo(r) }

// hookRepoShort is the repository in installation events.
func (s *Server) hookRepoShort(r *repo) obj {
	return obj{"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private}
}

func (s *Server) renderApp(a *app) obj {
	return obj{
		"id": a.id, "slug": a.slug, "node_id": nodeID("A", a.id), "client_id": clientID(a), "owner": s.renderUser(a.owner), "name": a.name,
		"description": "", "external_url": s.web("/apps/%s", a.slug), "html_url": s.web("/apps/%s", a.slug), "created_at": timestamp(a.created),
		"updated_at": timestamp(a.created), "permissions": a.permissions, "events": a.events,
	}
}

func (s *Server) optApp(a *app) any {
	if a == nil {
		return nil
	}
	return s.renderApp(a)
}

// author is the account behind a commit's email address, if it is one of ours.
func (s *Server) author(sig object.Signature) *account {
	login, found := strings.CutSuffix(sig.Email, "@users.noreply.github.com")
	if !found {
		if sig.Email == webFlowEmail {
			return s.accounts["web-flow"]
		}
		return nil
	}
	if _, after, hasID := strings.Cut(login, "+"); hasID {
		login = after
	}
	return s.accounts[strings.ToLower(login)]
}

func renderSignature(sig object.Signature) obj {
	return obj{"name": sig.Name, "email": sig.Email, "date": timestamp(sig.When)}
}

func (s *Server) renderVerification(r *repo, c *object.Commit) obj {
	if !r.verified[c.Hash] {
		return obj{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	}
	return obj{
		"verified": true, "reason": "valid", "signature": "-----BEGIN PGP SIGNATURE-----\n\nsimulated\n-----END PGP SIGNATURE-----\n",
		"payload": "tree " + c.TreeHash.String(), "verified_at": timestamp(c.Committer.When),
	}
}

// renderCommit is a commit of the Commits API; the Git Data API has a flatter shape, renderGitCommit.
func (s *Server) renderCommit(r *repo, c *object.Commit) obj {
	sha := c.Hash.String()
	parents := mapSlice(c.ParentHashes, func(p plumbing.Hash) obj {
		return obj{"sha": p.String(), "url": s.repoURL(r, "/commits/"+p.String()), "html_url": s.web("/%s/commit/%s", r.fullName(), p)}
	})
	return obj{
		"sha": sha, "node_id": nodeID("C", r.id) + sha, "url": s.repoURL(r, "/commits/"+sha), "html_url": s.web("/%s/commit/%s", r.fullName(), sha),
		"comments_url": s.repoURL(r, "/commits/"+sha+"/comments"), "author": s.optUser(s.author(c.Author)),
		"committer": s.optUser(s.author(c.Committer)), "parents": parents,
		"commit": obj{
			"url": s.repoURL(r, "/git/commits/"+sha), "author": renderSignature(c.Author), "committer": renderSignature(c.Committer),
			"message": c.Message, "comment_count": 0, "verification": s.renderVerification(r, c),
			"tree": obj{"sha": c.TreeHash.String(), "url": s.repoURL(r, "/git/trees/"+c.TreeHash.String())},
		},
	}
}

func (s *Server) renderGitCommit(r *repo, c *object.Commit) obj {
	sha := c.Hash.String()
	parents := mapSlice(c.ParentHashes, func(p plumbing.Hash) obj {
		return obj{"sha": p.String(), "url": s.repoURL(r, "/git/commits/"+p.String()), "html_url": s.web("/%s/commit/%s", r.fullName(), p)}
	})
	return obj{
		"sha": sha, "node_id": nodeID("C", r.id) + sha, "url": s.repoURL(r, "/git/commits/"+sha), "html_url": s.web("/%s/commit/%s", r.fullName(), sha),
		"author": renderSignature(c.Author), "committer": renderSignature(c.Committer), "message": c.Message, "parents": parents,
		"tree":         obj{"sha": c.TreeHash.String(), "url": s.repoURL(r, "/git/trees/"+c.TreeHash.String())},
		"verification": s.renderVerification(r, c),
	}
}

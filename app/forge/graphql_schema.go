package forge

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
)

func (c *call) gqlQuery() obj {
	return obj{
		gqlType:  "Query",
		"viewer": obj{gqlType: "User", "login": c.actor.account.login, "id": nodeID("U", c.actor.account.id), "databaseId": c.actor.account.id},
		"rateLimit": gqlField(func(input) (any, error) {
			return obj{gqlType: "RateLimit", "limit": rateLimit, "cost": 1, "remaining": rateLimit - c.actor.token.used, "resetAt": timestamp(c.s.now().Add(resetAfter))}, nil
		}),
		"repository": gqlField(func(args input) (any, error) {
			r, err := c.gqlRepo(args.str("owner")+"/"+args.str("name"), permission{"metadata", "read"})
			if err != nil {
				return nil, err
			}
			return c.gqlRepository(r), nil
		}),
		"node": gqlField(func(args input) (any, error) {
			r, p := c.s.pullByNode(args.str("id"))
			if p == nil || !c.actor.covers(r) {
				return nil, gqlFail("NOT_FOUND", "Could not resolve to a node with the global id of '%s'", args.str("id"))
			}
			return c.gqlPull(r, p), nil
		}),
	}
}

// gqlRepo resolves a repository and checks the token's permission on it.
func (c *call) gqlRepo(fullName string, need permission) (*repo, error) {
	r := c.s.repos[repoKey(fullName)]
	if r == nil || r.private && !c.actor.covers(r) {
		return nil, gqlFail("NOT_FOUND", "Could not resolve to a Repository with the name '%s'.", fullName)
	}
	return r, c.gqlAllowed(r, need)
}

func (c *call) gqlAllowed(r *repo, need permission) error {
	if !c.actor.covers(r) || !c.actor.token.allows(need) {
		return gqlFail("FORBIDDEN", "Resource not accessible by integration")
	}
	return nil
}

func (s *Server) pullByNode(id string) (*repo, *pull) {
	for _, r := range s.repos {
		for _, p := range r.pulls() {
			if nodeID("PR", p.id) == id {
				return r, p
			}
		}
	}
	return nil, nil
}

func (c *call) gqlRepository(r *repo) obj {
	return obj{
		gqlType: "Repository", "id": nodeID("R", r.id), "databaseId": r.id, "name": r.name, "nameWithOwner": r.fullName(), "isPrivate": r.private,
		"url": c.s.web("/%s", r.fullName()), "owner": obj{gqlType: r.owner.kind, "login": r.owner.login, "id": nodeID("U", r.owner.id)},
		"defaultBranchRef": gqlField(func(input) (any, error) { return c.gqlRef(r, "refs/heads/"+r.defaultBranch), nil }),
		"ref": gqlField(func(args input) (any, error) {
			name := args.str("qualifiedName")
			if !strings.HasPrefix(name, "refs/") {
				name = "refs/heads/" + name
			}
			return c.gqlRef(r, name), nil
		}),
		"object": gqlField(func(args input) (any, error) { return c.gqlObject(r, args) }),
		"pullRequest": gqlField(func(args input) (any, error) {
			p := r.pull(int(args.int("number")))
			if p == nil {
				return nil, gqlFail("NOT_FOUND", "Could not resolve to a PullRequest with the number of %d.", args.int("number"))
			}
			return c.gqlPull(r, p), nil
		}),
		"pullRequests": gqlField(func(args input) (any, error) {
			out := []obj{}
			for _, p := range r.pulls() {
				if head := args.str("headRefName"); head == "" || head == p.headRef {
					out = append(out, c.gqlPull(r, p))
				}
			}
			return obj{gqlType: "PullRequestConnection", "nodes": out, "totalCount": len(out), "pageInfo": obj{gqlType: "PageInfo", "hasNextPage": false, "endCursor": nil}}, nil
		}),
	}
}

func (c *call) gqlRef(r *repo, name string) obj {
	h := r.git.ref(name)
	if h.IsZero() {
		return nil
	}
	short := strings.TrimPrefix(strings.TrimPrefix(name, "refs/heads/"), "refs/tags/")
	return obj{
		gqlType: "Ref", "id": nodeID("REF", r.id) + name, "name": short, "prefix": strings.TrimSuffix(name, short),
		"target": gqlField(func(input) (any, error) {
			commit, err := r.git.commit(h)
			if err != nil {
				return nil, err
			}
			return c.gqlCommit(r, commit), nil
		}),
	}
}

func (c *call) gqlCommit(r *repo, x *object.Commit) obj {
	headline, body, _ := strings.Cut(x.Message, "\n")
	return obj{
		gqlType: "Commit", "id": nodeID("C", r.id) + x.Hash.String(), "oid": x.Hash.String(), "message": x.Message, "messageHeadline": headline,
		"messageBody": strings.TrimSpace(body), "committedDate": timestamp(x.Committer.When), "url": c.s.web("/%s/commit/%s", r.fullName(), x.Hash),
		"signature": obj{gqlType: "GpgSignature", "isValid": r.verified[x.Hash]}, "tree": obj{gqlType: "Tree", "oid": x.TreeHash.String()},
	}
}

// gqlObject resolves "rev:path" and "rev".
func (c *call) gqlObject(r *repo, args input) (any, error) {
	rev, path, hasPath := strings.Cut(args.str("expression"), ":")
	if oid := args.str("oid"); oid != "" {
		rev, hasPath = oid, false
	}
	h, found := r.git.resolve(rev)
	if !found {
		return nil, nil
	}
	if !hasPath {
		commit, err := r.git.commit(h)
		if err != nil {
			return nil, err
		}
		return c.gqlCommit(r, commit), nil
	}
	root, err := r.git.treeOf(h)
	if err != nil {
		return nil, err
	}
	e, found, err := r.git.find(root, path)
	if err != nil || !found {
		return nil, err
	}
	if isDir(e) {
		return obj{gqlType: "Tree", "oid": e.Hash.String()}, nil
	}
	data, err := r.git.blob(e.Hash)
	return obj{gqlType: "Blob", "oid": e.Hash.String(), "text": string(data), "byteSize": len(data), "isBinary": false}, err
}

func (c *call) gqlPull(r *repo, p *pull) obj {
	state := strings.ToUpper(p.issue.state)
	if p.merged {
		state = "MERGED"
	}
	o := obj{
		gqlType: "PullRequest", "id": nodeID("PR", p.id), "databaseId": p.id, "number": p.issue.number, "title": p.issue.title, "body": p.issue.body,
		"state": state, "isDraft": p.draft, "merged": p.merged, "headRefName": p.headRef, "baseRefName": p.baseRef, "headRefOid": p.headSHA.String(),
		"baseRefOid": p.baseSHA.String(), "url": c.s.web("/%s/pull/%d", r.fullName(), p.issue.number), "author": obj{gqlType: p.issue.user.kind, "login": strings.TrimSuffix(p.issue.user.login, "[bot]")},
		"mergeable": gqlField(func(input) (any, error) {
			if err := c.s.computeMergeable(r, p); err != nil {
				return nil, err
			}
			switch {
			case !p.known:
				return "UNKNOWN", nil
			case p.mergeable:
				return "MERGEABLE", nil
			}
			return "CONFLICTING", nil
		}),
		"mergeStateStatus": gqlField(func(input) (any, error) {
			if err := c.s.computeMergeable(r, p); err != nil {
				return nil, err
			}
			state, err := c.s.mergeableState(r, p)
			return strings.ToUpper(state), err
		}),
		"reviewDecision": gqlField(func(input) (any, error) { return c.s.reviewDecision(r, p), nil }),
		"mergeCommit": gqlField(func(input) (any, error) {
			if !p.merged {
				return nil, nil
			}
			commit, err := r.git.commit(p.mergeCommit)
			if err != nil {
				return nil, err
			}
			return c.gqlCommit(r, commit), nil
		}),
		"autoMergeRequest": gqlField(func(input) (any, error) {
			if p.autoMerge == "" {
				return nil, nil
			}
			return obj{gqlType: "AutoMergeRequest", "mergeMethod": strings.ToUpper(p.autoMerge)}, nil
		}),
	}
	c.gqlQueueFields(r, p, o)
	return o
}

// reviewDecision is null where no review is required.
func (s *Server) reviewDecision(r *repo, p *pull) any {
	required := 0
	for _, rule := range s.rules(r, p.baseRef) {
		required = max(required, rule.RequiredReviews)
	}
	switch {
	case len(s.ownersMissing(r, p)) > 0:
		return "REVIEW_REQUIRED"
	case required == 0:
		return nil
	case s.changesRequested(r, p):
		return "CHANGES_REQUESTED"
	case s.approvals(r, p) >= required:
		return "APPROVED"
	}
	return "REVIEW_REQUIRED"
}

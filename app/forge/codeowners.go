package forge

import (
	"path"
	"slices"
	"strings"
)

// codeOwners returns who owns what a pull request changes, as CODEOWNERS on its base
// says: the last pattern that matches a file counts, and each file needs one of its
// owners. Each element holds the owners of some of the files, "@user" or "@org/team".
func (s *Server) codeOwners(r *repo, p *pull) ([][]string, error) {
	base := r.git.branch(p.baseRef)
	root, err := r.git.treeOf(base)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, at := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		e, found, err := r.git.find(root, at)
		if err != nil {
			return nil, err
		}
		if found {
			data, err := r.git.blob(e.Hash)
			if err != nil {
				return nil, err
			}
			lines = strings.Split(string(data), "\n")
			break
		}
	}
	rel, err := r.git.relate(base, p.headSHA)
	if err != nil {
		return nil, err
	}
	changes, err := r.git.diffCommits(rel.mergeBase, p.headSHA)
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, ch := range changes {
		var owners []string
		for _, line := range lines {
			words := strings.Fields(line)
			if len(words) > 0 && !strings.HasPrefix(words[0], "#") && owns(words[0], ch.path) {
				owners = words[1:]
			}
		}
		if len(owners) > 0 && !slices.ContainsFunc(out, func(o []string) bool { return slices.Equal(o, owners) }) {
			out = append(out, owners)
		}
	}
	return out, nil
}

// owns knows "*", "/dir/", "dir/" and globs of names.
func owns(pattern, file string) bool {
	rooted := strings.TrimPrefix(pattern, "/")
	switch {
	case pattern == "*":
		return true
	case strings.HasSuffix(rooted, "/"):
		return strings.HasPrefix(file, rooted)
	case strings.Contains(rooted, "/") || pattern != rooted:
		ok, err := path.Match(rooted, file)
		return err == nil && ok
	}
	ok, err := path.Match(rooted, path.Base(file))
	return err == nil && ok
}

// ownersMissing returns the owners of whom nobody approves the pull request.
func (s *Server) ownersMissing(r *repo, p *pull) []string {
	if !slices.ContainsFunc(s.rules(r, p.baseRef), func(x Protection) bool { return x.CodeOwners }) {
		return nil
	}
	groups, err := s.codeOwners(r, p)
	if err != nil {
		s.log.Error("forge could not tell the code owners", "repo", r.fullName(), "pr", p.issue.number, "err", err)
		return nil
	}
	var missing []string
	for _, owners := range groups {
		if slices.ContainsFunc(owners, func(o string) bool { return s.ownerApproves(r, p, o) }) {
			continue
		}
		for _, o := range owners {
			if !slices.Contains(missing, o) {
				missing = append(missing, o)
			}
		}
	}
	return missing
}

func (s *Server) ownerApproves(r *repo, p *pull, owner string) bool {
	org, slug, isTeam := strings.Cut(strings.TrimPrefix(owner, "@"), "/")
	for a, v := range p.effective() {
		if v.state != "APPROVED" || a == p.issue.user {
			continue
		}
		if !isTeam && strings.EqualFold(a.login, org) {
			return true
		}
		if t := r.owner.teams[slug]; isTeam && t != nil {
			if _, member := t.members[strings.ToLower(a.login)]; member {
				return true
			}
		}
	}
	return false
}

// reviewRequests lists the code owners that are still asked, as GitHub does when a
// pull request is ready for review.
func (c *call) reviewRequests(r *repo, p *pull) []obj {
	out := []obj{}
	if p.draft {
		return out
	}
	for _, o := range c.s.ownersMissing(r, p) {
		name := strings.TrimPrefix(o, "@")
		reviewer := obj{gqlType: "User", "login": name}
		if strings.Contains(name, "/") {
			reviewer = obj{gqlType: "Team", "combinedSlug": name}
		}
		out = append(out, obj{gqlType: "ReviewRequest", "asCodeOwner": true, "requestedReviewer": reviewer})
	}
	for _, a := range p.requested {
		out = append(out, obj{gqlType: "ReviewRequest", "asCodeOwner": false, "requestedReviewer": obj{gqlType: a.kind, "login": a.login}})
	}
	return out
}

package forge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"
)

const webFlowEmail = "noreply@github.com"

func (s *Server) addAccount(login, kind string) *account {
	a := &account{id: s.nextID(), login: login, kind: kind, members: map[string]string{}, teams: map[string]*team{}}
	s.accounts[strings.ToLower(login)] = a
	return a
}

// ensureUser returns the person, creating it on first use.
func (s *Server) ensureUser(login string) *account {
	if a := s.accounts[strings.ToLower(login)]; a != nil {
		return a
	}
	return s.addAccount(login, "User")
}

// CreateUser registers a person. Creating one twice is not an error.
func (s *Server) CreateUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureUser(login)
}

// CreateOrg registers an organisation with members, who are created as needed. Calling it again adds members.
func (s *Server) CreateOrg(login string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	org := s.accounts[strings.ToLower(login)]
	if org == nil {
		org = s.addAccount(login, "Organization")
	}
	for _, m := range members {
		org.members[s.ensureUser(m).login] = "member"
	}
}

// CreateTeam registers a team of org with active members, or adds members to it.
func (s *Server) CreateTeam(org, slug string, members ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.accounts[strings.ToLower(org)]
	if o == nil || o.kind != "Organization" {
		return fmt.Errorf("create team %s: no organisation %q", slug, org)
	}
	t := o.teams[slug]
	if t == nil {
		t = &team{id: s.nextID(), slug: slug, members: map[string]string{}}
		o.teams[slug] = t
	}
	for _, m := range members {
		login := s.ensureUser(m).login
		t.members[strings.ToLower(login)] = "member"
		if o.members[login] == "" {
			o.members[login] = "member"
		}
	}
	return nil
}

// SetRole gives user a role on repo: read, triage, write, maintain, admin, or none to take it away.
func (s *Server) SetRole(repo, user, role string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"none", "read", "triage", "write", "maintain", "admin"}, role) {
		return fmt.Errorf("set role of %s: unknown role %q", user, role)
	}
	r.roles[strings.ToLower(s.ensureUser(user).login)] = role
	return nil
}

// repo finds a repository by "owner/name".
func (s *Server) repo(fullName string) (*repo, error) {
	if r := s.repos[repoKey(fullName)]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("no repository %q", fullName)
}

// role is a person's role on a repository; everyone reads a public one.
func (s *Server) role(r *repo, a *account) string {
	if a == r.owner {
		return "admin"
	}
	if role := r.roles[strings.ToLower(a.login)]; role != "" && role != "none" {
		return role
	}
	if !r.private {
		return "read"
	}
	return "none"
}

func canWrite(role string) bool { return role == "write" || role == "maintain" || role == "admin" }

// basePermission maps a role to the legacy permission that GitHub reports beside it.
func basePermission(role string) string {
	switch role {
	case "maintain":
		return "write"
	case "triage":
		return "read"
	}
	return role
}

func (s *Server) association(r *repo, a *account) string {
	switch {
	case a == nil:
		return "NONE"
	case a == r.owner:
		return "OWNER"
	case r.owner.members[a.login] != "":
		return "MEMBER"
	case r.roles[strings.ToLower(a.login)] != "":
		return "COLLABORATOR"
	}
	return "NONE"
}

// signature is how an account signs commits that it makes itself.
func (s *Server) signature(a *account) object.Signature {
	return object.Signature{Name: a.login, Email: fmt.Sprintf("%d+%s@users.noreply.github.com", a.id, a.login), When: s.clock()}
}

// webFlow is the committer of commits that GitHub makes on someone's behalf.
func (s *Server) webFlow() object.Signature {
	return object.Signature{Name: "GitHub", Email: webFlowEmail, When: s.clock()}
}

func getUser(c *call) (reply, error) {
	a := c.s.accounts[strings.ToLower(c.param("username"))]
	if a == nil {
		return reply{}, notFound()
	}
	o := c.s.renderUser(a)
	for _, k := range []string{"name", "company", "blog", "location", "email", "hireable", "bio"} {
		o[k] = nil
	}
	for _, k := range []string{"public_repos", "public_gists", "followers", "following"} {
		o[k] = 0
	}
	o["created_at"], o["updated_at"] = timestamp(c.s.app.created), timestamp(c.s.app.created)
	return ok(o)
}

func getTeamMembership(c *call) (reply, error) {
	org := c.s.accounts[strings.ToLower(c.param("org"))]
	if org == nil || c.actor.inst.account != org {
		return reply{}, notFound()
	}
	t := org.teams[c.param("team_slug")]
	if t == nil || t.members[strings.ToLower(c.param("username"))] == "" {
		return reply{}, notFound()
	}
	return ok(obj{
		"url":  c.s.api("/organizations/%d/team/%d/memberships/%s", org.id, t.id, c.param("username")),
		"role": t.members[strings.ToLower(c.param("username"))], "state": "active",
	})
}

func isCollaborator(c *call) (reply, error) {
	if role := c.repo.roles[strings.ToLower(c.param("username"))]; role == "" || role == "none" {
		return reply{}, notFound()
	}
	return noContent()
}

func getPermission(c *call) (reply, error) {
	a := c.s.accounts[strings.ToLower(c.param("username"))]
	if a == nil {
		return reply{}, fail(http.StatusNotFound, "%s is not a user", c.param("username"))
	}
	role := c.s.role(c.repo, a)
	if a.kind == "Bot" && c.s.installationFor(c.repo) != nil && a == c.s.app.bot {
		role = "write"
	}
	u := c.s.renderUser(a)
	u["role_name"] = role
	u["permissions"] = obj{
		"admin": role == "admin", "maintain": role == "admin" || role == "maintain", "push": canWrite(role),
		"triage": canWrite(role) || role == "triage", "pull": role != "none",
	}
	return ok(obj{"permission": basePermission(role), "role_name": role, "user": u})
}

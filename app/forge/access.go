package forge

import (
	"fmt"
	"net/http"
	"strings"
)

type authKind int

const (
	asInstallation authKind = iota
	asApp                   // JSON web token only
	anyone
)

// access says who may call a route. Permissions are alternatives; one suffices.
type access struct {
	kind        authKind
	alsoApp     bool // the JSON web token is accepted as well
	needRepo    bool
	permissions []permission
}

type permission struct{ name, level string }

// parsePermissions reads "contents:write|issues:write".
func parsePermissions(spec string) []permission {
	var out []permission
	for alternative := range strings.SplitSeq(spec, "|") {
		if name, level, found := strings.Cut(alternative, ":"); found {
			out = append(out, permission{name, level})
		}
	}
	return out
}

func levelRank(level string) int {
	switch level {
	case "read":
		return 1
	case "write":
		return 2
	case "admin":
		return 3
	}
	return 0
}

func (t *token) allows(p permission) bool {
	return levelRank(t.permissions[p.name]) >= levelRank(p.level)
}

// authorize resolves the repository and holds the token's permissions against the route. What the token cannot see is a
// 404; what it can see but not do is a 403 that names the missing permission.
func (s *Server) authorize(c *call, acc access) error {
	if acc.needRepo {
		r := s.repos[repoKey(c.param("owner")+"/"+c.param("repo"))]
		if r == nil {
			return notFound()
		}
		covered := c.actor.jwt && s.installationFor(r) != nil || c.actor.covers(r)
		if !covered && r.private {
			return notFound()
		}
		c.repo = r
		if !covered {
			// Public repositories can be read by every token, whatever it was installed on.
			if c.r.Method == http.MethodGet && readOnlyPublic(acc) {
				return nil
			}
			return forbiddenIntegration(acceptedPermissions(acc.permissions))
		}
	}
	if c.actor.token == nil || len(acc.permissions) == 0 {
		return nil
	}
	for _, p := range acc.permissions {
		if c.actor.token.allows(p) {
			return nil
		}
	}
	if c.repo != nil && !c.repo.private && c.r.Method == http.MethodGet && readOnlyPublic(acc) {
		return nil
	}
	return forbiddenIntegration(acceptedPermissions(acc.permissions))
}

// readOnlyPublic reports whether anyone may read the resource on a public repository.
func readOnlyPublic(acc access) bool {
	for _, p := range acc.permissions {
		if p.level != "read" || p.name == "administration" || p.name == "members" {
			return false
		}
	}
	return true
}

func acceptedPermissions(perms []permission) string {
	parts := make([]string, len(perms))
	for i, p := range perms {
		parts[i] = fmt.Sprintf("%s=%s", p.name, p.level)
	}
	return strings.Join(parts, "; ")
}

// requires is for permissions that depend on the request body.
func (c *call) requires(name, level string) error {
	p := permission{name, level}
	if c.actor.token != nil && !c.actor.token.allows(p) {
		return forbiddenIntegration(acceptedPermissions([]permission{p}))
	}
	return nil
}

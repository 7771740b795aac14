package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Permission returns a person's role on a repository and those of the given
// "@org/team" entries of which the person is an active member. GitHub is asked
// each time: an answer of yesterday is not authority. Somebody whom GitHub does
// not know has the role none.
func (a *App) Permission(ctx context.Context, repo pipeline.Repo, login string, teams []string) (pipeline.Actor, error) {
	r, err := a.on(ctx, repo.Owner, repo.Name)
	if err != nil {
		return pipeline.Actor{}, fmt.Errorf("permission of %s: %w", login, err)
	}
	return a.actor(ctx, r, login, teams)
}

func (a *App) actor(ctx context.Context, r *rest, login string, teams []string) (pipeline.Actor, error) {
	role, err := r.role(ctx, login)
	if err != nil {
		return pipeline.Actor{}, fmt.Errorf("permission of %s: %w", login, err)
	}
	actor := pipeline.Actor{Login: login, Role: role}
	for _, team := range teams {
		member, err := a.isMember(ctx, r, team, login)
		if err != nil {
			return pipeline.Actor{}, fmt.Errorf("membership of %s in %s: %w", login, team, err)
		}
		if member {
			actor.Teams = append(actor.Teams, team)
		}
	}
	return actor, nil
}

// role returns GitHub's role name. A role that an organisation invented counts
// as what it is built on, which is the older field "permission".
func (r *rest) role(ctx context.Context, login string) (string, error) {
	var p struct {
		Permission string `json:"permission"`
		RoleName   string `json:"role_name"`
	}
	_, err := r.do(ctx, http.MethodGet, r.path("/collaborators/%s/permission", login), nil, &p)
	if status(err) == http.StatusNotFound {
		return "none", nil
	}
	if err != nil {
		return "", err
	}
	switch p.RoleName {
	case "none", "read", "triage", "write", "maintain", "admin":
		return p.RoleName, nil
	}
	switch p.Permission {
	case "read", "write", "admin":
		return p.Permission, nil
	}
	return "none", nil
}

// isMember asks only about teams of the repository's own organisation: the
// installation sees no other.
func (a *App) isMember(ctx context.Context, r *rest, team, login string) (bool, error) {
	org, slug, ok := strings.Cut(strings.TrimPrefix(team, "@"), "/")
	if !ok || !strings.EqualFold(org, r.owner) || slug == "" {
		return false, nil
	}
	key, err := a.keyFor(ctx, r.owner, r.name)
	if err != nil {
		return false, err
	}
	var m struct {
		State string `json:"state"`
	}
	path := "orgs/" + url.PathEscape(org) + "/teams/" + url.PathEscape(slug) + "/memberships/" + url.PathEscape(login)
	_, err = a.as(tokenKey{installation: key.installation, scope: scopeMembers}).do(ctx, http.MethodGet, path, nil, &m)
	switch {
	case status(err) == http.StatusNotFound:
		return false, nil
	case status(err) == http.StatusForbidden, errors.Is(err, errNotGranted):
		// Without members=read nobody is known to be in a team.
		a.opts.Log.WarnContext(ctx, "team membership cannot be read", "team", team, "err", err)
		return false, nil
	}
	return err == nil && m.State == "active", err
}

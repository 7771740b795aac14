package forge

import (
	"net/url"
	"strings"
	"time"
)

type environment struct {
	id        int64
	name      string
	wait      int // minutes
	reviewers []*account
	created   time.Time
}

// environment returns the environment, creating it as a deployment to a new name does.
func (s *Server) environment(r *repo, name string) *environment {
	e := r.environments[strings.ToLower(name)]
	if e == nil {
		e = &environment{id: s.nextID(), name: name, created: s.clock()}
		r.environments[strings.ToLower(name)] = e
	}
	return e
}

// CreateEnvironment creates an environment with a wait timer in minutes (0 for none) and required reviewers.
func (s *Server) CreateEnvironment(repo, name string, waitMinutes int, reviewers ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.repo(repo)
	if err != nil {
		return err
	}
	e := s.environment(r, name)
	e.wait, e.reviewers = waitMinutes, nil
	for _, login := range reviewers {
		e.reviewers = append(e.reviewers, s.ensureUser(login))
	}
	return nil
}

func (s *Server) renderEnvironment(r *repo, e *environment) obj {
	rules := []obj{}
	if e.wait > 0 {
		rules = append(rules, obj{"id": e.id*10 + 1, "node_id": nodeID("GA", e.id*10+1), "type": "wait_timer", "wait_timer": e.wait})
	}
	if len(e.reviewers) > 0 {
		rules = append(rules, obj{
			"id": e.id*10 + 2, "node_id": nodeID("GA", e.id*10+2), "type": "required_reviewers", "prevent_self_review": false,
			"reviewers": mapSlice(e.reviewers, func(a *account) obj { return obj{"type": "User", "reviewer": s.renderUser(a)} }),
		})
	}
	return obj{
		"id": e.id, "node_id": nodeID("EN", e.id), "name": e.name, "url": s.repoURL(r, "/environments/"+url.PathEscape(e.name)),
		"html_url":   s.web("/%s/deployments/activity_log?environments_filter=%s", r.fullName(), url.QueryEscape(e.name)),
		"created_at": timestamp(e.created), "updated_at": timestamp(e.created), "protection_rules": rules, "deployment_branch_policy": nil,
	}
}

func listEnvironments(c *call) (reply, error) {
	var out []*environment
	for _, k := range orderedKeys(c.repo.environments) {
		out = append(out, c.repo.environments[k])
	}
	return listUnder(c, "environments", out, func(e *environment) obj { return c.s.renderEnvironment(c.repo, e) })
}

func getEnvironment(c *call) (reply, error) {
	e := c.repo.environments[strings.ToLower(c.param("environment_name"))]
	if e == nil {
		return reply{}, notFound()
	}
	return ok(c.s.renderEnvironment(c.repo, e))
}

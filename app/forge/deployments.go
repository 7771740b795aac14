package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

type deployment struct {
	id                     int64
	sha                    plumbing.Hash
	ref, task, environment string
	description            string
	payload                any
	transient, production  bool
	creator                *account
	via                    *app
	created, updated       time.Time
	statuses               []*deploymentStatus
	originalEnvironment    string
}

type deploymentStatus struct {
	id                                                      int64
	state, description, environment, environmentURL, logURL string
	creator                                                 *account
	via                                                     *app
	created                                                 time.Time
}

func (s *Server) renderDeployment(r *repo, d *deployment) obj {
	self := s.repoURL(r, fmt.Sprintf("/deployments/%d", d.id))
	return obj{
		"url": self, "id": d.id, "node_id": nodeID("DE", d.id), "sha": d.sha.String(), "ref": d.ref, "task": d.task, "payload": d.payload,
		"original_environment": d.originalEnvironment, "environment": d.environment, "description": optString(d.description), "creator": s.renderUser(d.creator),
		"created_at": timestamp(d.created), "updated_at": timestamp(d.updated), "statuses_url": self + "/statuses", "repository_url": s.repoURL(r, ""),
		"transient_environment": d.transient, "production_environment": d.production, "performed_via_github_app": s.optApp(d.via),
	}
}

func (s *Server) renderDeploymentStatus(r *repo, d *deployment, st *deploymentStatus) obj {
	self := s.repoURL(r, fmt.Sprintf("/deployments/%d", d.id))
	return obj{
		"url": fmt.Sprintf("%s/statuses/%d", self, st.id), "id": st.id, "node_id": nodeID("DES", st.id), "state": st.state, "creator": s.renderUser(st.creator),
		"description": st.description, "environment": st.environment, "target_url": st.logURL, "log_url": st.logURL, "environment_url": st.environmentURL,
		"created_at": timestamp(st.created), "updated_at": timestamp(st.created), "deployment_url": self, "repository_url": s.repoURL(r, ""),
		"performed_via_github_app": s.optApp(st.via),
	}
}

func createDeployment(c *call) (reply, error) {
	in, err := c.input(fields{
		"ref": text.must(), "task": text, "auto_merge": flag, "required_contexts": texts.null(), "payload": {kind: "any"}, "environment": text,
		"description": textNull, "transient_environment": flag, "production_environment": flag,
	})
	if err != nil {
		return reply{}, err
	}
	sha, found := c.repo.git.resolve(in.str("ref"))
	if !found {
		return reply{}, unprocessable("No ref found for: %s", in.str("ref"))
	}
	if len(in.str("description")) > maxStatusPhrase {
		return reply{}, invalid("Deployment", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	// Two defaults that surprise: the default branch is merged into the ref first, and every context must be green.
	if in.flag("auto_merge", true) {
		if merged, err := c.deploymentMerge(in.str("ref")); err != nil || merged {
			return reply{status: http.StatusAccepted, body: obj{"message": fmt.Sprintf("Auto-merged %s into %s on deployment.", c.repo.defaultBranch, in.str("ref"))}}, err
		}
	}
	if err := c.deploymentContexts(in, sha); err != nil {
		return reply{}, err
	}
	now := c.s.clock()
	d := &deployment{
		id: c.s.nextID(), sha: sha, ref: in.str("ref"), task: "deploy", environment: "production", description: in.str("description"), payload: obj{},
		transient: in.flag("transient_environment", false), creator: c.actor.account, via: c.actor.app, created: now, updated: now,
	}
	if in.str("task") != "" {
		d.task = in.str("task")
	}
	if in.str("environment") != "" {
		d.environment = in.str("environment")
	}
	d.originalEnvironment = d.environment
	d.production = in.flag("production_environment", d.environment == "production")
	if p := in["payload"]; p != nil {
		if kind := kindOf(p); kind != "object" && kind != "string" && kind != "array" {
			return reply{}, mistyped("properties/payload", show(p), "object")
		}
		d.payload = p
	}
	c.s.addDeployment(c.repo, c.actor, d)
	return created(c.s.renderDeployment(c.repo, d))
}

// deploymentMerge merges the default branch into a branch that is behind it.
func (c *call) deploymentMerge(ref string) (bool, error) {
	branch := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "heads/")
	if c.repo.git.branch(branch).IsZero() || branch == c.repo.defaultBranch {
		return false, nil
	}
	h, err := c.s.mergeInto(c.repo, c.actor, branch, c.repo.defaultBranch, c.repo.git.branch(c.repo.defaultBranch), "")
	if errors.Is(err, errConflict) {
		return false, fail(http.StatusConflict, "Conflict merging %s into %s.", c.repo.defaultBranch, branch)
	}
	return !h.IsZero(), err
}

func (c *call) deploymentContexts(in input, sha plumbing.Hash) error {
	results := c.s.results(c.repo, sha)
	want := orderedKeys(results)
	if in["required_contexts"] != nil {
		want = in.strings("required_contexts")
	}
	var contexts []any
	bad := false
	for _, name := range want {
		state := results[name]
		if state == "" {
			state = "pending"
		}
		bad = bad || state != "success"
		contexts = append(contexts, obj{"context": name, "state": state})
	}
	if !bad {
		return nil
	}
	return &apiError{
		status: http.StatusConflict, message: fmt.Sprintf("Conflict: Commit status checks failed for %s.", in.str("ref")),
		errors: []any{obj{"contexts": contexts, "resource": "Deployment", "field": "required_contexts", "code": "invalid"}},
	}
}

func (c *call) deployment() (*deployment, error) {
	id, err := c.number("deployment_id")
	if err != nil {
		return nil, err
	}
	for _, d := range c.repo.deployments {
		if d.id == id {
			return d, nil
		}
	}
	return nil, notFound()
}

func listDeployments(c *call) (reply, error) {
	var out []*deployment
	for _, d := range slices.Backward(c.repo.deployments) {
		match := true
		for key, have := range map[string]string{"sha": d.sha.String(), "ref": d.ref, "task": d.task, "environment": d.environment} {
			want := c.query.Get(key)
			match = match && (want == "" || want == "none" || want == have)
		}
		if match {
			out = append(out, d)
		}
	}
	return list(c, out, func(d *deployment) obj { return c.s.renderDeployment(c.repo, d) })
}

func getDeployment(c *call) (reply, error) {
	d, err := c.deployment()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderDeployment(c.repo, d))
}

func listDeploymentStatuses(c *call) (reply, error) {
	d, err := c.deployment()
	if err != nil {
		return reply{}, err
	}
	newest := slices.Clone(d.statuses)
	slices.Reverse(newest)
	return list(c, newest, func(st *deploymentStatus) obj { return c.s.renderDeploymentStatus(c.repo, d, st) })
}

func createDeploymentStatus(c *call) (reply, error) {
	d, err := c.deployment()
	if err != nil {
		return reply{}, err
	}
	in, err := c.input(fields{
		"state":      oneOf("error", "failure", "inactive", "in_progress", "queued", "pending", "success").must(),
		"target_url": text, "log_url": text, "description": text, "environment": text, "environment_url": text, "auto_inactive": flag,
	})
	if err != nil {
		return reply{}, err
	}
	if len(in.str("description")) > maxStatusPhrase {
		return reply{}, invalid("DeploymentStatus", "description", "custom", "description is too long (maximum is 140 characters)")
	}
	for _, key := range []string{"target_url", "log_url", "environment_url"} {
		if v := in.str(key); v != "" && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "http://") {
			return reply{}, invalid("DeploymentStatus", key, "custom", key+" must use http(s) scheme")
		}
	}
	st := &deploymentStatus{
		id: c.s.nextID(), state: in.str("state"), description: in.str("description"), environment: d.environment, environmentURL: in.str("environment_url"),
		logURL: in.str("log_url"), creator: c.actor.account, via: c.actor.app, created: c.s.clock(),
	}
	if st.logURL == "" {
		st.logURL = in.str("target_url")
	}
	if env := in.str("environment"); env != "" {
		st.environment, d.environment = env, env
	}
	c.s.addDeploymentStatus(c.repo, c.actor, d, st, in.flag("auto_inactive", true))
	return created(c.s.renderDeploymentStatus(c.repo, d, st))
}

func (s *Server) addDeployment(r *repo, who actor, d *deployment) {
	r.deployments = append(r.deployments, d)
	s.environment(r, d.environment)
	s.emit(r, who, "deployment", obj{"action": "created", "deployment": s.renderDeployment(r, d), "workflow": nil, "workflow_run": nil})
}

func (s *Server) addDeploymentStatus(r *repo, who actor, d *deployment, st *deploymentStatus, autoInactive bool) {
	if st.state == "success" && autoInactive {
		s.retire(r, d, who)
	}
	d.statuses, d.updated = append(d.statuses, st), s.clock()
	// Nothing is sent for inactive.
	if st.state != "inactive" {
		s.emit(r, who, "deployment_status", obj{
			"action": "created", "deployment": s.renderDeployment(r, d), "deployment_status": s.renderDeploymentStatus(r, d, st),
			"check_run": nil, "workflow": nil, "workflow_run": nil,
		})
	}
}

// retire marks earlier successful deployments to the environment inactive, except transient and production ones.
func (s *Server) retire(r *repo, by *deployment, who actor) {
	for _, d := range r.deployments {
		if d == by || d.environment != by.environment || d.transient || d.production || len(d.statuses) == 0 {
			continue
		}
		if last := d.statuses[len(d.statuses)-1]; last.state == "success" {
			d.statuses = append(d.statuses, &deploymentStatus{
				id: s.nextID(), state: "inactive", environment: d.environment, logURL: last.logURL, environmentURL: last.environmentURL,
				creator: who.account, via: who.app, created: s.clock(),
			})
		}
	}
}

// payloadJSON is the deployment's payload as it was sent.
func (d *deployment) payloadJSON() json.RawMessage {
	raw, err := json.Marshal(d.payload)
	if err != nil {
		return nil
	}
	return raw
}

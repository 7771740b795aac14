package forge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// workflowRun is one run of a workflow. Nothing runs: people say how it ends.
type workflowRun struct {
	id                 int64
	number             int
	path, name, title  string
	event, branch      string
	sha                plumbing.Hash
	status, conclusion string
	inputs             map[string]string
	who                *account
	suite              *checkSuite
	jobs               []*checkRun
	created, updated   time.Time
}

func (s *Server) addWorkflowRun(r *repo, who actor, w *workflow, branch string, sha plumbing.Hash, inputs map[string]string) *workflowRun {
	now := s.clock()
	actions := s.otherApp("github-actions")
	run := &workflowRun{
		id: s.nextID(), number: 1, path: w.path, name: w.name, title: w.title(inputs), event: "workflow_dispatch", branch: branch, sha: sha,
		status: "queued", inputs: inputs, who: who.account, suite: s.suite(r, actions, sha, branch), created: now, updated: now,
	}
	for _, x := range r.workflowRuns {
		if x.path == w.path {
			run.number++
		}
	}
	r.workflowRuns = append(r.workflowRuns, run)
	s.emitWorkflowRun(r, who, run, "requested")
	return run
}

func (s *Server) endWorkflowRun(r *repo, who actor, run *workflowRun, conclusion string) {
	run.status, run.conclusion, run.updated = "completed", conclusion, s.clock()
	s.endJobs(r, run)
	s.emitWorkflowRun(r, who, run, "completed")
}

func (s *Server) emitWorkflowRun(r *repo, who actor, run *workflowRun, action string) {
	w := s.renderWorkflow(r, &workflow{path: run.path, name: run.name})
	s.emit(r, who, "workflow_run", obj{"action": action, "workflow": w, "workflow_run": s.renderWorkflowRun(r, run)})
}

func (s *Server) renderWorkflowRun(r *repo, run *workflowRun) obj {
	self := s.repoURL(r, fmt.Sprintf("/actions/runs/%d", run.id))
	var head any
	if c, err := r.git.commit(run.sha); err == nil {
		head = obj{
			"id": run.sha.String(), "tree_id": c.TreeHash.String(), "message": c.Message, "timestamp": timestamp(c.Committer.When),
			"author":    obj{"name": c.Author.Name, "email": c.Author.Email},
			"committer": obj{"name": c.Committer.Name, "email": c.Committer.Email},
		}
	}
	workflowID := s.workflowID(r, run.path)
	return obj{
		"id": run.id, "node_id": nodeID("WFR", run.id), "name": run.name, "head_branch": run.branch, "head_sha": run.sha.String(),
		"path": run.path, "display_title": run.title, "run_number": run.number, "run_attempt": 1, "event": run.event,
		"status": run.status, "conclusion": optString(run.conclusion), "workflow_id": workflowID,
		"check_suite_id": run.suite.id, "check_suite_node_id": nodeID("CS", run.suite.id),
		"url": self, "html_url": s.web("/%s/actions/runs/%d", r.fullName(), run.id), "pull_requests": []obj{},
		"created_at": timestamp(run.created), "updated_at": timestamp(run.updated), "run_started_at": timestamp(run.created),
		"actor": s.renderUser(run.who), "triggering_actor": s.renderUser(run.who), "referenced_workflows": []obj{},
		"jobs_url": self + "/jobs", "logs_url": self + "/logs", "artifacts_url": self + "/artifacts", "cancel_url": self + "/cancel",
		"rerun_url": self + "/rerun", "previous_attempt_url": nil, "check_suite_url": s.repoURL(r, fmt.Sprintf("/check-suites/%d", run.suite.id)),
		"workflow_url": s.repoURL(r, fmt.Sprintf("/actions/workflows/%d", workflowID)),
		"head_commit":  head, "repository": s.renderRepo(r), "head_repository": s.renderRepo(r),
	}
}

func (c *call) workflowRun() (*workflowRun, error) {
	id, err := c.number("run_id")
	if err != nil {
		return nil, err
	}
	for _, run := range c.repo.workflowRuns {
		if run.id == id {
			return run, nil
		}
	}
	return nil, notFound()
}

func getWorkflowRun(c *call) (reply, error) {
	run, err := c.workflowRun()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderWorkflowRun(c.repo, run))
}

// listWorkflowRuns filters as GitHub does; of created only ">=" and a bare date are understood.
func listWorkflowRuns(c *call) (reply, error) {
	w, err := c.workflow()
	if err != nil {
		return reply{}, err
	}
	var since time.Time
	if created := c.query.Get("created"); created != "" {
		text := strings.TrimPrefix(created, ">=")
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			if since, err = time.Parse(time.DateOnly, text); err != nil {
				return reply{}, unprocessable("created %q is not understood", created)
			}
		}
	}
	var out []*workflowRun
	for _, run := range slices.Backward(c.repo.workflowRuns) {
		match := run.path == w.path && !run.created.Before(since)
		for key, have := range map[string][]string{
			"event": {run.event}, "branch": {run.branch}, "actor": {run.who.login}, "head_sha": {run.sha.String()}, "status": {run.status, run.conclusion},
		} {
			want := c.query.Get(key)
			match = match && (want == "" || slices.Contains(have, want))
		}
		if match {
			out = append(out, run)
		}
	}
	return listUnder(c, "workflow_runs", out, func(run *workflowRun) obj { return c.s.renderWorkflowRun(c.repo, run) })
}

// WorkflowRun is a snapshot of a run of a workflow.
type WorkflowRun struct {
	ID                         int64
	File, Title, Branch, Actor string
	Status, Conclusion         string
	Inputs                     map[string]string
}

// WorkflowRuns returns the runs of all workflows, oldest first.
func (s *Server) WorkflowRuns(name string) (out []WorkflowRun, err error) {
	err = s.view(name, func(r *repo) error {
		for _, run := range r.workflowRuns {
			out = append(out, WorkflowRun{
				ID: run.id, File: strings.TrimPrefix(run.path, workflowDir), Title: run.title, Branch: run.branch, Actor: run.who.login,
				Status: run.status, Conclusion: run.conclusion, Inputs: maps.Clone(run.inputs),
			})
		}
		return nil
	})
	return out, err
}

// FinishWorkflow ends a run as GitHub Actions does. An empty conclusion only starts it.
func (s *Server) FinishWorkflow(repo string, id int64, conclusion string) error {
	return s.act(repo, "app-owner", "finish workflow run", func(h *repoHandle) error {
		for _, run := range h.workflowRuns {
			if run.id != id {
				continue
			}
			if run.status == "completed" {
				return fmt.Errorf("run %d has ended with %s", id, run.conclusion)
			}
			who := actor{account: run.who}
			if conclusion == "" {
				run.status, run.updated = "in_progress", s.clock()
				s.emitWorkflowRun(h.repo, who, run, "in_progress")
				return nil
			}
			s.endWorkflowRun(h.repo, who, run, conclusion)
			return nil
		}
		return fmt.Errorf("no workflow run %d", id)
	})
}

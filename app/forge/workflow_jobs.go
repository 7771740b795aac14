package forge

import (
	"fmt"
	"strings"
)

// workflowJob is a job of a workflow run. On GitHub it is a check run of the same id.
type workflowJob struct {
	run   *workflowRun
	check *checkRun
}

func (s *Server) renderJob(r *repo, j workflowJob) obj {
	self := s.repoURL(r, fmt.Sprintf("/actions/jobs/%d", j.check.id))
	return obj{
		"id": j.check.id, "node_id": nodeID("CR", j.check.id), "run_id": j.run.id, "run_attempt": 1,
		"run_url": s.repoURL(r, fmt.Sprintf("/actions/runs/%d", j.run.id)), "head_sha": j.run.sha.String(), "head_branch": j.run.branch,
		"workflow_name": j.run.name, "name": j.check.name, "url": self,
		"html_url": s.web("/%s/actions/runs/%d/job/%d", r.fullName(), j.run.id, j.check.id),
		"status":   j.check.status, "conclusion": optString(j.check.conclusion), "created_at": timestamp(j.check.started),
		"started_at": timestamp(j.check.started), "completed_at": optTime(j.check.completed), "steps": []obj{},
		"check_run_url": s.repoURL(r, fmt.Sprintf("/check-runs/%d", j.check.id)), "labels": []string{"ubuntu-latest"},
		"runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil,
	}
}

func listWorkflowJobs(c *call) (reply, error) {
	run, err := c.workflowRun()
	if err != nil {
		return reply{}, err
	}
	return listUnder(c, "jobs", run.jobs, func(check *checkRun) obj { return c.s.renderJob(c.repo, workflowJob{run, check}) })
}

const (
	maxNoticesOfStep = 10
	maxNotice        = 4096
)

// Notice has a job of a workflow run print "::notice title=TITLE::MESSAGE", with what the runner does to it: messages are
// cut, and of a step, which a job has one of here, ten notices are kept. The job begins with its first notice.
func (s *Server) Notice(repo string, id int64, job, title, message string) error {
	return s.act(repo, "app-owner", "notice", func(h *repoHandle) error {
		for _, run := range h.workflowRuns {
			if run.id != id {
				continue
			}
			check := s.job(h.repo, run, job)
			if len(check.annotations) == maxNoticesOfStep {
				return nil
			}
			message = strings.TrimSpace(message)
			if runes := []rune(message); len(runes) > maxNotice {
				message = string(runes[:maxNotice])
			}
			check.annotations = append(check.annotations, obj{
				"path": ".github", "start_line": 1, "end_line": 1, "annotation_level": "notice", "title": title, "message": message,
				"raw_details": "",
			})
			return nil
		}
		return fmt.Errorf("no workflow run %d", id)
	})
}

func (s *Server) job(r *repo, run *workflowRun, name string) *checkRun {
	for _, check := range run.jobs {
		if check.name == name {
			return check
		}
	}
	check := &checkRun{id: s.nextID(), suite: run.suite, sha: run.sha, name: name, status: "in_progress", started: s.clock()}
	run.jobs = append(run.jobs, check)
	r.runs = append(r.runs, check)
	return check
}

// endJobs ends the jobs of a run that ends.
func (s *Server) endJobs(r *repo, run *workflowRun) {
	actions := run.suite.app
	for _, check := range run.jobs {
		check.status, check.conclusion, check.completed = "completed", run.conclusion, s.clock()
		s.emitRun(r, actor{account: actions.bot, app: actions}, check, "completed", nil)
	}
}

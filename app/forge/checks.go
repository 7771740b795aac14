package forge

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

type checkRun struct {
	id                 int64
	suite              *checkSuite
	sha                plumbing.Hash
	name               string
	externalID         string
	details            string
	status, conclusion string
	started, completed time.Time
	title, summary     any // nil or string
	text               any
	annotations        []obj
	actions            []obj
}

func (s *Server) renderRun(r *repo, run *checkRun) obj {
	self := s.repoURL(r, "/check-runs/"+itoa(int(run.id)))
	details := run.details
	if details == "" {
		details = s.web("/%s/runs/%d", r.fullName(), run.id)
	}
	return obj{
		"id": run.id, "head_sha": run.sha.String(), "node_id": nodeID("CR", run.id), "external_id": run.externalID, "url": self,
		"html_url": s.web("/%s/runs/%d", r.fullName(), run.id), "details_url": details, "status": run.status, "conclusion": optString(run.conclusion),
		"started_at": optTime(run.started), "completed_at": optTime(run.completed), "name": run.name, "check_suite": obj{"id": run.suite.id},
		"app": s.renderApp(run.suite.app), "pull_requests": s.pullsAt(r, run.sha),
		"output": obj{
			"title": run.title, "summary": run.summary, "text": run.text, "annotations_count": len(run.annotations), "annotations_url": self + "/annotations",
		},
	}
}

func (s *Server) emitRun(r *repo, who actor, run *checkRun, action string, extra obj) {
	o := s.renderRun(r, run)
	suite := s.renderSuite(r, run.suite)
	delete(suite, "repository")
	o["check_suite"] = suite
	payload := obj{"action": action, "check_run": o}
	for k, v := range extra {
		payload[k] = v
	}
	s.emit(r, who, "check_run", payload)
	if status, _ := run.suite.state(r); action == "completed" && status == "completed" {
		run.suite.update = s.clock()
		s.emit(r, who, "check_suite", obj{"action": "completed", "check_suite": s.renderSuite(r, run.suite)})
	}
	if action == "completed" {
		s.autoMerge(r)
		s.advanceQueues(r)
	}
}

// latestRuns is the newest run of each App and name on a commit, newest first.
func (r *repo) latestRuns(sha plumbing.Hash) []*checkRun {
	var out []*checkRun
	for _, run := range slices.Backward(r.runs) {
		if run.sha == sha && !slices.ContainsFunc(out, func(x *checkRun) bool { return x.name == run.name && x.suite == run.suite }) {
			out = append(out, run)
		}
	}
	return out
}

func checkRunFields() fields {
	return fields{
		"name": text, "head_sha": text, "details_url": text, "external_id": text, "started_at": text, "completed_at": text,
		"status":     oneOf("queued", "in_progress", "completed"),
		"conclusion": oneOf("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"),
		"output":     jsonObject, "actions": jsonObjects,
	}
}

func createCheckRun(c *call) (reply, error) {
	want := checkRunFields()
	want["name"], want["head_sha"] = text.must(), text.must()
	in, err := c.input(want)
	if err != nil {
		return reply{}, err
	}
	sha := plumbing.NewHash(in.str("head_sha"))
	if kind, found := c.repo.git.kind(sha); !plumbing.IsHash(in.str("head_sha")) || !found || kind != plumbing.CommitObject {
		return reply{}, unprocessable("No commit found for SHA: %s", in.str("head_sha"))
	}
	run := &checkRun{sha: sha, status: "queued", started: c.s.clock()}
	if err := c.applyRun(run, in); err != nil {
		return reply{}, err
	}
	branch := ""
	if pulls := c.s.pullsAt(c.repo, sha); len(pulls) > 0 {
		branch = pulls[0]["head"].(obj)["ref"].(string)
	}
	run.id, run.suite = c.s.nextID(), c.s.suite(c.repo, c.actor.app, sha, branch)
	c.repo.runs = append(c.repo.runs, run)
	c.s.emitRun(c.repo, c.actor, run, "created", nil)
	if run.status == "completed" {
		c.s.emitRun(c.repo, c.actor, run, "completed", nil)
	}
	return created(c.s.renderRun(c.repo, run))
}

func (c *call) checkRun() (*checkRun, error) {
	id, err := c.number("check_run_id")
	if err != nil {
		return nil, err
	}
	for _, run := range c.repo.runs {
		if run.id == id {
			return run, nil
		}
	}
	return nil, notFound()
}

func getCheckRun(c *call) (reply, error) {
	run, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	return ok(c.s.renderRun(c.repo, run))
}

func updateCheckRun(c *call) (reply, error) {
	run, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	want := checkRunFields()
	delete(want, "head_sha")
	in, err := c.input(want)
	if err != nil {
		return reply{}, err
	}
	if run.suite.app != c.actor.app {
		return reply{}, fail(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", c.actor.app.id)
	}
	was := run.status
	if err := c.applyRun(run, in); err != nil {
		return reply{}, err
	}
	if run.status == "completed" && was != "completed" {
		c.s.emitRun(c.repo, c.actor, run, "completed", nil)
	}
	return ok(c.s.renderRun(c.repo, run))
}

// applyRun checks the whole body before it changes anything.
func (c *call) applyRun(run *checkRun, in input) error {
	output := in.object("output")
	if err := checkOutput(output); err != nil {
		return err
	}
	if err := checkActions(in.objects("actions")); err != nil {
		return err
	}
	if in.str("status") == "completed" && in.str("conclusion") == "" {
		return unprocessable("Invalid request.\n\n\"conclusion\" wasn't supplied.")
	}
	next := *run
	for key, to := range map[string]*time.Time{"started_at": &next.started, "completed_at": &next.completed} {
		if !in.has(key) {
			continue
		}
		t, err := time.Parse(time.RFC3339, in.str(key))
		if err != nil {
			return unprocessable("Invalid request.\n\nFor 'properties/%s', %q is not a valid date-time.", key, in.str(key))
		}
		*to = t
	}
	for key, to := range map[string]*string{"name": &next.name, "external_id": &next.externalID, "details_url": &next.details, "status": &next.status} {
		if in.has(key) {
			*to = in.str(key)
		}
	}
	if in.has("details_url") && !strings.HasPrefix(next.details, "http://") && !strings.HasPrefix(next.details, "https://") {
		return invalid("CheckRun", "details_url", "custom", "details_url must use http or https scheme")
	}
	switch {
	case in.has("conclusion"): // implies completed
		next.status, next.conclusion = "completed", in.str("conclusion")
		if next.completed.IsZero() {
			next.completed = c.s.clock()
		}
	case in.has("status") && next.status != "completed":
		next.conclusion, next.completed = "", time.Time{}
	}
	if output != nil {
		for key, to := range map[string]*any{"title": &next.title, "summary": &next.summary, "text": &next.text} {
			if output.has(key) {
				*to = output[key]
			}
		}
		for _, a := range output.objects("annotations") {
			next.annotations = append(next.annotations, obj(a))
		}
	}
	if in.has("actions") {
		next.actions = mapSlice(in.objects("actions"), func(a input) obj { return obj(a) })
	}
	*run = next
	return nil
}

func listCheckRunsForRef(c *call) (reply, error) {
	h, err := c.refCommit()
	if err != nil {
		return reply{}, err
	}
	runs := c.repo.latestRuns(h)
	if c.query.Get("filter") == "all" {
		runs = nil
		for _, run := range slices.Backward(c.repo.runs) {
			if run.sha == h {
				runs = append(runs, run)
			}
		}
	}
	runs = slices.DeleteFunc(runs, func(run *checkRun) bool {
		name, status, appID := c.query.Get("check_name"), c.query.Get("status"), c.query.Get("app_id")
		return name != "" && run.name != name || status != "" && run.status != status || appID != "" && appID != itoa(int(run.suite.app.id))
	})
	return listUnder(c, "check_runs", runs, func(run *checkRun) obj { return c.s.renderRun(c.repo, run) })
}

func listAnnotations(c *call) (reply, error) {
	run, err := c.checkRun()
	if err != nil {
		return reply{}, err
	}
	return list(c, run.annotations, func(a obj) obj {
		o := obj{"start_column": nil, "end_column": nil, "title": nil, "raw_details": nil, "blob_href": c.s.web("/%s/blob/%s/%v", c.repo.fullName(), run.sha, a["path"])}
		for k, v := range a {
			o[k] = v
		}
		return o
	})
}

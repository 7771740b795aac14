package forge

import (
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// GitHub's limits for check runs.
const (
	maxOutputText      = 65_535
	maxAnnotations     = 50 // per request
	maxActions         = 3
	maxActionLabel     = 20
	maxActionDesc      = 40
	maxActionID        = 20
	maxAnnotationTitle = 255
	maxAnnotationText  = 64 << 10
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

type checkSuite struct {
	id              int64
	app             *app
	sha             plumbing.Hash
	branch          string
	before          plumbing.Hash
	created, update time.Time
}

// suite returns the App's suite on a commit, opening it on first use.
func (s *Server) suite(r *repo, a *app, sha plumbing.Hash, branch string) *checkSuite {
	for _, cs := range r.suites {
		if cs.app == a && cs.sha == sha {
			return cs
		}
	}
	cs := &checkSuite{id: s.nextID(), app: a, sha: sha, branch: branch, created: s.clock(), update: s.clock()}
	r.suites = append(r.suites, cs)
	return cs
}

// requestSuites follows a push: every App with checks:write gets a suite, asked for or not.
func (s *Server) requestSuites(r *repo, who actor, branch string, m refMove) {
	if s.app.permissions["checks"] != "write" || s.installationFor(r) == nil {
		return
	}
	if slices.ContainsFunc(r.suites, func(cs *checkSuite) bool { return cs.app == s.app && cs.sha == m.after }) {
		return
	}
	cs := s.suite(r, s.app, m.after, branch)
	cs.before = m.before
	s.emit(r, who, "check_suite", obj{"action": "requested", "check_suite": s.renderSuite(r, cs)})
}

func (cs *checkSuite) runs(r *repo) []*checkRun {
	var out []*checkRun
	for _, run := range r.runs {
		if run.suite == cs {
			out = append(out, run)
		}
	}
	return out
}

// state sums up the suite: done when all its runs are, and then as bad as the worst.
func (cs *checkSuite) state(r *repo) (status string, conclusion any) {
	runs := cs.runs(r)
	if len(runs) == 0 {
		return "queued", nil
	}
	rank := []string{"success", "skipped", "neutral", "action_required", "cancelled", "timed_out", "failure"}
	worst := 0
	for _, run := range runs {
		if run.status != "completed" {
			return "in_progress", nil
		}
		worst = max(worst, slices.Index(rank, run.conclusion))
	}
	return "completed", rank[worst]
}

func (s *Server) renderSuite(r *repo, cs *checkSuite) obj {
	status, conclusion := cs.state(r)
	self := s.repoURL(r, "/check-suites/"+itoa(int(cs.id)))
	o := obj{
		"id": cs.id, "node_id": nodeID("CS", cs.id), "head_branch": optString(cs.branch), "head_sha": cs.sha.String(), "status": status,
		"conclusion": conclusion, "url": self, "before": cs.before.String(), "after": cs.sha.String(), "pull_requests": s.pullsAt(r, cs.sha),
		"app": s.renderApp(cs.app), "created_at": timestamp(cs.created), "updated_at": timestamp(cs.update), "rerequestable": true,
		"latest_check_runs_count": len(cs.runs(r)), "check_runs_url": self + "/check-runs", "repository": s.renderRepo(r),
	}
	if c, err := r.git.commit(cs.sha); err == nil {
		o["head_commit"] = obj{
			"id": cs.sha.String(), "tree_id": c.TreeHash.String(), "message": c.Message, "timestamp": timestamp(c.Committer.When),
			"author":    obj{"name": c.Author.Name, "email": c.Author.Email},
			"committer": obj{"name": c.Committer.Name, "email": c.Committer.Email},
		}
	}
	return o
}

// pullsAt lists the open pull requests with a head, in the short form that checks carry.
func (s *Server) pullsAt(r *repo, sha plumbing.Hash) []obj {
	out := []obj{}
	end := func(ref string, h plumbing.Hash) obj {
		return obj{"ref": ref, "sha": h.String(), "repo": obj{"id": r.id, "url": s.repoURL(r, ""), "name": r.name}}
	}
	for _, p := range r.pulls() {
		if p.headSHA == sha && p.issue.state == "open" {
			out = append(out, obj{
				"id": p.id, "number": p.issue.number, "url": s.repoURL(r, "/pulls/"+itoa(p.issue.number)),
				"head": end(p.headRef, p.headSHA), "base": end(p.baseRef, p.baseSHA),
			})
		}
	}
	return out
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

func checkOutput(output input) error {
	if output == nil {
		return nil
	}
	want := fields{"title": text.must(), "summary": text.must(), "text": text, "annotations": jsonObjects, "images": jsonObjects}
	if err := want.check(output, "properties/output"); err != nil {
		return err
	}
	for _, key := range []string{"summary", "text"} {
		if utf8.RuneCountInString(output.str(key)) > maxOutputText {
			return invalid("CheckRun", key, "custom", key+" exceeds a maximum of 65535 characters")
		}
	}
	annotations := output.objects("annotations")
	if len(annotations) > maxAnnotations {
		return unprocessable("Invalid request.\n\nNo more than 50 items are allowed; %d were supplied.", len(annotations))
	}
	for _, a := range annotations {
		want := fields{
			"path": text.must(), "start_line": integer.must(), "end_line": integer.must(), "start_column": integer, "end_column": integer,
			"annotation_level": oneOf("notice", "warning", "failure").must(), "message": text.must(), "title": text, "raw_details": text,
		}
		if err := want.check(a, "properties/output/properties/annotations/items"); err != nil {
			return err
		}
		if a.has("start_column") && a.int("start_line") != a.int("end_line") {
			return invalid("CheckAnnotation", "start_column", "custom", "columns are only allowed when start_line and end_line are equal")
		}
		if utf8.RuneCountInString(a.str("title")) > maxAnnotationTitle || len(a.str("message")) > maxAnnotationText || a.int("end_line") < a.int("start_line") {
			return invalid("CheckAnnotation", "message", "invalid", "")
		}
	}
	return nil
}

func checkActions(actions []input) error {
	if len(actions) > maxActions {
		return unprocessable("Invalid request.\n\nNo more than 3 items are allowed; %d were supplied.", len(actions))
	}
	want := fields{"label": text.must(), "description": text.must(), "identifier": text.must()}
	for _, a := range actions {
		if err := want.check(a, "properties/actions/items"); err != nil {
			return err
		}
		for key, limit := range map[string]int{"label": maxActionLabel, "description": maxActionDesc, "identifier": maxActionID} {
			if utf8.RuneCountInString(a.str(key)) > limit {
				return unprocessable("Invalid request.\n\nOnly %d characters are allowed; %d were supplied.", limit, utf8.RuneCountInString(a.str(key)))
			}
		}
	}
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

func listCheckSuites(c *call) (reply, error) {
	h, err := c.refCommit()
	if err != nil {
		return reply{}, err
	}
	var out []*checkSuite
	for _, cs := range c.repo.suites {
		if appID := c.query.Get("app_id"); cs.sha == h && (appID == "" || appID == itoa(int(cs.app.id))) {
			out = append(out, cs)
		}
	}
	return listUnder(c, "check_suites", out, func(cs *checkSuite) obj { return c.s.renderSuite(c.repo, cs) })
}

func getCheckSuite(c *call) (reply, error) {
	id, err := c.number("check_suite_id")
	if err != nil {
		return reply{}, err
	}
	for _, cs := range c.repo.suites {
		if cs.id == id {
			return ok(c.s.renderSuite(c.repo, cs))
		}
	}
	return reply{}, notFound()
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

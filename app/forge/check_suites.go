package forge

import (
	"slices"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

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

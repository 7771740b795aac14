package forge

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// route is one REST endpoint. A parameter written {name...} may contain slashes.
type route struct {
	method   string
	template string
	access   access
	handler  handler
}

func (s *Server) table() []route {
	var t []route
	app := func(method, path string, h handler) {
		t = append(t, route{method, path, access{kind: asApp}, h})
	}
	add := func(method, path, perms string, h handler) {
		t = append(t, route{method, path, access{permissions: parsePermissions(perms)}, h})
	}
	repo := func(method, path, perms string, h handler) {
		acc := access{needRepo: true, permissions: parsePermissions(perms)}
		t = append(t, route{method, "/repos/{owner}/{repo}" + path, acc, h})
	}
	t = append(t,
		route{"GET", "/meta", access{kind: anyone}, getMeta},
		route{"GET", "/rate_limit", access{alsoApp: true}, getRateLimit},
		route{"GET", "/users/{username}", access{alsoApp: true}, getUser},
		route{"GET", "/repos/{owner}/{repo}/installation", access{kind: asApp, needRepo: true}, getRepoInstallation},
	)
	app("GET", "/app", getApp)
	app("GET", "/app/installations", listInstallations)
	app("GET", "/app/installations/{installation_id}", getInstallation)
	app("POST", "/app/installations/{installation_id}/access_tokens", createToken)
	app("GET", "/app/hook/deliveries", listDeliveries)
	app("GET", "/app/hook/deliveries/{delivery_id}", getDelivery)
	app("POST", "/app/hook/deliveries/{delivery_id}/attempts", redeliver)
	add("GET", "/installation/repositories", "metadata:read", listInstallationRepos)
	add("GET", "/orgs/{org}/teams/{team_slug}/memberships/{username}", "members:read", getTeamMembership)

	add("GET", "/search/issues", "issues:read|pull_requests:read", searchIssues)

	repo("GET", "", "metadata:read", getRepo)
	repo("GET", "/collaborators/{username}", "metadata:read", isCollaborator)
	repo("GET", "/collaborators/{username}/permission", "metadata:read", getPermission)

	repo("GET", "/branches", "contents:read", listBranches)
	repo("GET", "/branches/{branch...}", "contents:read", getBranch)
	repo("GET", "/branches/{branch...}/protection", "administration:read", getBranchProtection)
	repo("GET", "/rules/branches/{branch...}", "metadata:read", getBranchRules)
	repo("GET", "/tags", "contents:read", listTags)
	repo("GET", "/git/ref/{ref...}", "contents:read", getRef)
	repo("GET", "/git/matching-refs/{ref...}", "contents:read", matchingRefs)
	repo("POST", "/git/refs", "contents:write", createRef)
	repo("PATCH", "/git/refs/{ref...}", "contents:write", updateRef)
	repo("DELETE", "/git/refs/{ref...}", "contents:write", deleteRef)
	repo("GET", "/git/commits/{commit_sha}", "contents:read", getGitCommit)
	repo("POST", "/git/commits", "contents:write", createGitCommit)
	repo("GET", "/git/trees/{tree_sha...}", "contents:read", getTree)
	repo("POST", "/git/trees", "contents:write", createTree)
	repo("GET", "/git/blobs/{file_sha}", "contents:read", getBlob)
	repo("POST", "/git/blobs", "contents:write", createBlob)
	repo("GET", "/git/tags/{tag_sha}", "contents:read", getTag)
	repo("POST", "/git/tags", "contents:write", createTag)
	repo("GET", "/contents", "contents:read", getContents)
	repo("GET", "/contents/{path...}", "contents:read", getContents)
	repo("PUT", "/contents/{path...}", "contents:write", putContents)
	repo("GET", "/compare/{basehead...}", "contents:read", compare)
	repo("GET", "/commits", "contents:read", listCommits)
	repo("GET", "/commits/{ref...}", "contents:read", getCommit)
	repo("GET", "/commits/{commit_sha}/pulls", "pull_requests:read|contents:read", commitPulls)
	repo("GET", "/commits/{ref...}/check-runs", "checks:read", listCheckRunsForRef)
	repo("GET", "/commits/{ref...}/check-suites", "checks:read", listCheckSuites)
	repo("GET", "/commits/{ref...}/status", "statuses:read", combinedStatus)
	repo("GET", "/commits/{ref...}/statuses", "statuses:read", listStatuses)
	repo("POST", "/statuses/{sha}", "statuses:write", createStatus)
	repo("POST", "/merges", "contents:write", mergeBranches)

	repo("POST", "/check-runs", "checks:write", createCheckRun)
	repo("GET", "/check-runs/{check_run_id}", "checks:read", getCheckRun)
	repo("PATCH", "/check-runs/{check_run_id}", "checks:write", updateCheckRun)
	repo("GET", "/check-runs/{check_run_id}/annotations", "checks:read", listAnnotations)
	repo("GET", "/check-suites/{check_suite_id}", "checks:read", getCheckSuite)

	repo("GET", "/pulls", "pull_requests:read", listPulls)
	repo("POST", "/pulls", "pull_requests:write", createPull)
	repo("GET", "/pulls/{pull_number}", "pull_requests:read|contents:read", getPull)
	repo("PATCH", "/pulls/{pull_number}", "pull_requests:write", updatePull)
	repo("PUT", "/pulls/{pull_number}/merge", "contents:write", mergePull)
	repo("GET", "/pulls/{pull_number}/merge", "contents:read", isMerged)
	repo("PUT", "/pulls/{pull_number}/update-branch", "pull_requests:write", updatePullBranch)
	repo("GET", "/pulls/{pull_number}/files", "pull_requests:read", listPullFiles)
	repo("GET", "/pulls/{pull_number}/commits", "pull_requests:read", listPullCommits)
	repo("GET", "/pulls/{pull_number}/reviews", "pull_requests:read", listReviews)
	repo("POST", "/pulls/{pull_number}/reviews", "pull_requests:write", createReview)
	repo("GET", "/pulls/{pull_number}/requested_reviewers", "pull_requests:read", getRequestedReviewers)
	repo("POST", "/pulls/{pull_number}/requested_reviewers", "pull_requests:write", requestReviewers)

	repo("GET", "/issues", "issues:read", listIssues)
	repo("POST", "/issues", "issues:write", createIssue)
	repo("GET", "/issues/{issue_number}", "issues:read|pull_requests:read", getIssue)
	repo("PATCH", "/issues/{issue_number}", "issues:write|pull_requests:write", updateIssue)
	repo("GET", "/issues/{issue_number}/comments", "issues:read|pull_requests:read", listComments)
	repo("POST", "/issues/{issue_number}/comments", "issues:write", createComment)
	repo("GET", "/issues/comments/{comment_id}", "issues:read|pull_requests:read", getComment)
	repo("PATCH", "/issues/comments/{comment_id}", "issues:write", updateComment)
	repo("DELETE", "/issues/comments/{comment_id}", "issues:write", deleteComment)
	repo("GET", "/issues/{issue_number}/labels", "issues:read|pull_requests:read", listLabels)
	repo("POST", "/issues/{issue_number}/labels", "issues:write|pull_requests:write", addLabels)
	repo("DELETE", "/issues/{issue_number}/labels/{name}", "issues:write|pull_requests:write", removeLabel)
	repo("POST", "/issues/{issue_number}/assignees", "issues:write|pull_requests:write", addAssignees)
	repo("GET", "/issues/{issue_number}/reactions", "issues:read|pull_requests:read", listIssueReactions)
	repo("POST", "/issues/{issue_number}/reactions", "issues:write|pull_requests:write", reactToIssue)
	repo("GET", "/issues/comments/{comment_id}/reactions", "issues:read|pull_requests:read", listCommentReactions)
	repo("POST", "/issues/comments/{comment_id}/reactions", "issues:write|pull_requests:write", reactToComment)

	repo("GET", "/deployments", "deployments:read", listDeployments)
	repo("POST", "/deployments", "deployments:write", createDeployment)
	repo("GET", "/deployments/{deployment_id}", "deployments:read", getDeployment)
	repo("GET", "/deployments/{deployment_id}/statuses", "deployments:read", listDeploymentStatuses)
	repo("POST", "/deployments/{deployment_id}/statuses", "deployments:write", createDeploymentStatus)
	repo("GET", "/actions/workflows/{workflow_id}", "actions:read", getWorkflow)
	repo("POST", "/actions/workflows/{workflow_id}/dispatches", "actions:write", dispatchWorkflow)
	repo("GET", "/actions/workflows/{workflow_id}/runs", "actions:read", listWorkflowRuns)
	repo("GET", "/actions/runs/{run_id}", "actions:read", getWorkflowRun)
	repo("GET", "/actions/runs/{run_id}/jobs", "actions:read", listWorkflowJobs)
	repo("POST", "/actions/runs/{run_id}/cancel", "actions:write", cancelWorkflowRun)
	repo("GET", "/environments", "actions:read", listEnvironments)
	repo("GET", "/environments/{environment_name}", "actions:read", getEnvironment)
	return t
}

// routes builds the router. chi's parameters stop at a slash, while refs, paths and branches may hold some, so routes
// with a {name...} are grouped under their prefix as a wildcard and told apart by what follows the parameter.
func (s *Server) routes() chi.Router {
	root := chi.NewRouter()
	root.Post("/api/graphql", s.serveGraphQL)
	root.HandleFunc("/{owner}/{repo}/info/refs", s.serveGit)
	root.HandleFunc("/{owner}/{repo}/git-upload-pack", s.serveGit)
	root.HandleFunc("/{owner}/{repo}/git-receive-pack", s.serveGit)

	api := chi.NewRouter()
	missing := route{access: access{kind: anyone}, handler: func(*call) (reply, error) { return reply{}, notFound() }}
	unknown := func(w http.ResponseWriter, r *http.Request) { s.serve(missing, nil, w, r) }
	api.NotFound(unknown)
	api.MethodNotAllowed(unknown)
	wild := map[string][]route{}
	for _, rt := range s.table() {
		prefix, _, hasWild := strings.Cut(rt.template, "...}")
		if !hasWild {
			api.Method(rt.method, rt.template, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(rt, nil, w, r) }))
			continue
		}
		prefix = prefix[:strings.LastIndexByte(prefix, '{')]
		key := rt.method + " " + prefix
		wild[key] = append(wild[key], rt)
	}
	for key, group := range wild {
		method, prefix, _ := strings.Cut(key, " ")
		slices.SortFunc(group, func(a, b route) int { return len(b.template) - len(a.template) })
		api.Method(method, prefix+"*", s.serveWild(group, unknown))
	}
	root.Mount("/api/v3", api)
	root.NotFound(unknown)
	return root
}

func (s *Server) serveWild(group []route, unknown http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rest := pathParam(r, "*")
		for _, rt := range group {
			prefix, suffix, _ := strings.Cut(rt.template, "...}")
			name := prefix[strings.LastIndexByte(prefix, '{')+1:]
			value, found := strings.CutSuffix(rest, suffix)
			if !found || value == "" {
				continue
			}
			display := rt
			display.template = strings.Replace(rt.template, "...}", "}", 1)
			s.serve(display, map[string]string{name: value}, w, r)
			return
		}
		unknown(w, r)
	}
}

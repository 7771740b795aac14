package ghapp

import "strings"

// route returns a path with its names and numbers taken out, so that it can label a
// metric: "repos/{}/{}/pulls/{}".
func route(path string) string {
	var out []string
	for i, part := range strings.Split(strings.Trim(path, "/"), "/") {
		if len(out) > 0 && out[len(out)-1] == "{}" && i > 3 && !isWord(part) {
			continue // a name with slashes is one name
		}
		if !isWord(part) || len(out) > 0 && out[0] == "repos" && i < 3 {
			part = "{}"
		}
		out = append(out, part)
	}
	return strings.Join(out, "/")
}

// isWord knows the words of the paths that this package asks for. Everything
// else in a path is a name or a number.
func isWord(part string) bool {
	switch part {
	case "access_tokens", "actions", "annotations", "app", "assignees", "attempts", "blobs", "branches", "cancel", "check-runs", "collaborators",
		"comments", "commits", "deliveries", "deployments", "dispatches", "git", "heads", "hook", "installation", "installations", "issues", "jobs", "labels",
		"memberships", "merge", "orgs", "permission", "pulls", "reactions", "ref", "refs", "repos", "repositories",
		"requested_reviewers", "reviews", "rules", "runs", "search", "status", "statuses", "teams", "trees", "workflows":
		return true
	}
	return false
}

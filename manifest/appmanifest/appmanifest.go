// Package appmanifest describes the GitHub App that kargo needs: its permissions,
// with the reason for each, and its events. It is the single place that lists
// them; the manifest that creates an App and the operations guide follow from it.
//
// It is pure and calls nothing.
package appmanifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Permission is one permission of the App.
type Permission struct {
	// Name is GitHub's key for it, Level read or write.
	Name, Level string
	// Why says what it is for.
	Why string
}

// Permissions returns what the App asks for, and nothing more.
func Permissions() []Permission {
	return []Permission{
		{"metadata", "read", "mandatory for every App; the permission of somebody who comments"},
		{"contents", "write", "read the repository, commit, create and delete the promotion's branch, merge"},
		{"pull_requests", "write", "open and merge promotion pull requests; their events"},
		{"issues", "write", "read and answer comments, reactions, labels; the issues of promotion steps"},
		{"checks", "write", "the check runs kargo / config and kargo / promotion; required checks"},
		{"statuses", "read", "required statuses"},
		{"deployments", "write", "one Deployment for each Promotion; Deployments of others that Verifications wait for"},
		{"actions", "write", "dispatch the workflows of Verifications and promotion steps, see how they end, cancel them"},
		{"packages", "read", "events about new container images"},
		{"merge_queues", "read", "events about merge queues, so that a required check of the App does not hold one up"},
		{"members", "read", "teams in access and approvals"},
	}
}

// Events returns the events that the App subscribes to, sorted. GitHub sends
// installation and installation_repositories always; check_run and check_suite
// follow from the checks permission.
func Events() []string {
	events := []string{
		"check_run", "check_suite", "deployment_status", "issue_comment", "issues", "merge_group", "package", "pull_request", "pull_request_review",
		"push", "registry_package", "repository", "status", "workflow_run",
	}
	slices.Sort(events)
	return events
}

// Manifest returns the JSON that GitHub's App manifest flow takes. name is what
// people see, url where kargo is reached. Without a URL that GitHub can reach the
// webhook is left out, because GitHub refuses the manifest otherwise.
func Manifest(name, url string) ([]byte, error) {
	if strings.TrimSpace(name) == "" || !strings.HasPrefix(url, "https://") {
		return nil, fmt.Errorf("an App manifest needs a name and an https URL, got %q and %q", name, url)
	}
	permissions := map[string]string{}
	for _, p := range Permissions() {
		permissions[p.Name] = p.Level
	}
	url = strings.TrimSuffix(url, "/")
	return json.MarshalIndent(map[string]any{
		"name":                name,
		"url":                 url,
		"public":              false,
		"hook_attributes":     map[string]any{"url": url + "/webhooks/github", "active": true},
		"default_permissions": permissions,
		"default_events":      Events(),
	}, "", "  ")
}

// Table renders the permissions and events as Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| Permission | Level | For |\n|---|---|---|\n")
	for _, p := range Permissions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Name, p.Level, p.Why)
	}
	fmt.Fprintf(&b, "\nEvents: `%s`.\n", strings.Join(Events(), "`, `"))
	return b.String()
}

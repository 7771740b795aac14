package pipeline

import "fmt"

// WorkflowRunEvent is the wake key of one run of a GitHub Actions workflow.
func WorkflowRunEvent(id int64) string { return fmt.Sprintf("workflow-run/%d", id) }

// DeploymentEvent is the wake key of Deployments of one commit.
func DeploymentEvent(sha string) string { return "deployment/" + sha }

// IssueEvent is the wake key of everything that happens to one issue.
func IssueEvent(r Repo, number int) string { return fmt.Sprintf("issue/%s/%d", r.Slug(), number) }

// BranchEvent is the wake key of pushes to one branch.
func BranchEvent(r Repo, branch string) string { return fmt.Sprintf("branch/%s/%s", r.Slug(), branch) }

package pipeline

import (
	"fmt"
	"strings"
)

// Repo names a repository on the GitHub host that the App serves.
type Repo struct {
	// ID is GitHub's numeric repository id; it survives renames and is the key
	// of everything stored.
	ID int64 `json:"id"`
	// Owner and Name are the current names; they change on rename and transfer.
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// String returns "owner/name".
func (r Repo) String() string { return r.Owner + "/" + r.Name }

// Slug returns the lower-case "owner/name" under which names are compared;
// GitHub treats both parts without regard to case.
func (r Repo) Slug() string { return strings.ToLower(r.String()) }

// PullEvent is the wake key of everything that happens to one pull request.
func PullEvent(r Repo, number int) string {
	return fmt.Sprintf("pull/%s/%d", r.Slug(), number)
}

// CommitEvent is the wake key of checks and statuses on one commit.
func CommitEvent(sha string) string { return "commit/" + sha }

package step

import (
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// PatchOutput is the output of patch.
type PatchOutput struct {
	CommitMessage  string          `json:"commitMessage,omitempty" doc:"what was promoted, for git-commit"`
	Changes        []PatchChange   `json:"changes,omitempty" doc:"what became different in the target; at most 100"`
	ChangesOmitted int             `json:"changesOmitted,omitempty" doc:"how many more"`
	Drift          []PatchDrift    `json:"drift,omitempty" doc:"what somebody had edited by hand; at most 20"`
	DriftOmitted   int             `json:"driftOmitted,omitempty" doc:"how much more"`
	DecidedBy      string          `json:"decidedBy,omitempty" doc:"login of who answered what becomes of it"`
	Since          string          `json:"since,omitempty" doc:"the Promotion that published the target last; empty when this is the first"`
	Note           string          `json:"note,omitempty" doc:"why nothing counts as edited by hand in a part of the target"`
	Adopted        []PatchAdoption `json:"adopted,omitempty" doc:"what stays as people made it"`
	Targets        []PatchTarget   `json:"targets,omitempty" doc:"where the items were promoted to"`
	Asked          *PatchAsked     `json:"asked,omitempty" doc:"what drift was asked about last"`

	Question *pipeline.Question `json:"question,omitempty" doc:"what is asked, while it is"`
}

// PatchChange is one value or file that became different.
type PatchChange struct {
	Change string `json:"change" doc:"set, added, modified, deleted or renamed"`
	Path   string `json:"path" doc:"path in the target's repository"`
	Key    string `json:"key,omitempty" doc:"address of a value"`
	Old    string `json:"old,omitempty" doc:"the value before, or the path that a file was renamed from"`
	New    string `json:"new,omitempty" doc:"the value now"`
	From   string `json:"from" doc:"path in the source's repository"`
}

// PatchDrift is one value or file that was edited by hand.
type PatchDrift struct {
	Path string `json:"path" doc:"path in the target's repository"`
	Key  string `json:"key,omitempty" doc:"address of a value"`
	// Of files these say only what is to be seen in a list.
	Published string `json:"published" doc:"the value as it was published last, or for a file whether it was there"`
	Found     string `json:"found" doc:"the value as it was edited, or what was done to the file"`
	Promoted  string `json:"promoted" doc:"the value that is to be promoted, or what that does to the file"`

	Diff    string        `json:"diff,omitempty" doc:"what was edited in a file; at most 2 KiB"`
	Commits []PatchCommit `json:"commits,omitempty" doc:"the commits that did it, newest first; at most 3"`
	Action  OnDrift       `json:"action" doc:"ask, overwrite or adopt"`
	// Before is set when people had decided on the same edit before.
	Before string `json:"before,omitempty" doc:"the Promotion in which the same edit was adopted before"`
}

// PatchCommit is a commit that edited a target.
type PatchCommit struct {
	ID      string    `json:"id" doc:"its name"`
	URL     string    `json:"url,omitempty" doc:"where to look at it"`
	Author  string    `json:"author,omitempty" doc:"login, or name of who has none"`
	At      time.Time `json:"at,omitzero" doc:"when it was made"`
	Subject string    `json:"subject,omitempty" doc:"first line of its message"`
}

// PatchAdoption is an edit that stays for as long as the source stays what it is.
type PatchAdoption struct {
	Repo   string `json:"repo,omitempty" doc:"OWNER/NAME of the target's repository"`
	Branch string `json:"branch,omitempty" doc:"branch of the target"`
	Path   string `json:"path" doc:"path in the repository"`
	Key    string `json:"key,omitempty" doc:"address of a value"`
	// Digests, because a value may be long.
	Adopted  string `json:"adopted" doc:"digest of what is kept"`
	Promoted string `json:"promoted" doc:"digest of what the source has instead"`
	Was      string `json:"was,omitempty" doc:"what was published before the edit, as in drift"`
	In       string `json:"in" doc:"the Promotion in which it was decided"`
	By       string `json:"by,omitempty" doc:"login of who decided; empty when onDrift did"`
	// Commit spares looking for it again, further back than what is published.
	Commit *PatchCommit `json:"commit,omitempty" doc:"the commit that made the edit, if it is known"`
}

// PatchTarget says where an item was promoted to.
type PatchTarget struct {
	Checkout string `json:"checkout" doc:"path of the checkout in the workspace"`
	Repo     string `json:"repo,omitempty" doc:"OWNER/NAME of the repository"`
	Branch   string `json:"branch,omitempty" doc:"branch that is checked out"`
	Path     string `json:"path" doc:"path in the repository"`
	Key      string `json:"key,omitempty" doc:"address of a value"`
}

// PatchAsked is a question that was asked.
type PatchAsked struct {
	Drift string    `json:"drift" doc:"digest of the drift that was shown"`
	At    time.Time `json:"at" doc:"since when it is"`
}

package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// CommitConfig configures git-commit.
type CommitConfig struct {
	Path    string  `json:"path" doc:"the path of a checkout"`
	Message string  `json:"message" doc:"the commit message; trailers that name the Promotion are appended"`
	Author  *Author `json:"author,omitempty" doc:"who authored the commit; default the author of git-clone, else the App. GitHub shows only commits of the App as verified"`
}

// CommitOutput is the output of git-commit.
type CommitOutput struct {
	Commit        string       `json:"commit" doc:"the new commit, or the one that was there when nothing changed"`
	Files         []FileChange `json:"files,omitempty" doc:"what changed; at most 300 files"`
	FilesOmitted  int          `json:"filesOmitted,omitempty" doc:"how many more files changed"`
	Diff          string       `json:"diff,omitempty" doc:"unified diff, at most 32 KiB"`
	DiffTruncated bool         `json:"diffTruncated,omitempty" doc:"whether the diff was cut"`
}

func gitCommit() Definition {
	return Define("git-commit", Workspace, Doc{
		Summary: `Commits every change in a checkout.

When there is no difference the step is Skipped, and its output still names the
newest commit. The commit is made by the App, so that GitHub shows it as verified,
unless an author is named; see ` + "`github-push`" + `. No branch points at it before it is pushed.`,
		Example: `
uses: git-commit
as: commit
config:
  path: src
  message: ${{ outputs.update.commitMessage }}
`,
	}, runGitCommit)
}

// Validate implements the rule that a commit says something.
func (c CommitConfig) Validate() error {
	if strings.TrimSpace(c.Message) == "" {
		return errors.New("message must not be empty")
	}
	return nil
}

func runGitCommit(ctx context.Context, env Env, c CommitConfig) (CommitOutput, error) {
	co, err := env.Workspace.Checkout(c.Path)
	if err != nil {
		return CommitOutput{}, fmt.Errorf("commit: %w", err)
	}
	author := cmp.Or(c.Author.person(), co.Author)
	made, err := co.Commit(ctx, withTrailers(c.Message, env.Promotion), author)
	if errors.Is(err, tree.ErrNoDifference) {
		var ours bool
		if made, ours = unfinished(co); !ours {
			return CommitOutput{Commit: commitName(co.Tip())}, &SkipError{Message: "nothing changed"}
		}
	} else if err != nil {
		return CommitOutput{}, fmt.Errorf("commit %s: %w", c.Path, err)
	}
	if env.Replaying {
		return recommit(co, env)
	}
	sha, err := env.Git.Commit(ctx, co)
	if err != nil {
		return CommitOutput{}, fmt.Errorf("store commit: %w", err)
	}
	id, err := tree.ParseHash(sha)
	if err != nil {
		return CommitOutput{}, fmt.Errorf("store commit: %w", err)
	}
	co.Stored(id)
	out := CommitOutput{Commit: sha}
	if err := out.describe(ctx, co.FS, made); err != nil {
		return CommitOutput{}, fmt.Errorf("describe commit %s: %w", pipeline.Short(sha), err)
	}
	return out, nil
}

// unfinished returns the pending commit that an earlier attempt made in the same
// Workspace but could not store.
func unfinished(co *tree.Checkout) (tree.Commit, bool) {
	pending := co.Pending()
	if len(pending) == 0 || !pending[len(pending)-1].ID.IsZero() {
		return tree.Commit{}, false
	}
	return pending[len(pending)-1], true
}

// recommit gives the commit that was made again the name it was stored under.
func recommit(co *tree.Checkout, env Env) (CommitOutput, error) {
	var out CommitOutput
	if err := json.Unmarshal(env.Prior, &out); err != nil {
		return out, &PermanentError{fmt.Errorf("recorded output: %w", err)}
	}
	id, err := tree.ParseHash(out.Commit)
	if err != nil {
		return out, &PermanentError{fmt.Errorf("recorded output: %w", err)}
	}
	co.Stored(id)
	return out, nil
}

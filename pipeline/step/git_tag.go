package step

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Tags reads and publishes the tags of repositories.
type Tags interface {
	// Tag returns an existing tag; ErrNotFound without one. The message of a tag
	// without annotation is empty.
	Tag(ctx context.Context, repoURL, name string) (tree.Tag, error)
	// PushTag publishes an annotated tag of the App and returns where to look at its
	// commit. A tag of that name with the same commit and message is the one that is
	// meant; another one is replaced with Force, and a *TagExistsError without.
	PushTag(ctx context.Context, repoURL string, t tree.Tag) (url string, err error)
}

// TagExistsError says that another tag has the name already.
type TagExistsError struct{ Name, Commit string }

// Error names the way out.
func (e *TagExistsError) Error() string {
	return fmt.Sprintf("tag %s exists already, at commit %s: choose another name, or set force in git-tag to replace it", e.Name, pipeline.Short(e.Commit))
}

// TagConfig configures git-tag.
type TagConfig struct {
	Path    string `json:"path" doc:"the path of a checkout"`
	Tag     string `json:"tag" doc:"name of the tag"`
	Message string `json:"message" doc:"message of the tag, which is annotated"`
	Force   bool   `json:"force,omitempty" doc:"replace a tag of that name"`
}

// TagOutput is the output of git-tag.
type TagOutput struct {
	Commit string `json:"commit" doc:"the commit that is tagged"`
}

func gitTag() Definition {
	return Define("git-tag", Workspace, Doc{
		Summary: `Makes an annotated tag on the newest commit of a checkout, in the App's name.

It is published by ` + "`git-push`" + ` with ` + "`tag`" + `. Tag after the branch was pushed: a push may put the
commits on a newer base, which gives them other names. A tag of that name that exists
already is an error, unless it has the same commit and message, as after a retry. With
` + "`force`" + ` it is replaced, and so it is where it is published, which Kargo refuses.`,
		Example: `
uses: git-tag
as: tag
config:
  path: src
  tag: prod-${{ ctx.promotion }}
  message: Promoted to prod
`,
	}, runGitTag)
}

// Validate implements the rules beyond types.
func (c TagConfig) Validate() error {
	err := checkTag(c.Tag)
	if strings.TrimSpace(c.Message) == "" {
		err = errors.Join(err, errors.New("message must not be empty"))
	}
	return err
}

func checkTag(name string) error {
	if plumbing.NewTagReferenceName(name).Validate() != nil || strings.HasPrefix(name, "-") {
		return fmt.Errorf("tag %q is not a tag name", name)
	}
	return nil
}

func runGitTag(ctx context.Context, env Env, c TagConfig) (TagOutput, error) {
	co, err := env.Workspace.Checkout(c.Path)
	if err != nil {
		return TagOutput{}, fmt.Errorf("tag: %w", err)
	}
	t := tree.Tag{Name: c.Tag, Message: c.Message, Commit: co.Tip(), Force: c.Force}
	if env.Replaying {
		out, err := recorded[TagOutput](env)
		if err != nil {
			return out, err
		}
		if t.Commit, err = tree.ParseHash(out.Commit); err != nil {
			return out, &PermanentError{fmt.Errorf("recorded output: %w", err)}
		}
		co.SetTag(t)
		return out, nil
	}
	if t.Commit.IsZero() {
		return TagOutput{}, fmt.Errorf("tag: there is no commit at %s yet", c.Path)
	}
	if !c.Force {
		if err := free(ctx, env, co, t); err != nil {
			return TagOutput{}, err
		}
	}
	co.SetTag(t)
	return TagOutput{Commit: commitName(t.Commit)}, nil
}

// free reports whether a name is taken by another tag, here or where it will be
// published.
func free(ctx context.Context, env Env, co *tree.Checkout, t tree.Tag) error {
	if made, ok := co.Tag(t.Name); ok && !SameTag(made, t) {
		return &TagExistsError{Name: t.Name, Commit: commitName(made.Commit)}
	}
	if env.Tags == nil {
		return nil
	}
	there, err := env.Tags.Tag(ctx, co.RepoURL, t.Name)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look for tag %s: %w", t.Name, err)
	case !SameTag(there, t):
		return &TagExistsError{Name: t.Name, Commit: commitName(there.Commit)}
	}
	return nil
}

// SameTag reports whether two tags of one name say the same of the same commit. Git
// ends messages with a line break.
func SameTag(a, b tree.Tag) bool {
	return a.Commit == b.Commit && strings.TrimSpace(a.Message) == strings.TrimSpace(b.Message)
}

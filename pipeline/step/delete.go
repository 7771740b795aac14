package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// DeleteConfig configures delete.
type DeleteConfig struct {
	Path          string   `json:"path,omitempty" empty:"no" doc:"what to delete; give either this or paths"`
	Paths         []string `json:"paths,omitempty" empty:"no" doc:"what to delete"`
	PathsAreGlobs bool     `json:"pathsAreGlobs,omitempty" doc:"take the paths as patterns, in which ** stands for any directories"`
	Strict        bool     `json:"strict,omitempty" doc:"make it an error when there is nothing to delete"`
}

func deleteStep() Definition {
	return Define("delete", Workspace, Doc{
		Summary: `Deletes files and directories.

Everything is found before anything is removed. A symbolic link is removed, not
its target. A path must not hold ` + "`..`" + `, nor be the workspace itself. Deleting the path of a checkout only closes the checkout; use
` + "`git-clear`" + ` to empty it.`,
		Example: `
uses: delete
config:
  paths:
    - out/**/*.tmp
    - out/drafts
  pathsAreGlobs: true
`,
	}, runDelete)
}

// Validate implements the rules over several fields.
func (c DeleteConfig) Validate() error {
	if (c.Path == "") == (len(c.Paths) == 0) {
		return errors.New("give exactly one of path and paths")
	}
	return nil
}

func runDelete(ctx context.Context, env Env, c DeleteConfig) (none, error) {
	paths := c.Paths
	if c.Path != "" {
		paths = []string{c.Path}
	}
	var found []string
	for _, p := range paths {
		if p == "" {
			return nil, &FailedError{Err: errors.New("delete: a path is empty"), Terminal: true}
		}
		matches, err := deletable(ctx, env.Workspace, p, c.PathsAreGlobs)
		if err != nil {
			return nil, fmt.Errorf("delete %s: %w", p, err)
		}
		if c.Strict && len(matches) == 0 {
			return nil, fmt.Errorf("delete %s: %w", p, fs.ErrNotExist)
		}
		found = append(found, matches...)
	}
	for _, p := range found {
		if err := env.Workspace.RemoveAll(ctx, p); err != nil {
			return nil, fmt.Errorf("delete: %w", err)
		}
	}
	return nil, nil
}

func deletable(ctx context.Context, w *tree.Workspace, p string, glob bool) ([]string, error) {
	if hasDotDot(p) {
		return nil, errors.New(`the path must not contain ".."`)
	}
	if glob {
		matches, err := w.Glob(ctx, p)
		if errors.Is(err, doublestar.ErrBadPattern) {
			return nil, &PermanentError{err}
		}
		// The workspace itself, which ** matches, stays.
		return slices.DeleteFunc(matches, func(m string) bool { return m == "." }), err
	}
	if tree.Clean(p) == "." {
		return nil, errors.New("the workspace itself cannot be deleted")
	}
	_, err := w.Lstat(ctx, p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []string{p}, nil
}

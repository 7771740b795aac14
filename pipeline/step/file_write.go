package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// FileWriteConfig configures file-write.
type FileWriteConfig struct {
	Path        string `json:"path" empty:"no" doc:"the file, relative to the workspace"`
	Contents    string `json:"contents" doc:"what it shall hold, to the byte: no newline is added"`
	Permissions string `json:"permissions,omitempty" doc:"octal, 0NNN, default 0600; checked, but without effect here, because Git records only whether a file is executable, which is not allowed"`
	Overwrite   bool   `json:"overwrite,omitempty" doc:"replace a file that exists"`
}

func fileWrite() Definition {
	return Define("file-write", Workspace, Doc{
		Summary: `Writes a file and the directories above it.

The step fails for good if the path is absolute, leaves the workspace, reaches into
` + "`.git`" + ` or leads through a symbolic link, if the permissions would make the file executable
or writable for everybody, and if the file exists and is not to be overwritten.`,
		Example: `
uses: file-write
config:
  path: out/version.txt
  contents: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
  overwrite: true
`,
	}, runFileWrite)
}

var permissions = regexp.MustCompile(`^0[0-7]{3}$`)

// Validate implements the rules about permissions.
func (c FileWriteConfig) Validate() error {
	p := c.Permissions
	switch {
	case p == "":
	case !permissions.MatchString(p):
		return fmt.Errorf("permissions %q: want four octal digits, the first of them 0", p)
	case strings.ContainsAny(p[1:], "1357"):
		return fmt.Errorf("permissions %q must not make the file executable", p)
	case strings.ContainsAny(p[3:], "2367"):
		return fmt.Errorf("permissions %q must not make the file writable for everybody", p)
	}
	return nil
}

func runFileWrite(ctx context.Context, env Env, c FileWriteConfig) (none, error) {
	if err := c.checkPath(ctx, env.Workspace); err != nil {
		return nil, fmt.Errorf("write %s: %w", c.Path, err)
	}
	err := env.Workspace.WriteFile(ctx, c.Path, []byte(c.Contents), tree.ModeFile)
	if errors.Is(err, fs.ErrPermission) { // a .git further down
		return nil, &FailedError{Err: fmt.Errorf("write: %w", err), Terminal: true}
	}
	if err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return nil, nil
}

func (c FileWriteConfig) checkPath(ctx context.Context, w *tree.Workspace) error {
	refused := func(why string) error { return &FailedError{Err: errors.New(why), Terminal: true} }
	clean := path.Clean(c.Path)
	first, _, _ := strings.Cut(clean, "/")
	switch {
	case path.IsAbs(c.Path):
		return refused("the path must be relative to the workspace")
	case first == "..":
		return refused("the path leaves the workspace")
	case first == ".git":
		return refused("the path reaches into .git")
	}
	link, err := throughLink(ctx, w, clean)
	switch {
	case err != nil:
		return err
	case link != "":
		return refused(fmt.Sprintf("the path leads through the symbolic link %s", link))
	}
	_, err = w.Lstat(ctx, clean)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tree.ErrNotDir):
		return nil
	case err != nil:
		return err
	case !c.Overwrite:
		return refused("the file exists; set overwrite to replace it")
	}
	return nil
}

// throughLink returns the first element of a clean path that is a symbolic link,
// the last one included; empty if there is none.
func throughLink(ctx context.Context, w *tree.Workspace, clean string) (string, error) {
	at := ""
	for elem := range strings.SplitSeq(clean, "/") {
		at = path.Join(at, elem)
		info, err := w.Lstat(ctx, at)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, tree.ErrNotDir):
			return "", nil
		case err != nil:
			return "", err
		case info.Mode == tree.ModeSymlink:
			return at, nil
		}
	}
	return "", nil
}

package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kargo-app/kargo/manifest/render"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// basesDir is where repositories that kustomizations take bases of are mounted, for
// the build only.
const basesDir = ".kargo-bases"

// bases are the files of a Workspace, and beside them repositories that a build takes
// bases of. It serves one build.
type bases struct {
	fs.FS
	git    Git
	allow  func(repoURL string) bool
	remote *tree.Workspace
	other  fs.FS // those of remote
	known  map[string]string
}

var (
	_ render.Remotes = (*bases)(nil)
	_ fs.ReadFileFS  = (*bases)(nil)
	_ fs.ReadDirFS   = (*bases)(nil)
	_ fs.StatFS      = (*bases)(nil)
)

// bases returns the files to build from.
func (e Env) bases(ctx context.Context) *bases {
	remote := tree.NewWorkspace()
	return &bases{
		FS: e.Workspace.IOFS(ctx), git: e.Git, allow: e.RemoteBases,
		remote: remote, other: remote.IOFS(ctx), known: map[string]string{},
	}
}

// Mount implements [render.Remotes].
func (b *bases) Mount(ctx context.Context, repoURL, ref string) (string, error) {
	if b.allow == nil || !b.allow(repoURL) {
		return "", render.ErrRemoteNotAllowed
	}
	key := repoURL + " " + ref
	if dir, ok := b.known[key]; ok {
		return dir, nil
	}
	at := Ref{Tag: ref}
	if _, err := tree.ParseHash(ref); err == nil {
		at = Ref{Commit: ref}
	}
	c, err := b.git.Checkout(ctx, repoURL, at)
	if errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("it has no tag or commit %q, and branches move: %w", ref, err)
	}
	if err != nil {
		return "", err
	}
	dir := fmt.Sprintf("%s/%d", basesDir, len(b.known))
	if err := b.remote.Mount(ctx, dir, c); err != nil {
		return "", err
	}
	b.known[key] = dir
	return dir, nil
}

func (b *bases) of(name string) fs.FS {
	if strings.HasPrefix(name, basesDir+"/") {
		return b.other
	}
	return b.FS
}

// ReadFile implements fs.ReadFileFS.
func (b *bases) ReadFile(name string) ([]byte, error) { return fs.ReadFile(b.of(name), name) }

// ReadDir implements fs.ReadDirFS.
func (b *bases) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(b.of(name), name) }

// Stat implements fs.StatFS.
func (b *bases) Stat(name string) (fs.FileInfo, error) { return fs.Stat(b.of(name), name) }

// Prefetch makes paths readable in few round trips.
func (b *bases) Prefetch(paths ...string) error {
	here, there := []string{}, []string{}
	for _, p := range paths {
		if b.of(p) == b.other {
			there = append(there, p)
		} else {
			here = append(here, p)
		}
	}
	var errs []error
	for files, list := range map[fs.FS][]string{b.FS: here, b.other: there} {
		if p, ok := files.(interface{ Prefetch(paths ...string) error }); ok && len(list) > 0 {
			errs = append(errs, p.Prefetch(list...))
		}
	}
	return errors.Join(errs...)
}

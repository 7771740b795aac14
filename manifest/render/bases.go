package render

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// Remotes opens repositories that kustomizations take bases and components of.
type Remotes interface {
	// Mount makes a tag or commit of a repository readable among the files of the build
	// and returns the directory where it is; the same one each time. A repository that
	// may not be used is [ErrRemoteNotAllowed].
	Mount(ctx context.Context, repoURL, ref string) (dir string, err error)
}

// ErrRemoteNotAllowed is returned by [Remotes] for repositories that may not be used.
var ErrRemoteNotAllowed = errors.New("the operator of the server does not allow bases of it (KARGO_REMOTE_BASES): " +
	"commit a copy of it to the repository and name that, or check it out with git-clone and name the directory")

var errNotPinned = errors.New("it is not pinned: add ?ref= with a tag or a commit")

// base is a directory of a repository elsewhere.
type base struct{ repoURL, dir, ref string }

// parseBase reads the address of a base as kustomize writes them: over HTTPS, with the
// repository ending at "//", at ".git", or after two elements of the path. ok is false
// for everything else that kustomize would clone.
func parseBase(address string) (b base, ok bool) {
	s := strings.TrimPrefix(address, "git::")
	if strings.HasPrefix(strings.ToLower(s), "github.com/") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || u.Host == "" || u.User != nil || u.Fragment != "" {
		return base{}, false
	}
	query := u.Query()
	b.ref = cmp.Or(query.Get("ref"), query.Get("version"))
	p := strings.Trim(u.Path, "/")
	repo, dir, found := strings.Cut(p, "//")
	if !found {
		elements := strings.Split(p, "/")
		end := min(2, len(elements))
		for i, e := range elements {
			if strings.HasSuffix(e, ".git") {
				end = i + 1
				break
			}
		}
		repo, dir = strings.Join(elements[:end], "/"), strings.Join(elements[end:], "/")
	}
	repo = strings.TrimSuffix(strings.Trim(repo, "/"), ".git")
	if !strings.Contains(repo, "/") || strings.Contains(repo, "..") || !inside(dir) {
		return base{}, false
	}
	b.repoURL, b.dir = "https://"+strings.ToLower(u.Host)+"/"+repo, clean(dir)
	return b, true
}

// mount replaces bases of other repositories in a kustomization by where they are
// among the files now, and reports whether there were any.
func (s *kustomizeSource) mount(dir string, k *types.Kustomization, at locator) (changed bool, err error) {
	if s.options.Remotes == nil {
		return false, nil
	}
	for _, list := range []struct {
		field string
		paths []string
	}{{"resources", k.Resources}, {"components", k.Components}} {
		for i, p := range list.paths {
			b, ok := parseBase(p)
			if !ok || !remoteBase(p) {
				continue
			}
			mounted, err := s.mounted(b)
			if err != nil {
				return false, &RemoteError{
					File: at.file, Line: at.line(p), Field: fmt.Sprintf("%s[%d]", list.field, i), Address: p, Err: err,
				}
			}
			// Kustomize wants bases to be relative.
			rel, err := filepath.Rel(path.Join("/", dir), path.Join("/", mounted))
			if err != nil {
				return false, err
			}
			list.paths[i], changed = filepath.ToSlash(rel), true
		}
	}
	return changed, nil
}

func (s *kustomizeSource) mounted(b base) (string, error) {
	if b.ref == "" {
		return "", errNotPinned
	}
	if s.mounts++; s.mounts > maxKustomizations {
		return "", fmt.Errorf("more than %d remote bases are part of one build", maxKustomizations)
	}
	dir, err := s.options.Remotes.Mount(s.ctx, b.repoURL, b.ref)
	return path.Join(dir, b.dir), err
}

package gitrepo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

// Origin returns the address of the remote named origin of the clone that dir
// lies in, empty when it has none.
func Origin(dir string) (string, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return "", fmt.Errorf("open clone %s: %w", dir, err)
	}
	remote, err := repo.Remote("origin")
	if errors.Is(err, git.ErrRemoteNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("remote origin of %s: %w", dir, err)
	}
	if urls := remote.Config().URLs; len(urls) > 0 {
		return urls[0], nil
	}
	return "", nil
}

// DefaultBranch returns the branch that the clone in which dir lies was told to be the
// default one: that of its origin, or without an origin the one that is checked out.
// It is empty when the clone does not say.
func DefaultBranch(dir string) (string, error) {
	repo, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if err != nil {
		return "", fmt.Errorf("open clone %s: %w", dir, err)
	}
	name, prefix := plumbing.ReferenceName("refs/remotes/origin/HEAD"), "refs/remotes/origin/"
	if _, err := repo.Remote("origin"); errors.Is(err, git.ErrRemoteNotFound) {
		name, prefix = plumbing.HEAD, "refs/heads/"
	}
	ref, err := repo.Reference(name, false)
	if errors.Is(err, plumbing.ErrReferenceNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", name, dir, err)
	}
	branch, _ := strings.CutPrefix(ref.Target().String(), prefix)
	return branch, nil
}

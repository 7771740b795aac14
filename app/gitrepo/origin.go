package gitrepo

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5"
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

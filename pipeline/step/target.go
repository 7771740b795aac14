package step

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// errNoHost is for where steps run without a Git host.
var errNoHost = &PermanentError{errors.New("there is no Git host here")}

// target returns the repository at an address, in which the step is to act by the
// rights of the App. Those reach further than the rights of who writes the pipeline:
// the App may be installed by others as well, and a workflow runs with the secrets
// of its repository. So it must belong to the owner of the pipeline's repository.
func (e Env) target(repoURL string) (pipeline.Repo, error) {
	own := e.Promotion.Repo
	if repoURL == "" {
		return own, nil
	}
	if e.Repository == nil {
		return pipeline.Repo{}, errNoHost
	}
	repo, err := e.Repository(repoURL)
	switch {
	case err != nil:
		return repo, &PermanentError{fmt.Errorf("repoURL: %w", err)}
	case repo.Slug() == own.Slug():
		return own, nil
	case !strings.EqualFold(repo.Owner, own.Owner):
		return repo, &PermanentError{fmt.Errorf(
			"repoURL: %s belongs to %s; pipelines of %s may act in repositories of %s only", repo, repo.Owner, own, own.Owner)}
	}
	return repo, nil
}

// poll is how long to wait for an event before looking.
func (e Env) poll(configured pipeline.Duration) time.Duration {
	if configured > 0 {
		return max(minPoll, time.Duration(configured))
	}
	return e.PollInterval
}

// final makes refusals of the host permanent: they do not change by themselves.
func final(err error) error {
	var u *pipeline.UserError
	if errors.As(err, &u) {
		return &PermanentError{err}
	}
	return err
}

// checkRepoURL is what can be said of an address without asking the host.
func checkRepoURL(repoURL string) error {
	_, err := repoOf(repoURL)
	return err
}

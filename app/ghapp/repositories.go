package ghapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Installation is one installation of the App.
type Installation struct {
	ID int64
	// Account is the login of the person or organisation.
	Account   string
	Suspended bool
	// Permissions are those that the owner accepted, which may lag behind those
	// that the App asks for.
	Permissions map[string]string
}

// InstalledRepo is a repository that an installation reaches.
type InstalledRepo struct {
	pipeline.Repo
	Installation  int64
	DefaultBranch string
	Private       bool
	Archived      bool
}

// repository is GitHub's repository, as far as it is looked at.
type repository struct {
	ID    int64   `json:"id"`
	Name  string  `json:"name"`
	Owner account `json:"owner"`

	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
	Archived      bool   `json:"archived"`
}

func (x repository) port(installation int64) InstalledRepo {
	return InstalledRepo{
		Repo: pipeline.Repo{ID: x.ID, Owner: x.Owner.Login, Name: x.Name}, Installation: installation,
		DefaultBranch: x.DefaultBranch, Private: x.Private, Archived: x.Archived,
	}
}

// Installations lists the App's installations.
func (a *App) Installations(ctx context.Context) ([]Installation, error) {
	type installation struct {
		ID          int64             `json:"id"`
		Account     account           `json:"account"`
		SuspendedAt *string           `json:"suspended_at"`
		Permissions map[string]string `json:"permissions"`
	}
	var out []Installation
	err := each(ctx, a.jwt, "app/installations", nil, func(page []installation) bool {
		for _, i := range page {
			out = append(out, Installation{ID: i.ID, Account: i.Account.Login, Suspended: i.SuspendedAt != nil, Permissions: i.Permissions})
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list installations: %w", err)
	}
	return out, nil
}

// ReposOf lists the repositories of one installation.
func (a *App) ReposOf(ctx context.Context, installation int64) ([]InstalledRepo, error) {
	type page struct {
		Repositories []repository `json:"repositories"`
	}
	var out []InstalledRepo
	key := tokenKey{installation: installation, scope: scopeList}
	err := each(ctx, a.as(key), "installation/repositories", nil, func(p page) bool {
		for _, x := range p.Repositories {
			out = append(out, x.port(installation))
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("repositories of installation %d: %w", installation, err)
	}
	return out, nil
}

// InstallationRepos lists the repositories of all installations that are not
// suspended. What could be listed is returned beside an error about the rest, so
// an absence is no proof unless the error is nil.
func (a *App) InstallationRepos(ctx context.Context) ([]InstalledRepo, error) {
	all, err := a.Installations(ctx)
	if err != nil {
		return nil, err
	}
	var out []InstalledRepo
	var errs []error
	for _, i := range all {
		if i.Suspended {
			continue
		}
		repos, err := a.ReposOf(ctx, i.ID)
		if err != nil && !errors.Is(err, ErrSuspended) {
			errs = append(errs, err)
		}
		out = append(out, repos...)
	}
	return out, errors.Join(errs...)
}

// Repo reads one repository by its current or a former name; step.ErrNotFound
// when it does not exist or is hidden.
func (a *App) Repo(ctx context.Context, owner, name string) (InstalledRepo, error) {
	key, err := a.keyFor(ctx, owner, name)
	if err != nil {
		return InstalledRepo{}, err
	}
	var x repository
	r := a.as(key).in(owner, name)
	_, err = r.do(ctx, http.MethodGet, r.path(""), nil, &x)
	if status(err) == http.StatusNotFound {
		return InstalledRepo{}, fmt.Errorf("repository %s/%s: %w", owner, name, step.ErrNotFound)
	}
	if err != nil {
		return InstalledRepo{}, fmt.Errorf("repository %s/%s: %w", owner, name, err)
	}
	return x.port(key.installation), nil
}

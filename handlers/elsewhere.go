package handlers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Carriers finds where a change went.
type Carriers interface {
	// Carriers returns the repositories of an installation whose pipelines have Freight
	// that names a commit, with their Config.
	Carriers(ctx context.Context, installation int64, commit string) ([]store.RepoRecord, error)
}

// elsewhere reports whether the pipelines are not those of the repository that was
// commented in.
func (r *request) elsewhere() bool { return r.place.ID != r.rec.ID }

// findElsewhere turns a request on a pull request of a repository that has no
// pipelines to those of the repository that has Freight with its change. What people
// may do is judged there; who may not see that repository is not told of it.
func (h *Comments) findElsewhere(ctx context.Context, r *request, commands []command.Command) error {
	sha, err := h.People.MergeCommit(ctx, r.place, r.number)
	if err != nil {
		return fmt.Errorf("read pull request %d: %w", r.number, err)
	}
	if sha == "" {
		return &pipeline.UserError{
			Message: "there is no .kargo.yaml on the default branch of this repository, and this pull request is not merged, so no Freight holds its change",
			Hint:    "once it is merged, built and discovered, commands here are about the pipelines that have it",
		}
	}
	homes, err := h.homes(ctx, r, sha)
	if err != nil {
		return err
	}
	if len(homes) > 1 {
		named := slices.DeleteFunc(slices.Clone(homes), func(home request) bool { return !home.knows(commands) })
		if len(named) != 1 {
			return severalHomes(homes)
		}
		homes = named
	}
	if len(homes) == 0 {
		return &pipeline.UserError{
			Message: fmt.Sprintf("there is no .kargo.yaml on the default branch of this repository, and no pipeline that you can see has Freight with %s", pipeline.Short(sha)),
			Hint: "it appears once the change is built and discovered: by a Warehouse that subscribes to this repository, or to an image with the annotations or labels " +
				"org.opencontainers.image.source and org.opencontainers.image.revision; the App must be installed on the pipeline's repository, too",
		}
	}
	h.settle(r, homes[0].rec, homes[0].Snapshot)
	return nil
}

// homes returns what the request may be about, in the order of the repositories.
func (h *Comments) homes(ctx context.Context, r *request, sha string) ([]request, error) {
	found, err := h.Carriers.Carriers(ctx, r.rec.Installation, sha)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", pipeline.Short(sha), err)
	}
	var homes []request
	for _, rec := range found {
		if rec.Config.Pipeline == nil || rec.Private && !r.rec.Private {
			continue // what is said here is read by all who see this repository
		}
		home := request{place: r.place, login: r.login}
		snap, err := h.snapshot(ctx, rec)
		if err != nil {
			return nil, err
		}
		h.settle(&home, rec, snap)
		from := h.CloneURL(r.place)
		if !slices.ContainsFunc(home.Snapshot.Freight, func(f pipeline.Freight) bool { return f.BuiltFrom(from, sha) }) {
			continue
		}
		actor, err := h.identify(ctx, &home)
		if err != nil {
			return nil, err
		}
		if rec.Private && (actor.Role == "" || actor.Role == "none") {
			continue
		}
		homes = append(homes, home)
	}
	return homes, nil
}

// knows reports whether a repository has all Stages that commands name, of which there
// must be one.
func (r *request) knows(commands []command.Command) bool {
	named := false
	for _, c := range commands {
		for _, stage := range c.Stages {
			named = true
			if _, err := command.ResolveName("Stage", r.StageNames(), stage); err != nil {
				return false
			}
		}
	}
	return named
}

func severalHomes(homes []request) error {
	names := make([]string, len(homes))
	for i, home := range homes {
		names[i] = home.rec.Repo.String()
	}
	return &pipeline.UserError{
		Message: "pipelines of several repositories have this change: " + strings.Join(names, ", "),
		Hint:    "name a Stage that only one of them has, or comment in that repository",
	}
}

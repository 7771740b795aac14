package handlers

import (
	"context"
	"fmt"
	"time"
)

// Registrar keeps the list of repositories that the App may work on.
type Registrar interface {
	RemoveRepo(ctx context.Context, id int64, now time.Time) error
	RemoveInstallation(ctx context.Context, installation int64, now time.Time) error
	// Refresh reads the repositories of one installation from GitHub and enqueues
	// each for a reconcile; installation payloads lack the default branch.
	Refresh(ctx context.Context, installation int64) error
}

// Installations handles installation, installation_repositories and repository:
// repositories come and go and change their names.
type Installations struct {
	*Sources
	Registrar Registrar
}

// Installation handles installation.
func (h *Installations) Installation(ctx context.Context, e Event) error {
	if e.Installation == nil {
		return nil
	}
	switch e.Action {
	case "deleted", "suspend":
		if err := h.Registrar.RemoveInstallation(ctx, e.Installation.ID, h.Now()); err != nil {
			return fmt.Errorf("remove installation %d: %w", e.Installation.ID, err)
		}
		return nil
	}
	return h.refresh(ctx, e)
}

// Repositories handles installation_repositories.
func (h *Installations) Repositories(ctx context.Context, e Event) error {
	if e.Installation == nil {
		return nil
	}
	p, err := decode[struct {
		Removed []Repository `json:"repositories_removed"`
	}](e)
	if err != nil {
		h.Log.WarnContext(ctx, "unreadable payload ignored", "delivery", e.GUID, "err", err)
		return nil
	}
	for _, r := range p.Removed {
		if err := h.Registrar.RemoveRepo(ctx, r.ID, h.Now()); err != nil {
			return fmt.Errorf("remove repository %d: %w", r.ID, err)
		}
	}
	if e.Action == "removed" {
		return nil
	}
	return h.refresh(ctx, e)
}

// Repository handles repository: renamed, transferred, edited (the default
// branch), deleted.
func (h *Installations) Repository(ctx context.Context, e Event) error {
	rec, ok := e.Record()
	if !ok {
		return nil
	}
	if e.Action == "deleted" {
		if err := h.Registrar.RemoveRepo(ctx, rec.ID, h.Now()); err != nil {
			return fmt.Errorf("remove repository %d: %w", rec.ID, err)
		}
		return nil
	}
	if err := h.remember(ctx, rec); err != nil {
		return err
	}
	return h.reconcile(ctx, rec.ID)
}

func (h *Installations) refresh(ctx context.Context, e Event) error {
	if err := h.Registrar.Refresh(ctx, e.Installation.ID); err != nil {
		return fmt.Errorf("read repositories of installation %d: %w", e.Installation.ID, err)
	}
	return nil
}

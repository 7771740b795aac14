package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd"
)

// Notes that a sync carries. The first is Kargo's.
const (
	argoPromotionNote = "kargo.akuity.io/promotion"
	argoStepNote      = "kargo.akuity.io/step"
	argoAttemptNote   = "kargo.akuity.io/attempt"
)

// argoSync brings Applications where a step wants them, one pass at a time.
type argoSync struct {
	env     Env
	client  argocd.Client
	targets []*argoTarget
}

// argoTarget is one Application and all that is wanted of it.
type argoTarget struct {
	app     argocd.Application
	updates []argocd.Update
	// wanted are the revisions to sync to, one for each source, empty for any.
	wanted []string
	patch  []argocd.PatchOp
}

// add reads the Applications of one entry. Those of several entries become one target.
func (s *argoSync) add(ctx context.Context, c ArgoCDAppUpdate) error {
	apps, err := c.get(ctx, s.client, argocd.NoRefresh)
	if err != nil {
		return err
	}
	p, passed := s.env.Promotion, 0
	for _, app := range apps {
		if err := app.Authorize(p.Pipeline, p.Stage.LocalName()); err != nil {
			if c.Selector == nil {
				return err
			}
			passed++
			s.env.Log.InfoContext(ctx, "an application is passed over", "application", app.Key().String(), "why", err.Error())
			continue
		}
		i := slices.IndexFunc(s.targets, func(t *argoTarget) bool { return t.app.Key() == app.Key() })
		if i < 0 {
			i = len(s.targets)
			s.targets = append(s.targets, &argoTarget{app: app})
		}
		for _, source := range c.Sources {
			s.targets[i].updates = append(s.targets[i].updates, source.update())
		}
	}
	if passed == len(apps) {
		return fmt.Errorf("none of the %d Applications that the selector finds lets Stage %s of %s change it with the annotation %s: %s:%s",
			passed, p.Stage.LocalName(), p.Pipeline, argocd.AuthorizedStage, p.Pipeline, p.Stage.LocalName())
	}
	return nil
}

// check makes sure that all can be done before anything is.
func (s *argoSync) check() error {
	var reasons []string
	for _, t := range s.targets {
		var err error
		if t.wanted, err = t.app.Wanted(t.updates); err == nil {
			t.patch, err = t.app.Edit(t.updates)
		}
		if err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return fmt.Errorf("nothing was changed: %s", some(reasons))
}

// tag tells the syncs of this step from all others. Each retry of the Promotion and each
// start over is to sync anew.
func (s *argoSync) tag() string {
	p := s.env.Promotion
	return fmt.Sprintf("%s.%d.%d", s.env.identity(0), p.Retries, p.Rewinds)
}

// attempt counts the step's failures: after each, a sync that failed is run again.
func (s *argoSync) attempt() string {
	return strconv.Itoa(s.env.Promotion.Steps[s.env.Index].Errors)
}

// advance moves one Application on and says what it waits for, nothing when it is where
// it should be.
func (s *argoSync) advance(ctx context.Context, t *argoTarget) (waiting string, err error) {
	if op := t.app.Running(); op != nil {
		if op.Note(argoStepNote) != s.tag() {
			return fmt.Sprintf("waiting for what %s does to %s", op.By(), t.app.Title()), nil
		}
		waiting = t.app.Title() + " is being synced"
		if state := t.app.Status.OperationState; state != nil && t.app.Operation == nil && state.Message != "" {
			waiting += ": " + argocd.Line(state.Message, maxErrorMessage)
		}
		return waiting, nil
	}
	last := t.app.Last()
	if last == nil || last.Operation.Note(argoStepNote) != s.tag() {
		return s.start(ctx, t, t.app.Title()+" is being synced")
	}
	revisions := last.Revisions()
	switch {
	case revisions != nil && !reached(revisions, t.wanted):
		return s.start(ctx, t, fmt.Sprintf("%s was synced to %s, not to %s, and is being synced again", t.app.Title(), shortened(revisions), shortened(t.wanted)))
	case last.Succeeded():
		return "", nil
	case last.Operation.Note(argoAttemptNote) != s.attempt():
		return s.start(ctx, t, t.app.Title()+" is being synced again")
	}
	message := fmt.Sprintf("%s: the sync ended with %s", t.app.Title(), last.Phase)
	if last.Message != "" {
		message += ": " + argocd.Line(last.Message, maxErrorMessage)
	}
	return "", errors.New(message)
}

// start changes the sources and begins a sync.
func (s *argoSync) start(ctx context.Context, t *argoTarget, waiting string) (string, error) {
	if len(t.patch) > 0 {
		if err := s.client.Patch(ctx, t.app.Key(), t.patch); err != nil {
			return "", fmt.Errorf("change the sources: %w", err)
		}
	}
	p := s.env.Promotion
	err := s.client.Sync(ctx, t.app.Key(), []argocd.Info{
		{Name: "Reason", Value: fmt.Sprintf("Promotion %s of %s", p.ID, p.Repo)},
		{Name: argoPromotionNote, Value: p.ID},
		{Name: argoStepNote, Value: s.tag()},
		{Name: argoAttemptNote, Value: s.attempt()},
	})
	var refused *argocd.Error
	switch {
	case err == nil:
		return waiting, nil
	case errors.As(err, &refused) && refused.Busy():
		return "waiting for another operation on " + t.app.Title(), nil
	case errors.As(err, &refused) && refused.Closed():
		return "waiting for a sync window of Argo CD that lets " + t.app.Title() + " be synced", nil
	}
	return "", fmt.Errorf("sync: %w", err)
}

// reached compares revisions, source by source.
func reached(revisions, wanted []string) bool {
	if !slices.ContainsFunc(wanted, func(w string) bool { return w != "" }) {
		return true
	}
	if len(revisions) != len(wanted) {
		return false
	}
	for i, w := range wanted {
		if w != "" && revisions[i] != w {
			return false
		}
	}
	return true
}

// shortened names revisions, leaving out those that are not known.
func shortened(revisions []string) string {
	var names []string
	for _, r := range revisions {
		switch {
		case r == "":
		case len(r) == 40 && !strings.ContainsAny(r, ". "):
			names = append(names, pipeline.Short(r))
		default:
			names = append(names, argocd.Line(r, 50))
		}
	}
	return strings.Join(names, ", ")
}

package promotion

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// Journeys says where a Promotion's Freight is, for those who asked for it.
type Journeys interface {
	// Journey returns the text, and the issues and pull requests in which somebody
	// asked, each with the Promotion whose pull request it is, if any. Nobody
	// asked: both are empty.
	Journey(ctx context.Context, p *pipeline.Promotion) (text string, asked map[int]*pipeline.Promotion, err error)
}

// History finds Promotions that ended.
type History interface {
	// Past returns a Promotion, nil when it is not kept any more.
	Past(ctx context.Context, r pipeline.Repo, id string) (*pipeline.Promotion, error)
}

// follow tells those who follow the Freight of a Verification how it stands.
func (u *Publisher) follow(ctx context.Context, run *pipeline.VerificationRun, site report.Site) error {
	if u.Journeys == nil {
		return nil
	}
	var past *pipeline.Promotion
	if u.History != nil && run.Promotion != "" {
		var err error
		if past, err = u.History.Past(ctx, run.Repo, run.Promotion); err != nil {
			return fmt.Errorf("look up %s: %w", run.Promotion, err)
		}
	}
	var errs []error
	for _, f := range run.Collection {
		p := &pipeline.Promotion{Repo: run.Repo, Pipeline: run.Pipeline, Stage: run.Stage, Freight: f}
		if past != nil && past.Freight.ID == f.ID {
			p = past
		}
		errs = append(errs, u.sticky(ctx, p, site))
	}
	return errors.Join(errs...)
}

// sticky keeps one comment on the Promotion's pull request, and one wherever
// somebody asked for the same Freight. A pull request that is both has one.
func (u *Publisher) sticky(ctx context.Context, p *pipeline.Promotion, site report.Site) error {
	var text string
	var asked map[int]*pipeline.Promotion
	if u.Journeys != nil {
		var err error
		if text, asked, err = u.Journeys.Journey(ctx, p); err != nil {
			return fmt.Errorf("follow %s: %w", p.Freight.Alias, err)
		}
	}
	own := p.OwnPull().Number
	var errs []error
	if own != 0 {
		body := report.Comment(p, site)
		if _, ok := asked[own]; ok {
			body += "\n" + text
		}
		errs = append(errs, u.Upsert(ctx, p.Repo, own, report.StickyMarker(p), body))
	}
	if len(asked) == 0 {
		return errors.Join(errs...)
	}
	// Promotions that one comment asked for run side by side and share its sticky.
	u.tracking.Lock()
	defer u.tracking.Unlock()
	for _, number := range slices.Sorted(maps.Keys(asked)) {
		marker, body := report.TrackerMarker, report.TrackerMarker+"\n"+text
		if q := asked[number]; q != nil {
			marker, body = report.StickyMarker(q), report.Comment(q, site)+"\n"+text
		}
		if number != own {
			errs = append(errs, u.Upsert(ctx, p.Repo, number, marker, body))
		}
	}
	return errors.Join(errs...)
}

package reconcile

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/store"
)

const (
	// defaultInterval is that of a Warehouse whose file does not say.
	defaultInterval = 5 * time.Minute
	// discoveryBackoff is the first wait after a discovery that did not work; it
	// doubles up to the Warehouse's interval.
	discoveryBackoff = 30 * time.Second
)

// every is how often a Warehouse is discovered without a hint. A server that is
// set to look more often does so for Warehouses that ask for nothing special; one
// whose file asks to be left alone for longer is.
func (r *Reconciler) every(w pipeline.Warehouse) time.Duration {
	own := time.Duration(w.Interval)
	if own <= 0 {
		own = defaultInterval
	}
	own = max(own, time.Minute)
	if own <= defaultInterval && r.Interval > 0 {
		return min(own, r.Interval)
	}
	return own
}

// discover looks at the Warehouses of a pipeline that are due and returns when the next one
// is. An error of one Warehouse is recorded with it, keeps what it saw before,
// and holds up no other.
func (r *Reconciler) discover(ctx context.Context, rec store.RepoRecord, name string, p pipeline.Pipeline) (time.Time, error) {
	states, err := r.Discoveries.PipelineWarehouses(ctx, rec.ID, name)
	if err != nil {
		return time.Time{}, err
	}
	var next time.Time
	var known []pipeline.Freight
	for _, state := range states {
		w, ok := p.Warehouse(state.Name)
		if !ok {
			continue
		}
		if now := r.Now(); state.Due.After(now) {
			next = earlier(next, state.Due)
			continue
		}
		if known == nil {
			snap, err := r.Decisions.PipelineSnapshot(ctx, rec.ID, name)
			if err != nil {
				return time.Time{}, err
			}
			known = snap.Freight
		}
		state, err := r.look(ctx, rec, w, state, newest(known, w.Name))
		if err != nil {
			return time.Time{}, err
		}
		next = earlier(next, state.Due)
	}
	return next, nil
}

func (r *Reconciler) look(ctx context.Context, rec store.RepoRecord, w pipeline.Warehouse, state store.WarehouseState, last *pipeline.Freight) (store.WarehouseState, error) {
	interval := r.every(w)
	log := r.Log.With("repo", rec.Repo.String(), "warehouse", w.Name)
	known := discover.Previous{Freight: last}
	if !state.DiscoveredAt.IsZero() {
		known.Discovery = &state.Discovery
	}
	d, err := r.Discoverer.Discover(ctx, rec, w, known)
	now := r.Now()
	if err != nil {
		if ctx.Err() != nil {
			return state, ctx.Err()
		}
		failures := r.memory.failed(rec.ID, w.Name)
		wait := min(interval, discoveryBackoff<<min(failures-1, 10))
		if after, ok := pipeline.IsTransient(err); ok {
			wait = max(after, min(interval, 5*time.Second<<min(failures-1, 10)))
		}
		state.Error, state.Due = err.Error(), now.Add(wait)
		saveErr := r.Discoveries.SaveDiscovery(ctx, rec.ID, state)
		log.WarnContext(ctx, "discovery did not work", "err", err, "failures", failures)
		return state, saveErr
	}
	r.memory.worked(rec.ID, w.Name)
	d.Withheld = withheld(w, d, r.Now)
	log.DebugContext(ctx, "discovered", "subscriptions", len(d.Subscriptions))
	state.Error, state.Discovery, state.DiscoveredAt, state.Due = "", d, now, now.Add(interval)
	return state, r.Discoveries.SaveDiscovery(ctx, rec.ID, state)
}

// withheld says why what was discovered shall not become Freight, if so.
func withheld(w pipeline.Warehouse, d pipeline.Discovery, now func() time.Time) string {
	f, ok := d.Freight()
	if !ok || w.FreightCreationPolicy == pipeline.CreateManually {
		return ""
	}
	switch satisfied, err := discover.Satisfied(w, f, now); {
	case err != nil:
		return err.Error()
	case !satisfied:
		return "freightCreationCriteria is false: " + w.FreightCreationCriteria
	}
	return ""
}

// newest returns the Warehouse's latest Freight, nil for none.
func newest(all []pipeline.Freight, warehouse string) *pipeline.Freight {
	var last *pipeline.Freight
	for i := range all {
		if f := &all[i]; f.Warehouse == warehouse && (last == nil || f.DiscoveredAt.After(last.DiscoveredAt)) {
			last = f
		}
	}
	return last
}

// subscriptions lists what the pipeline watches, under normalised addresses, so
// that an event finds the Warehouses it concerns.
func (r *Reconciler) subscriptions(rec store.RepoRecord, p pipeline.Pipeline) []store.Subscription {
	var subs []store.Subscription
	for _, w := range p.Warehouses {
		for _, s := range w.Subscriptions {
			url := s.RepoURL()
			switch s.Kind() {
			case pipeline.GitArtifact:
				if url == "" {
					url = r.CloneURL(rec.Repo)
				}
				url = pipeline.NormalizeGitURL(url)
			case pipeline.ImageArtifact:
				url = pipeline.NormalizeImage(url)
			case pipeline.ChartArtifact:
				url = pipeline.NormalizeChartURL(url)
			}
			subs = append(subs, store.Subscription{Kind: s.Kind(), URL: url, Warehouse: w.Name})
		}
	}
	return subs
}

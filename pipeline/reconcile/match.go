package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// maxCompared is how much of the newest Freight a Stage's files are compared
	// with.
	maxCompared = 10
	// compareAgain is when a comparison is tried again that the host kept from
	// being made.
	compareAgain = 30 * time.Second
)

// matches finds Freight that the files of Stages hold already. Only Stages that
// never had Freight and that automation will not fill anyway are looked at. What
// cannot be compared now decides nothing; again is when to try.
func (r *Reconciler) matches(ctx context.Context, t *tasks, p pipeline.Pipeline, snap pipeline.Snapshot) (found map[string]string, again time.Time, err error) {
	found, rec := map[string]string{}, t.rec
	newestFirst := slices.Clone(snap.Freight)
	slices.SortFunc(newestFirst, func(a, b pipeline.Freight) int { return b.DiscoveredAt.Compare(a.DiscoveredAt) })
	for _, stage := range p.Stages {
		if stage.ControlFlow() || touched(snap, stage.Name) || p.AutoPromotion(stage) {
			continue
		}
		id, err := r.match(ctx, t, p, snap.ConfigSHA, stage, newestFirst)
		if ctx.Err() != nil {
			return nil, time.Time{}, fmt.Errorf("compare freight with the files of %s: %w", stage.Name, ctx.Err())
		}
		if err != nil {
			r.Log.WarnContext(ctx, "files not compared with freight", "repo", rec.Repo.String(), "stage", stage.Name, "err", err)
			after, _ := pipeline.IsTransient(err)
			again = earlier(again, r.Now().Add(max(after, compareAgain)))
		}
		if id != "" {
			found[stage.Name] = id
		}
	}
	return found, again, nil
}

// match returns the newest Freight that a Stage's files hold, "" for none. Its
// errors are transient.
func (r *Reconciler) match(ctx context.Context, t *tasks, p pipeline.Pipeline, configSHA string, stage pipeline.Stage, newestFirst []pipeline.Freight) (string, error) {
	compared, rec := 0, t.rec
	for _, f := range newestFirst {
		if _, asked := stage.Request(f.Warehouse); !asked {
			continue
		}
		if compared++; compared > maxCompared {
			break
		}
		key := fmt.Sprintf("%d %s %s %s %s", rec.ID, configSHA, rec.Config.SeenSHA, stage.Name, f.ID)
		if r.memory.known(key) {
			continue
		}
		pr := pipeline.Promotion{
			ID: stage.Name + "-0", Repo: rec.Repo, Pipeline: p.Name, ConfigSHA: configSHA,
			Stage: stage, Vars: p.Vars, Freight: f, Collection: []pipeline.Freight{f},
		}
		same, err := false, t.inflate(ctx, &pr)
		if err == nil {
			same, err = r.Matcher.Unchanged(ctx, rec, pr)
		}
		_, transient := pipeline.IsTransient(err)
		switch {
		case transient || ctx.Err() != nil:
			return "", err
		case err != nil:
			// Steps that cannot run yet say nothing about the files; the Promotion
			// itself will report what is wrong.
			r.Log.InfoContext(ctx, "freight not compared", "repo", rec.Repo.String(), "stage", stage.Name, "freight", f.ID, "err", err)
		case same:
			return f.ID, nil
		}
		r.memory.remember(key)
	}
	return "", nil
}

// touched reports whether a Stage ever had Freight or a Promotion.
func touched(s pipeline.Snapshot, stage string) bool {
	for _, m := range s.Marks {
		if m.Stage == stage && !m.CurrentSince.IsZero() {
			return true
		}
	}
	for i := range s.Promotions {
		if s.Promotions[i].Stage.Name == stage {
			return true
		}
	}
	return false
}

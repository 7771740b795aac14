package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Reconciler reconciles repositories.
type Reconciler struct {
	Configs     Configs
	Discoveries Discoveries
	Decisions   Decisions
	Files       Files
	Discoverer  Discoverer
	Matcher     Matcher
	Voice       Voice
	// Steps knows which steps .kargo.yaml may use.
	Steps kargofile.StepChecker
	// CloneURL returns the address under which a repository is cloned.
	CloneURL func(r pipeline.Repo) string
	// Interval is how long a repository is left alone without any hint.
	Interval time.Duration
	Now      func() time.Time
	Log      *slog.Logger

	// unmatched remembers which Freight a Stage's files were seen not to hold.
	mu        sync.Mutex
	unmatched map[string]bool
}

// maxRounds bounds how often one pass decides: a chain of control-flow Stages
// settles within one, so more rounds than this mean that deciding does not
// converge.
const maxRounds = 20

// Reconcile brings a repository up to date and returns when to look again at the
// latest.
func (r *Reconciler) Reconcile(ctx context.Context, repoID int64) (time.Time, error) {
	rec, err := r.Configs.Repo(ctx, repoID)
	if errors.Is(err, store.ErrNotFound) || (err == nil && rec.Removed) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("load repository %d: %w", repoID, err)
	}
	next := r.Now().Add(r.Interval)
	if rec, err = r.config(ctx, rec); err != nil {
		return time.Time{}, fmt.Errorf("read configuration of %s: %w", rec.Repo, err)
	}
	p := pipeline.Pipeline{Name: rec.Name}
	if rec.Config.Pipeline != nil {
		p = *rec.Config.Pipeline
	}
	due, err := r.discover(ctx, rec, p)
	if err != nil {
		return time.Time{}, err
	}
	next = earlier(next, due)
	wake, err := r.decide(ctx, rec, p)
	if err != nil {
		return time.Time{}, err
	}
	if err := r.answer(ctx, rec); err != nil {
		return time.Time{}, err
	}
	return earlier(next, wake), nil
}

// decide applies decisions until there are none, and returns when time alone
// will bring the next one.
func (r *Reconciler) decide(ctx context.Context, rec store.RepoRecord, p pipeline.Pipeline) (time.Time, error) {
	for range maxRounds {
		snap, err := r.Decisions.Snapshot(ctx, rec.ID)
		if err != nil {
			return time.Time{}, fmt.Errorf("load state of %s: %w", rec.Repo, err)
		}
		now := r.Now()
		if snap.Matches, err = r.matches(ctx, rec, p, snap); err != nil {
			return time.Time{}, err
		}
		var wake time.Time
		var actions []pipeline.Action
		for _, a := range pipeline.Decide(p, snap, now) {
			if w, ok := a.(pipeline.Wake); ok {
				wake = earlier(wake, w.At)
				continue
			}
			actions = append(actions, a)
			r.logAction(ctx, rec, a)
		}
		if len(actions) == 0 {
			return wake, nil
		}
		if _, err := r.Decisions.Apply(ctx, rec.ID, actions, now); err != nil {
			return time.Time{}, fmt.Errorf("apply decisions for %s: %w", rec.Repo, err)
		}
	}
	return time.Time{}, fmt.Errorf("decisions for %s do not settle after %d rounds", rec.Repo, maxRounds)
}

func (r *Reconciler) logAction(ctx context.Context, rec store.RepoRecord, a pipeline.Action) {
	log := r.Log.With("repo", rec.Repo.String())
	switch a := a.(type) {
	case pipeline.CreateFreight:
		log.InfoContext(ctx, "freight created", "warehouse", a.Freight.Warehouse, "freight", a.Freight.ID, "alias", a.Freight.Alias)
	case pipeline.AdoptFreight:
		log.InfoContext(ctx, "freight found in files", "stage", a.Stage, "freight", a.Freight)
	case pipeline.MarkVerified:
		log.InfoContext(ctx, "freight verified", "stage", a.Stage, "freight", a.Freight)
	case pipeline.StartPromotion:
		log.InfoContext(ctx, "promotion queued", "stage", a.Promotion.Stage.Name, "freight", a.Promotion.Freight.ID, "reason", a.Promotion.Reason)
	case pipeline.AbortPromotion:
		log.InfoContext(ctx, "promotion to be aborted", "promotion", a.Promotion, "reason", a.Reason)
	case pipeline.RefuseIntent:
		log.InfoContext(ctx, "request refused", "reason", a.Err.Error())
	}
}

// matches finds Freight that the files of Stages hold already. Only Stages that
// never had Freight and that automation will not fill anyway are looked at.
func (r *Reconciler) matches(ctx context.Context, rec store.RepoRecord, p pipeline.Pipeline, snap pipeline.Snapshot) (map[string]string, error) {
	found := map[string]string{}
	for _, stage := range p.Stages {
		if stage.ControlFlow() || touched(snap, stage.Name) || p.AutoPromotion(stage) {
			continue
		}
		for _, f := range snap.Freight {
			req, ok := stage.Request(f.Warehouse)
			if !ok || req.Origin != f.Warehouse {
				continue
			}
			key := fmt.Sprintf("%d %s %s %s %s", rec.ID, snap.ConfigSHA, rec.Config.SeenSHA, stage.Name, f.ID)
			if r.known(key) {
				continue
			}
			same, err := r.Matcher.Unchanged(ctx, rec, pipeline.Promotion{
				ID: stage.Name + "-0", Repo: rec.Repo, Pipeline: p.Name, ConfigSHA: snap.ConfigSHA,
				Stage: stage, Vars: p.Vars, Freight: f, Collection: []pipeline.Freight{f},
			})
			if _, transient := pipeline.IsTransient(err); transient {
				return nil, fmt.Errorf("compare %s with the files of %s: %w", f.Alias, stage.Name, err)
			}
			if err != nil {
				// Steps that cannot run yet say nothing about the files; the
				// Promotion itself will report what is wrong.
				r.Log.InfoContext(ctx, "files not compared with freight", "repo", rec.Repo.String(), "stage", stage.Name, "freight", f.ID, "err", err)
			}
			if err == nil && same {
				found[stage.Name] = f.ID
				break
			}
			r.remember(key)
		}
	}
	return found, nil
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

func (r *Reconciler) known(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unmatched[key]
}

func (r *Reconciler) remember(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	const bound = 10_000
	if r.unmatched == nil || len(r.unmatched) > bound {
		r.unmatched = map[string]bool{}
	}
	r.unmatched[key] = true
}

// answer tells people what became of their requests. One that cannot be told
// now is told on the next pass.
func (r *Reconciler) answer(ctx context.Context, rec store.RepoRecord) error {
	resolved, err := r.Decisions.ResolvedIntents(ctx, rec.ID)
	if err != nil {
		return fmt.Errorf("load answers for %s: %w", rec.Repo, err)
	}
	for _, in := range resolved {
		if err := r.Voice.Answer(ctx, rec, in); err != nil {
			return fmt.Errorf("answer %s in %s: %w", in.Actor.Login, rec.Repo, err)
		}
	}
	return nil
}

// earlier returns the earlier of two times, ignoring zero ones.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

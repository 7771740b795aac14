package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	memory memory
}

// idleIntervals is after how many intervals a repository without .kargo.yaml is
// looked at again: most of those that an App is installed on have none.
const idleIntervals = 12

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
	if rec, err = r.config(ctx, rec); err != nil {
		return time.Time{}, fmt.Errorf("read configuration of %s: %w", rec.Repo, err)
	}
	next := r.Now().Add(r.Interval)
	if rec.Config.Pipeline == nil && rec.Config.SeenBlob == "" {
		next = r.Now().Add(idleIntervals * r.Interval)
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
	again, err := r.answer(ctx, rec)
	if err != nil {
		return time.Time{}, err
	}
	return earlier(earlier(next, wake), again), nil
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
		var wake time.Time
		if snap.Matches, wake, err = r.matches(ctx, rec, p, snap); err != nil {
			return time.Time{}, err
		}
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

// answer tells people what became of their requests. What cannot be told now is
// told later, ever more rarely; again is when to try.
func (r *Reconciler) answer(ctx context.Context, rec store.RepoRecord) (again time.Time, err error) {
	resolved, err := r.Decisions.ResolvedIntents(ctx, rec.ID)
	if err != nil {
		return time.Time{}, fmt.Errorf("load answers for %s: %w", rec.Repo, err)
	}
	for _, in := range resolved {
		err := r.Voice.Answer(ctx, rec, in)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return time.Time{}, fmt.Errorf("answer %s in %s: %w", in.Actor.Login, rec.Repo, ctx.Err())
		}
		now := r.Now()
		wait := min(time.Hour, max(5*time.Second, now.Sub(in.ReceivedAt)))
		if after, transient := pipeline.IsTransient(err); transient {
			wait = max(after, min(time.Minute, wait))
		}
		r.Log.WarnContext(ctx, "answer not given", "repo", rec.Repo.String(), "actor", in.Actor.Login, "err", err)
		again = earlier(again, now.Add(wait))
	}
	return again, nil
}

// earlier returns the earlier of two times, ignoring zero ones.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

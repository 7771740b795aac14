package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	Tasks       Tasks
	Work        Work
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

// Reconcile brings one pipeline of a repository up to date and returns when to
// look again at the latest. The root pipeline, whose name is empty, comes with the
// configuration of all.
func (r *Reconciler) Reconcile(ctx context.Context, repoID int64, name string) (time.Time, error) {
	rec, err := r.Configs.Repo(ctx, repoID)
	if errors.Is(err, store.ErrNotFound) || (err == nil && rec.Removed) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("load repository %d: %w", repoID, err)
	}
	var next time.Time
	if name == "" {
		if rec, err = r.config(ctx, rec); err != nil {
			return time.Time{}, fmt.Errorf("read configuration of %s: %w", rec.Repo, err)
		}
		next = r.Now().Add(r.Interval)
		if rec.Config.Pipeline == nil && rec.Config.SeenBlob == "" {
			next = r.Now().Add(idleIntervals * r.Interval)
		}
	}
	p, declared := declaredIn(rec, name)
	if declared {
		next = r.Now().Add(r.Interval)
	}
	due, err := r.discover(ctx, rec, name, p)
	if err != nil {
		return time.Time{}, err
	}
	wake, err := r.decide(ctx, rec, name, p)
	if err != nil {
		return time.Time{}, err
	}
	again, err := r.answer(ctx, rec, name)
	if err != nil {
		return time.Time{}, err
	}
	return earlier(earlier(next, due), earlier(wake, again)), nil
}

// declaredIn returns the pipeline of that name, or an empty one for what is left of
// one that is gone.
func declaredIn(rec store.RepoRecord, name string) (p pipeline.Pipeline, declared bool) {
	if name == "" {
		if rec.Config.Pipeline == nil {
			return pipeline.Pipeline{Name: rec.Name}, false
		}
		return *rec.Config.Pipeline, true
	}
	for _, p := range rec.Config.Included {
		if p.Name == name {
			return p, true
		}
	}
	return pipeline.Pipeline{Name: name}, false
}

// decide applies decisions until there are none, and returns when time alone
// will bring the next one.
func (r *Reconciler) decide(ctx context.Context, rec store.RepoRecord, name string, p pipeline.Pipeline) (time.Time, error) {
	t := r.tasks(rec)
	for range maxRounds {
		snap, err := r.Decisions.PipelineSnapshot(ctx, rec.ID, name)
		if err != nil {
			return time.Time{}, fmt.Errorf("load state of %s: %w", rec.Repo, err)
		}
		now := r.Now()
		var wake time.Time
		if snap.Matches, wake, err = r.matches(ctx, t, p, snap); err != nil {
			return time.Time{}, err
		}
		var actions []pipeline.Action
		for _, a := range pipeline.Decide(p, snap, now) {
			if w, ok := a.(pipeline.Wake); ok {
				wake = earlier(wake, w.At)
				continue
			}
			actions = append(actions, a)
		}
		actions, again, err := t.starts(ctx, snap, actions)
		if err != nil {
			return time.Time{}, err
		}
		wake = earlier(wake, again)
		if len(actions) == 0 {
			r.memory.start(pipelineKey{rec.ID, name}, t.unstarted)
			return wake, nil
		}
		for _, a := range actions {
			r.logAction(ctx, rec, a)
		}
		if _, err := r.Decisions.ApplyPipeline(ctx, rec.ID, name, actions, now); err != nil {
			return time.Time{}, fmt.Errorf("apply decisions for %s: %w", rec.Repo, err)
		}
		if err := r.wakeParked(ctx, rec, snap, actions); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, fmt.Errorf("decisions for %s do not settle after %d rounds", rec.Repo, maxRounds)
}

// wakeParked lets Stages look again at once when a freeze ends: what waits in them
// polls.
func (r *Reconciler) wakeParked(ctx context.Context, rec store.RepoRecord, snap pipeline.Snapshot, actions []pipeline.Action) error {
	thaws := func(a pipeline.Action) bool { _, ok := a.(pipeline.ThawPipeline); return ok }
	if !slices.ContainsFunc(actions, thaws) {
		return nil
	}
	for i := range snap.Promotions {
		p := &snap.Promotions[i]
		if p.Phase.Terminal() {
			continue
		}
		if err := r.Work.Enqueue(ctx, store.WorkStage, store.StageKey(rec.ID, p.Stage.Name), r.Now()); err != nil {
			return fmt.Errorf("wake %s of %s: %w", p.Stage.Name, rec.Repo, err)
		}
	}
	return nil
}

// answer tells people what became of their requests. What cannot be told now is
// told later, ever more rarely; again is when to try.
func (r *Reconciler) answer(ctx context.Context, rec store.RepoRecord, name string) (again time.Time, err error) {
	resolved, err := r.Decisions.PipelineResolvedIntents(ctx, rec.ID, name)
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

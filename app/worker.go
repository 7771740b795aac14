package app

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// queue is the work to be done, claimed under leases.
type queue interface {
	Claim(ctx context.Context, kinds []store.WorkKind, now time.Time, lease time.Duration) (store.Job, bool, error)
	Finish(ctx context.Context, j store.Job, next time.Time) error
	Retry(ctx context.Context, j store.Job, at time.Time) error
	NextDue(ctx context.Context, kinds []store.WorkKind) (time.Time, bool, error)
	Notify() <-chan struct{}
}

// lease bounds how long a job may take; the longest is a step, which is bounded
// more tightly.
const lease = 15 * time.Minute

// lookAround is how often an idle server looks whether another process asked for work:
// kargo credentials add does.
const lookAround = 2 * time.Second

// workers runs jobs: n at a time, each by the function for its kind.
type workers struct {
	queue queue
	// run does one job and returns when it is due again, zero for never.
	run  map[store.WorkKind]func(ctx context.Context, j store.Job) (time.Time, error)
	now  func() time.Time
	log  *slog.Logger
	done func(kind store.WorkKind, result string, took time.Duration)
}

// Run claims and runs jobs until ctx ends, then waits for those in progress,
// which see the end of ctx too and leave the rest to the next start.
func (w *workers) Run(ctx context.Context, n int) {
	kinds := make([]store.WorkKind, 0, len(w.run))
	for k := range w.run {
		kinds = append(kinds, k)
	}
	slots := make(chan struct{}, n)
	freed := make(chan struct{}, 1)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		job, ok, err := w.queue.Claim(ctx, kinds, w.now(), lease)
		if err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "no work could be claimed", "err", err)
		}
		if !ok || err != nil {
			<-slots
			if !w.wait(ctx, kinds, freed, err != nil) {
				return
			}
			continue
		}
		running.Go(func() {
			defer func() {
				<-slots
				select {
				case freed <- struct{}{}:
				default:
				}
			}()
			w.do(ctx, job)
		})
	}
}

// wait returns when there may be work: something was enqueued, a job ended, or
// the next due time came. It returns false when ctx ended.
func (w *workers) wait(ctx context.Context, kinds []store.WorkKind, freed <-chan struct{}, failed bool) bool {
	pause := lookAround
	if due, ok, err := w.queue.NextDue(ctx, kinds); err != nil || failed {
		pause = time.Second
	} else if ok {
		pause = min(pause, due.Sub(w.now()))
	}
	timer := time.NewTimer(max(pause, time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-w.queue.Notify():
	case <-freed:
	case <-timer.C:
	}
	return true
}

func (w *workers) do(ctx context.Context, j store.Job) {
	start := w.now()
	next, err := w.safely(ctx, j)
	// What was done must be recorded although the server is about to stop.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	result := "ok"
	switch {
	case err == nil:
		err = w.queue.Finish(record, j, next)
	case ctx.Err() != nil:
		result = "stopped"
		err = w.queue.Retry(record, j, start)
	default:
		result = "retry"
		after, transient := pipeline.IsTransient(err)
		at := w.now().Add(max(after, min(time.Minute, time.Second<<min(j.Attempts, 6))))
		level := slog.LevelError
		if transient {
			result, level = "delayed", slog.LevelWarn
		}
		w.log.Log(ctx, level, "job will be tried again", "job", string(j.Kind), "key", j.Key, "attempt", j.Attempts+1, "at", at, "err", err)
		err = w.queue.Retry(record, j, at)
	}
	if err != nil {
		result = "unrecorded"
		w.log.ErrorContext(ctx, "job not recorded", "job", string(j.Kind), "key", j.Key, "err", err)
	}
	if w.done != nil {
		w.done(j.Kind, result, w.now().Sub(start))
	}
}

func (w *workers) safely(ctx context.Context, j store.Job) (next time.Time, err error) {
	defer func() {
		if r := recover(); r != nil {
			w.log.ErrorContext(ctx, "job panicked", "job", string(j.Kind), "key", j.Key, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %s %s panicked: %v", j.Kind, j.Key, r)
		}
	}()
	run, ok := w.run[j.Kind]
	if !ok {
		return time.Time{}, fmt.Errorf("no worker for %s", j.Kind)
	}
	return run(ctx, j)
}

package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// shop is a real queue with workers whose jobs a test writes. It lives in a
// synctest bubble, where time passes only while everybody waits.
type shop struct {
	db   *sqlite.DB
	stop context.CancelFunc
	done sync.WaitGroup

	mu sync.Mutex
	// results are what ended jobs were counted as, in order.
	results []string
}

func newShop(t *testing.T, n int, run func(ctx context.Context, j store.Job) (time.Time, error)) *shop {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{db: db}
	w := &workers{
		queue: db, now: time.Now, log: slog.New(slog.DiscardHandler),
		run: map[store.WorkKind]func(context.Context, store.Job) (time.Time, error){store.WorkReconcile: run},
		done: func(_ store.WorkKind, result string, _ time.Duration) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results = append(s.results, result)
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	s.done.Go(func() { w.Run(ctx, n) })
	t.Cleanup(func() {
		s.close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// close stops the workers and waits for them.
func (s *shop) close() {
	s.stop()
	s.done.Wait()
}

func (s *shop) enqueue(t *testing.T, key string, due time.Time) {
	t.Helper()
	if err := s.db.Enqueue(t.Context(), store.WorkReconcile, key, due); err != nil {
		t.Fatal(err)
	}
}

// counted are the results so far.
func (s *shop) counted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.results...)
}

func TestJobRunsAsSoonAsItIsEnqueued(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := make(chan string, 10)
		s := newShop(t, 2, func(_ context.Context, j store.Job) (time.Time, error) {
			ran <- j.Key
			return time.Time{}, nil
		})
		time.Sleep(10 * time.Second) // the workers have nothing to do for a while
		start := time.Now()
		s.enqueue(t, "a", start)
		if got := <-ran; got != "a" {
			t.Errorf("ran %s", got)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it waited %s for a timer", took)
		}
	})
}

func TestJobRunsWhenItIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := make(chan time.Time, 10)
		runs := 0
		s := newShop(t, 1, func(context.Context, store.Job) (time.Time, error) {
			ran <- time.Now()
			if runs++; runs == 1 {
				return time.Now().Add(3 * time.Hour), nil
			}
			return time.Time{}, nil
		})
		start := time.Now()
		s.enqueue(t, "a", start.Add(90*time.Second))
		for _, want := range []time.Duration{90 * time.Second, 3*time.Hour + 90*time.Second} {
			if late := (<-ran).Sub(start) - want; late < 0 || late > time.Millisecond {
				t.Errorf("it ran %s after it was due", late)
			}
		}
	})
}

func TestHintsForOneKeyCoalesce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started, finish := make(chan struct{}, 10), make(chan struct{})
		s := newShop(t, 4, func(context.Context, store.Job) (time.Time, error) {
			started <- struct{}{}
			<-finish
			return time.Time{}, nil
		})
		s.enqueue(t, "a", time.Now())
		<-started
		for range 3 {
			s.enqueue(t, "a", time.Now())
		}
		time.Sleep(time.Second)
		if len(started) > 0 {
			t.Error("a key runs twice at once")
		}
		finish <- struct{}{}
		<-started // once more, because the first may have looked before the hints
		finish <- struct{}{}
		time.Sleep(time.Hour)
		if got := s.counted(); len(got) != 2 {
			t.Errorf("%d runs, want 2", len(got))
		}
	})
}

func TestJobsRunAtOnceUpToTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started, finish := make(chan string, 10), make(chan struct{})
		s := newShop(t, 2, func(_ context.Context, j store.Job) (time.Time, error) {
			started <- j.Key
			<-finish
			return time.Time{}, nil
		})
		for _, key := range []string{"a", "b", "c"} {
			s.enqueue(t, key, time.Now())
		}
		time.Sleep(time.Minute)
		if len(started) != 2 {
			t.Errorf("%d jobs run, want 2", len(started))
		}
		start := time.Now()
		finish <- struct{}{}
		<-started
		<-started
		<-started
		if took := time.Since(start); took != 0 {
			t.Errorf("the third waited %s for a timer", took)
		}
		close(finish)
	})
}

func TestFailedJobIsTriedAgainLaterAndLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const failures = 9
		var mu sync.Mutex
		var at []time.Time
		s := newShop(t, 1, func(context.Context, store.Job) (time.Time, error) {
			mu.Lock()
			defer mu.Unlock()
			if at = append(at, time.Now()); len(at) <= failures {
				return time.Time{}, errors.New("no")
			}
			return time.Time{}, nil
		})
		s.enqueue(t, "a", time.Now())
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		var waits []time.Duration
		for i := 1; i < len(at); i++ {
			waits = append(waits, at[i].Sub(at[i-1]).Round(10*time.Millisecond))
		}
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, waits); diff != "" {
			t.Errorf("waits (-want +got):\n%s", diff)
		}
	})
}

func TestTransientFaultWaitsAsLongAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := make(chan time.Time, 10)
		s := newShop(t, 1, func(_ context.Context, j store.Job) (time.Time, error) {
			ran <- time.Now()
			if j.Attempts == 0 {
				return time.Time{}, &pipeline.TransientError{RetryAfter: 10 * time.Minute, Err: errors.New("slow down")}
			}
			return time.Time{}, nil
		})
		s.enqueue(t, "a", time.Now())
		first, second := <-ran, <-ran
		if got := second.Sub(first).Round(10 * time.Millisecond); got != 10*time.Minute {
			t.Errorf("tried again after %s, want 10m", got)
		}
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"delayed", "ok"}, s.counted()); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestPanicIsAFailureOfItsJobAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, 1, func(_ context.Context, j store.Job) (time.Time, error) {
			if j.Key == "bad" && j.Attempts == 0 {
				panic("hostile")
			}
			return time.Time{}, nil
		})
		s.enqueue(t, "bad", time.Now())
		s.enqueue(t, "good", time.Now())
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"retry", "ok", "ok"}, s.counted()); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestStopEndsJobsAndLeavesThemToTheNextStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		s := newShop(t, 1, func(ctx context.Context, _ store.Job) (time.Time, error) {
			close(started)
			<-ctx.Done()
			time.Sleep(2 * time.Second) // what it was doing takes a moment
			return time.Time{}, ctx.Err()
		})
		s.enqueue(t, "a", time.Now())
		<-started
		stopped := time.Now()
		s.close()
		if took := time.Since(stopped); took != 2*time.Second {
			t.Errorf("stopping took %s, want the 2s that the job took", took)
		}
		if diff := cmp.Diff([]string{"stopped"}, s.counted()); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		j, ok, err := s.db.Claim(t.Context(), []store.WorkKind{store.WorkReconcile}, time.Now(), time.Minute)
		if err != nil || !ok || j.Key != "a" {
			t.Errorf("Claim = %v, %v, %v, want the job at once", j, ok, err)
		}
	})
}

func TestJobThatEndsWhileStoppingIsRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		s := newShop(t, 1, func(ctx context.Context, _ store.Job) (time.Time, error) {
			close(started)
			<-ctx.Done()
			return time.Time{}, nil
		})
		s.enqueue(t, "a", time.Now())
		<-started
		s.close()
		if j, ok, err := s.db.Claim(t.Context(), []store.WorkKind{store.WorkReconcile}, time.Now(), time.Minute); err != nil || ok {
			t.Errorf("Claim = %v, %v, %v, want nothing left", j, ok, err)
		}
	})
}

// brokenQueue fails to claim a few times.
type brokenQueue struct {
	queue
	failures int
}

func (q *brokenQueue) Claim(ctx context.Context, kinds []store.WorkKind, now time.Time, lease time.Duration) (store.Job, bool, error) {
	if q.failures > 0 {
		q.failures--
		return store.Job{}, false, errors.New("disk full")
	}
	return q.queue.Claim(ctx, kinds, now, lease)
}

func TestWorkersSurviveAQueueThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kargo.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Enqueue(t.Context(), store.WorkReconcile, "a", time.Now()); err != nil {
			t.Fatal(err)
		}
		<-db.Notify()
		ctx, stop := context.WithCancel(t.Context())
		start := time.Now()
		w := &workers{
			queue: &brokenQueue{queue: db, failures: 3}, now: time.Now, log: slog.New(slog.DiscardHandler),
			run: map[store.WorkKind]func(context.Context, store.Job) (time.Time, error){
				store.WorkReconcile: func(context.Context, store.Job) (time.Time, error) {
					stop()
					return time.Time{}, nil
				},
			},
		}
		w.Run(ctx, 1)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it ran after %s, want one second for each failure", took)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

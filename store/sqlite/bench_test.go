package sqlite_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// bodySize is the mean size of GitHub's example payloads.
const bodySize = 20 << 10

// BenchmarkIngest stores Deliveries over as many connections as its name says.
func BenchmarkIngest(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			db := open(b, file(b))
			body := []byte(strings.Repeat(`{"a":1}`, bodySize/7))
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						if _, err := db.PutDelivery(b.Context(), store.Delivery{
							GUID: fmt.Sprintf("%x-%d", n*2654435761, n), Event: "push", Body: body, ReceivedAt: moment,
						}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkWork claims and finishes jobs that wait.
func BenchmarkWork(b *testing.B) {
	db := open(b, file(b))
	for i := range b.N {
		enqueue(b, db, i)
	}
	for b.ResetTimer(); ; {
		j, ok := claim(b, db)
		if !ok {
			break
		}
		if err := db.Finish(b.Context(), j, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkPickup is the time from asking for a job to an idle worker holding it.
func BenchmarkPickup(b *testing.B) {
	db := open(b, file(b))
	hints, picked := db.Notify(), make(chan struct{})
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for {
			select {
			case <-hints:
			case <-ctx.Done():
				return
			}
			for {
				j, ok := claim(b, db)
				if !ok {
					break
				}
				picked <- struct{}{}
				if err := db.Finish(b.Context(), j, time.Time{}); err != nil {
					b.Error(err)
				}
			}
		}
	})
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for i := range b.N {
		begun := b.Elapsed()
		enqueue(b, db, i)
		<-picked
		took = append(took, b.Elapsed()-begun)
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// BenchmarkReleaseAll is what stands between a restart and the interrupted job.
func BenchmarkReleaseAll(b *testing.B) {
	db := open(b, file(b))
	const waiting = 20_000
	fill := make([]string, waiting)
	for i := range fill {
		fill[i] = fmt.Sprint(i)
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(fill, waiting/64) {
		wg.Go(func() {
			for _, guid := range part {
				if _, err := db.PutDelivery(b.Context(), store.Delivery{GUID: guid, ReceivedAt: moment}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for range 3 {
			claim(b, db)
		}
		b.StartTimer()
		if err := db.ReleaseAll(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSnapshot loads pipelines with 100 Freight, each verified in every
// Stage, and five Promotions per Stage: after a start of the process, and when one
// Stage changed since the last time.
func BenchmarkSnapshot(b *testing.B) {
	for _, stages := range []int{3, 100, 1000} {
		path := file(b)
		db := open(b, path)
		freight := populate(b, db, stages, 100, 5)
		load := func(b *testing.B, db *sqlite.DB) {
			b.Helper()
			s, err := db.Snapshot(b.Context(), 1)
			if err != nil || len(s.Promotions) != stages*5 || len(s.Marks) != stages*100 {
				b.Fatal(len(s.Promotions), len(s.Marks), err)
			}
		}
		b.Run(fmt.Sprintf("stages=%d/first", stages), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				db, err := sqlite.Open(b.Context(), path, sqlite.Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				load(b, db)
				b.StopTimer()
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("stages=%d/changed", stages), func(b *testing.B) {
			load(b, db)
			b.ResetTimer()
			for i := range b.N {
				b.StopTimer()
				adopt := pipeline.AdoptFreight{Stage: "stage-1", Freight: freight[i%2].ID}
				if _, err := db.Apply(b.Context(), 1, []pipeline.Action{adopt}, moment.Add(time.Duration(i)*time.Second)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				load(b, db)
			}
		})
	}
}

func populate(b *testing.B, db *sqlite.DB, stages, freight, promotions int) []pipeline.Freight {
	b.Helper()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(db.PutRepo(b.Context(), store.RepoRecord{Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}}, moment))
	var actions []pipeline.Action
	all := make([]pipeline.Freight, freight)
	for i := range all {
		f := pipeline.Freight{
			Alias: fmt.Sprint("alias-", i), Warehouse: "web", DiscoveredAt: moment,
			Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: fmt.Sprint("1.0.", i), Digest: "sha256:" + strings.Repeat("a", 64)}},
		}
		f.ID = pipeline.FreightID(f)
		all[i] = f
		actions = append(actions, pipeline.CreateFreight{Freight: f})
	}
	for i := range stages {
		name := fmt.Sprint("stage-", i)
		for _, f := range all {
			actions = append(actions, pipeline.MarkVerified{Stage: name, Freight: f.ID})
		}
		for _, f := range all[:promotions] {
			actions = append(actions, pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
				Stage: pipeline.Stage{
					Name: name, Requests: []pipeline.FreightRequest{{Origin: "web", Direct: true}}, Steps: steps(),
				},
				Freight: f, Collection: []pipeline.Freight{f}, Reason: "benchmark", CreatedAt: moment,
			})})
		}
	}
	_, err := db.Apply(b.Context(), 1, actions, moment)
	check(err)
	return all
}

func steps() []pipeline.StepSpec {
	var all []pipeline.StepSpec
	for _, uses := range []string{"git-clone", "kustomize-set-image", "git-commit", "git-open-pr", "git-wait-for-pr", "git-merge-pr"} {
		all = append(all, pipeline.StepSpec{Uses: uses, As: uses, Config: map[string]any{"path": "./src", "repoURL": "https://github.com/acme/gitops"}})
	}
	return all
}

func enqueue(tb testing.TB, db *sqlite.DB, i int) {
	tb.Helper()
	if err := db.Enqueue(tb.Context(), store.WorkReconcile, fmt.Sprint(i), moment); err != nil {
		tb.Error(err)
	}
}

func claim(tb testing.TB, db *sqlite.DB) (store.Job, bool) {
	tb.Helper()
	j, ok, err := db.Claim(tb.Context(), []store.WorkKind{store.WorkDelivery, store.WorkReconcile}, moment, time.Hour)
	if err != nil {
		tb.Error(err)
	}
	return j, ok
}

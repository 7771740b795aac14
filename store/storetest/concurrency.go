package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const workers = 16

// together runs fn in parallel and waits.
func together(fn func(worker int)) {
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

var concurrencyTests = map[string]func(*fixture){
	"one GUID stored by many at once is fresh for one": func(f *fixture) {
		for round := range 10 {
			var fresh atomic.Int32
			together(func(int) {
				first, err := f.PutDelivery(f.ctx, store.Delivery{GUID: fmt.Sprint(round), ReceivedAt: at(1)})
				if err != nil {
					f.Error(err)
				}
				if first {
					fresh.Add(1)
				}
			})
			f.equal("fresh", fresh.Load(), int32(1))
		}
	},
	"one job claimed by many at once goes to one": func(f *fixture) {
		const jobs = 40
		for i := range jobs {
			f.ok(f.Enqueue(f.ctx, store.WorkReconcile, fmt.Sprint(i), at(0)))
		}
		var claimed sync.Map
		together(func(int) {
			for {
				j, ok, err := f.Claim(f.ctx, everyKind, at(1), lease)
				if err != nil {
					f.Error(err)
				}
				if err != nil || !ok {
					return
				}
				if _, twice := claimed.LoadOrStore(j.Key, true); twice {
					f.Errorf("job %s was claimed twice", j.Key)
				}
			}
		})
		n := 0
		claimed.Range(func(any, any) bool { n++; return true })
		f.equal("claimed", n, jobs)
	},
	"no read-modify-write under a claim is lost": func(f *fixture) {
		const rounds = 20
		f.repo()
		f.apply(at(1), pipeline.StartPromotion{Promotion: promotion("prod", f.freight(1), at(1))})
		together(func(int) {
			for n := 0; n < rounds; {
				j, ok, err := f.Claim(f.ctx, []store.WorkKind{store.WorkStage}, at(1), lease)
				if err != nil {
					f.Error(err)
					return
				}
				if !ok {
					continue
				}
				p, err := f.Promotion(f.ctx, repoID, "prod-1")
				if err != nil {
					f.Error(err)
					return
				}
				p.Rewinds++
				if err := f.SavePromotion(f.ctx, j, p); err != nil {
					f.Error(err)
				}
				if err := f.Finish(f.ctx, j, at(1)); err != nil {
					f.Error(err)
				}
				n++
			}
		})
		f.equal("writes", must(f.Promotion(f.ctx, repoID, "prod-1"))(f).Rewinds, workers*rounds)
	},
	"a snapshot is of one moment, whoever writes and reads meanwhile": func(f *fixture) {
		const rounds = 20
		f.repo()
		freight := []pipeline.Freight{f.freight(1), f.freight(2)}
		together(func(worker int) {
			for i := range rounds {
				if worker%2 == 0 {
					if _, err := f.Apply(f.ctx, repoID, []pipeline.Action{
						pipeline.AdoptFreight{Stage: "test", Freight: freight[(worker/2+i)%2].ID},
						pipeline.AdoptFreight{Stage: "prod", Freight: freight[(worker/2+i)%2].ID},
						pipeline.StartPromotion{Promotion: promotion(fmt.Sprint("stage-", worker), freight[i%2], at(2))},
					}, at(3+i)); err != nil {
						f.Error(err)
					}
					continue
				}
				s, err := f.Snapshot(f.ctx, repoID)
				if err != nil {
					f.Error(err)
					return
				}
				test, _ := s.Current("test", "web")
				prod, _ := s.Current("prod", "web")
				if test.ID != prod.ID {
					f.Error("two Stages that change together differ")
				}
			}
		})
		s := f.snapshot()
		f.equal("promotions", len(s.Promotions), 2*workers/2)
	},
	"one promotion decided by many at once is started once": func(f *fixture) {
		f.repo()
		fr := f.freight(1)
		var started atomic.Int32
		together(func(int) {
			applied, err := f.Apply(f.ctx, repoID, []pipeline.Action{
				pipeline.StartPromotion{Promotion: promotion("prod", fr, at(2))},
			}, at(2))
			if err != nil {
				f.Error(err)
			}
			started.Add(int32(len(applied.Started)))
		})
		f.equal("started", started.Load(), int32(1))
	},
}

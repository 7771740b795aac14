package storetest

import (
	"time"

	"github.com/kargo-app/kargo/store"
)

var zero time.Time

const rec = store.WorkReconcile

var everyKind = []store.WorkKind{store.WorkDelivery, store.WorkReconcile, store.WorkStage}

var workTests = map[string]func(*fixture){
	"work is not due before its time": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(5)))
		f.nothing(rec, at(4))
		f.equal("due", f.claim(rec, at(5)).Due, at(5))
	},
	"work that has been due longest comes first, over all kinds asked for": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(3)))
		f.ok(f.Enqueue(f.ctx, rec, "2", at(1)))
		f.ok(f.Enqueue(f.ctx, store.WorkStage, "1/prod", at(2)))
		f.ok(f.Enqueue(f.ctx, store.WorkDelivery, "g", at(0)))
		var got []string
		for {
			j, ok, err := f.Claim(f.ctx, []store.WorkKind{rec, store.WorkStage}, at(9), lease)
			f.ok(err)
			if !ok {
				break
			}
			got = append(got, j.Key)
		}
		f.equal("order", got, []string{"2", "1/prod", "1"})
	},
	"no kinds, no work": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		_, ok, err := f.Claim(f.ctx, nil, at(9), lease)
		f.equal("claimed", []any{ok, err}, []any{false, error(nil)})
	},
	"many requests for one key are one job, at the earliest time": func(f *fixture) {
		for _, s := range []int{5, 2, 8} {
			f.ok(f.Enqueue(f.ctx, rec, "1", at(s)))
		}
		j := f.claim(rec, at(2))
		f.equal("due", j.Due, at(2))
		f.ok(f.Finish(f.ctx, j, zero))
		f.nothing(rec, at(99))
	},
	"a request while the job runs makes it run again, at the time asked for": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		j := f.claim(rec, at(0))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(7)))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(5)))
		f.nothing(rec, at(9))
		f.ok(f.Finish(f.ctx, j, at(60)))
		f.nothing(rec, at(4))
		f.equal("due", f.claim(rec, at(5)).Due, at(5))
	},
	"a request while the job runs survives that the job wants nothing more": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		j := f.claim(rec, at(0))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(1)))
		f.ok(f.Finish(f.ctx, j, zero))
		f.claim(rec, at(1))
	},
	"finished work comes back when it said so": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		f.ok(f.Finish(f.ctx, f.claim(rec, at(0)), at(30)))
		f.nothing(rec, at(29))
		f.claim(rec, at(30))
	},
	"retries are counted until the job finishes": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		for i := range 3 {
			j := f.claim(rec, at(i))
			f.equal("attempts", j.Attempts, i)
			f.ok(f.Retry(f.ctx, j, at(i+1)))
		}
		f.ok(f.Finish(f.ctx, f.claim(rec, at(3)), at(4)))
		f.equal("attempts", f.claim(rec, at(4)).Attempts, 0)
	},
	"a request during a run that fails comes before the retry": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		j := f.claim(rec, at(0))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(2)))
		f.ok(f.Retry(f.ctx, j, at(50)))
		f.claim(rec, at(2))
	},
	"an expired lease passes to the next and shuts out the first": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		first, ok, err := f.Claim(f.ctx, everyKind, at(0), 10*time.Second)
		f.equal("claimed", []any{ok, err}, []any{true, error(nil)})
		f.nothing(rec, at(9))
		second := f.claim(rec, at(10))
		f.equal("due", second.Due, at(0))
		if second.Token <= first.Token {
			f.Fatalf("token went from %d to %d", first.Token, second.Token)
		}
		f.is(f.Finish(f.ctx, first, zero), store.ErrLeaseLost)
		f.is(f.Finish(f.ctx, first, at(99)), store.ErrLeaseLost)
		f.is(f.Retry(f.ctx, first, at(99)), store.ErrLeaseLost)
		f.ok(f.Finish(f.ctx, second, zero))
	},
	"a token is not used again after the job ended and came back": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		old := f.claim(rec, at(0))
		f.ok(f.Finish(f.ctx, old, zero))
		f.is(f.Finish(f.ctx, old, zero), store.ErrLeaseLost)
		f.ok(f.Enqueue(f.ctx, rec, "1", at(1)))
		f.is(f.Finish(f.ctx, old, zero), store.ErrLeaseLost)
		f.claim(rec, at(1))
		f.is(f.Finish(f.ctx, old, zero), store.ErrLeaseLost)
	},
	"released work is due as it was, and lost to its holder": func(f *fixture) {
		f.ok(f.Enqueue(f.ctx, rec, "1", at(1)))
		f.ok(f.Enqueue(f.ctx, rec, "2", at(2)))
		j := f.claim(rec, at(5))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(50)))
		f.ok(f.ReleaseAll(f.ctx))
		f.is(f.Finish(f.ctx, j, zero), store.ErrLeaseLost)
		again := f.claim(rec, at(5))
		f.equal("job", []any{again.Key, again.Due}, []any{"1", at(1)})
	},
	"the next due time counts free work and leases that will end": func(f *fixture) {
		_, ok, err := f.NextDue(f.ctx, everyKind)
		f.equal("empty", []any{ok, err}, []any{false, error(nil)})
		f.ok(f.Enqueue(f.ctx, rec, "1", at(20)))
		f.ok(f.Enqueue(f.ctx, store.WorkStage, "1/prod", at(1)))
		f.equal("free", must(nextDue(f, rec))(f), at(20))
		f.equal("any", must(nextDue(f, everyKind...))(f), at(1))
		_, _, err = f.Claim(f.ctx, everyKind, at(5), 10*time.Second)
		f.ok(err)
		f.equal("leased", must(nextDue(f, everyKind...))(f), at(15))
	},
	"asking for work leaves one hint": func(f *fixture) {
		hints := f.Notify()
		if hints != f.Notify() {
			f.Fatal("Notify returned another channel")
		}
		f.equal("hints", len(hints), 0)
		f.ok(f.Enqueue(f.ctx, rec, "1", at(1)))
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		f.equal("hints", len(hints), 1)
		<-hints
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(0)}))(f)
		f.equal("hints", len(hints), 1)
	},
	"a hint passes on from worker to worker": func(f *fixture) {
		hints := f.Notify()
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		f.ok(f.Enqueue(f.ctx, rec, "2", at(0)))
		<-hints
		f.claim(rec, at(0))
		f.equal("hints", len(hints), 1)
	},
	"work that moves gives a hint": func(f *fixture) {
		hints := f.Notify()
		f.ok(f.Enqueue(f.ctx, rec, "1", at(0)))
		j := f.claim(rec, at(0))
		<-hints
		f.ok(f.Retry(f.ctx, j, at(1)))
		f.equal("hints after retry", len(hints), 1)
		j = f.claim(rec, at(1))
		<-hints
		f.ok(f.Finish(f.ctx, j, at(2)))
		f.equal("hints after finish", len(hints), 1)
	},
}

func nextDue(f *fixture, kinds ...store.WorkKind) (time.Time, error) {
	t, _, err := f.NextDue(f.ctx, kinds)
	return t, err
}

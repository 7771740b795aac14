package storetest

import (
	"fmt"

	"github.com/kargo-app/kargo/store"
)

var deliveryTests = map[string]func(*fixture){
	"a delivery comes back as it arrived": func(f *fixture) {
		want := store.Delivery{GUID: "g1", Event: "push", Body: []byte{0, 0xff, '{', '\n'}, ReceivedAt: at(1)}
		if fresh := must(f.PutDelivery(f.ctx, want))(f); !fresh {
			f.Fatal("a new GUID is not fresh")
		}
		f.equal("delivery", must(f.Delivery(f.ctx, "g1"))(f), want)
		_, err := f.Delivery(f.ctx, "g2")
		f.is(err, store.ErrNotFound)
	},
	"a delivery with an empty body is stored": func(f *fixture) {
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", Event: "ping", ReceivedAt: at(1)}))(f)
		f.equal("body", must(f.Delivery(f.ctx, "g"))(f).Body, []byte(nil))
	},
	"a delivery without GUID is refused and harms no other": func(f *fixture) {
		if _, err := f.PutDelivery(f.ctx, store.Delivery{Event: "push", ReceivedAt: at(1)}); err == nil {
			f.Fatal("no error")
		}
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(1)}))(f)
	},
	"a delivery is dispatched once, due when it was received": func(f *fixture) {
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(1)}))(f)
		j := f.claim(store.WorkDelivery, at(1))
		f.equal("job", j, store.Job{Kind: store.WorkDelivery, Key: "g", Due: at(1), Token: j.Token})
		f.nothing(store.WorkDelivery, at(2))
	},
	"a redelivery of an open delivery runs it again": func(f *fixture) {
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", Body: []byte("first"), ReceivedAt: at(1)}))(f)
		f.ok(f.Finish(f.ctx, f.claim(store.WorkDelivery, at(1)), zero))
		if fresh := must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", Body: []byte("second"), ReceivedAt: at(2)}))(f); fresh {
			f.Fatal("a known GUID is fresh")
		}
		f.equal("key", f.claim(store.WorkDelivery, at(2)).Key, "g")
		f.equal("body", string(must(f.Delivery(f.ctx, "g"))(f).Body), "first")
	},
	"a redelivery of a finished delivery changes nothing": func(f *fixture) {
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(1)}))(f)
		f.ok(f.FinishDelivery(f.ctx, "g", at(2)))
		f.ok(f.Finish(f.ctx, f.claim(store.WorkDelivery, at(1)), zero))
		if fresh := must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(3)}))(f); fresh {
			f.Fatal("a known GUID is fresh")
		}
		f.nothing(store.WorkDelivery, at(9))
	},
	"finishing counts once and is known": func(f *fixture) {
		known, done, err := f.HasDelivery(f.ctx, "g")
		f.equal("before", []any{known, done, err}, []any{false, false, error(nil)})
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(1)}))(f)
		known, done, err = f.HasDelivery(f.ctx, "g")
		f.equal("open", []any{known, done, err}, []any{true, false, error(nil)})
		f.ok(f.FinishDelivery(f.ctx, "g", at(2)))
		f.ok(f.FinishDelivery(f.ctx, "g", at(3)))
		known, done, err = f.HasDelivery(f.ctx, "g")
		f.equal("done", []any{known, done, err}, []any{true, true, error(nil)})
		f.equal("done at", must(f.Delivery(f.ctx, "g"))(f).DoneAt, at(2))
		f.is(f.FinishDelivery(f.ctx, "other", at(2)), store.ErrNotFound)
	},
	"failures are counted and keep the delivery open": func(f *fixture) {
		must(f.PutDelivery(f.ctx, store.Delivery{GUID: "g", ReceivedAt: at(1)}))(f)
		f.ok(f.FailDelivery(f.ctx, "g", "first", at(2)))
		f.ok(f.FailDelivery(f.ctx, "g", "second", at(3)))
		f.equal("delivery", must(f.Delivery(f.ctx, "g"))(f),
			store.Delivery{GUID: "g", ReceivedAt: at(1), Attempts: 2, LastError: "second"})
		f.is(f.FailDelivery(f.ctx, "other", "x", at(2)), store.ErrNotFound)
	},
	"pruning spares what is young, waiting or running": func(f *fixture) {
		for i := range 5 {
			must(f.PutDelivery(f.ctx, store.Delivery{GUID: fmt.Sprint(i), ReceivedAt: at(i)}))(f)
		}
		// 0 is done, 1 was given up, 2 is running, 3 waits, 4 is done but young.
		for range 2 {
			f.ok(f.Finish(f.ctx, f.claim(store.WorkDelivery, at(9)), zero))
		}
		f.equal("running", f.claim(store.WorkDelivery, at(9)).Key, "2")
		f.ok(f.FinishDelivery(f.ctx, "0", at(3)))
		f.ok(f.FailDelivery(f.ctx, "1", "gave up", at(3)))
		f.ok(f.FinishDelivery(f.ctx, "4", at(5)))
		f.equal("pruned", must(f.PruneDeliveries(f.ctx, at(4)))(f), 2)
		for i, want := range []bool{false, false, true, true, true} {
			known, _, err := f.HasDelivery(f.ctx, fmt.Sprint(i))
			f.ok(err)
			f.equal(fmt.Sprint(i), known, want)
		}
	},
}

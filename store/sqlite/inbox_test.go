package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

func TestPutDeliverySharesABatchWithWhatIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, file(t))
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if i%3 == 0 {
				if _, err := db.PutDelivery(t.Context(), store.Delivery{ReceivedAt: moment}); err == nil {
					t.Error("a Delivery without GUID was stored")
				}
				return
			}
			if fresh, err := db.PutDelivery(t.Context(), store.Delivery{GUID: fmt.Sprint(i), ReceivedAt: moment}); err != nil || !fresh {
				t.Errorf("fresh %v, %v", fresh, err)
			}
		})
	}
	wg.Wait()
}

func TestPutDeliveryWithoutAContextThatLasts(t *testing.T) {
	t.Parallel()
	db := open(t, file(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// The select may still take a free place in the queue; both outcomes are an end, neither hangs.
	if _, err := db.PutDelivery(ctx, store.Delivery{GUID: "g", ReceivedAt: moment}); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestCloseAnswersEverybody(t *testing.T) {
	t.Parallel()
	path := file(t)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var acknowledged sync.Map
	begun := make(chan struct{}, 1)
	for i := range 16 {
		wg.Go(func() {
			for n := 0; ; n++ {
				guid := fmt.Sprintf("%d-%d", i, n)
				if _, err := db.PutDelivery(t.Context(), store.Delivery{GUID: guid, ReceivedAt: moment}); err != nil {
					return
				}
				acknowledged.Store(guid, true)
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	<-begun
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	again := open(t, path)
	acknowledged.Range(func(guid, _ any) bool {
		if known, _, err := again.HasDelivery(t.Context(), guid.(string)); err != nil || !known {
			t.Errorf("%s was acknowledged and is lost (%v)", guid, err)
		}
		return true
	})
}

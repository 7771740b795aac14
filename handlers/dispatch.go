package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// Journal is the Dispatcher's view of stored Deliveries.
type Journal interface {
	Delivery(ctx context.Context, guid string) (store.Delivery, error)
	FinishDelivery(ctx context.Context, guid string, now time.Time) error
	FailDelivery(ctx context.Context, guid, message string, now time.Time) error
}

// Hints is where events leave what they mean.
type Hints interface {
	PutRepo(ctx context.Context, r store.RepoRecord, now time.Time) error
	Enqueue(ctx context.Context, kind store.WorkKind, key string, due time.Time) error
	// MarkSubscribersDue makes the Warehouses due that watch this source.
	MarkSubscribersDue(ctx context.Context, kind pipeline.ArtifactKind, url string, now time.Time) ([]int64, error)
	// MarkImagesNamedDue does so for an image of which only the name is known.
	MarkImagesNamedDue(ctx context.Context, installation int64, name string, now time.Time) ([]int64, error)
	// Wake makes the Promotions due that wait for one of these events.
	Wake(ctx context.Context, events []string, now time.Time) (int, error)
}

// Handler turns one kind of event into hints. A transient error is tried again,
// any other is recorded and tried a few times.
type Handler func(ctx context.Context, e Event) error

// Dispatcher reads stored Deliveries and hands them to the handler of their
// event.
type Dispatcher struct {
	Journal  Journal
	Handlers map[string]Handler
	Now      func() time.Time
	Log      *slog.Logger
}

// maxAttempts is how often a Delivery that cannot be handled is tried; what it
// hinted at is found by the periodic reconcile after that.
const maxAttempts = 8

// Events returns the events that have a handler, sorted: those that the App must
// subscribe to.
func (d *Dispatcher) Events() []string { return slices.Sorted(maps.Keys(d.Handlers)) }

// Dispatch handles one Delivery. It returns when to try again, zero when the
// Delivery is done with.
func (d *Dispatcher) Dispatch(ctx context.Context, guid string) (time.Time, error) {
	delivery, err := d.Journal.Delivery(ctx, guid)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("load delivery %s: %w", guid, err)
	}
	if !delivery.DoneAt.IsZero() {
		return time.Time{}, nil
	}
	log := d.Log.With("delivery", guid, "event", delivery.Event)
	handleErr := d.handle(ctx, delivery, log)
	now := d.Now()
	if handleErr == nil {
		if err := d.Journal.FinishDelivery(ctx, guid, now); err != nil {
			return time.Time{}, fmt.Errorf("finish delivery %s: %w", guid, err)
		}
		return time.Time{}, nil
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	if err := d.Journal.FailDelivery(ctx, guid, handleErr.Error(), now); err != nil {
		return time.Time{}, fmt.Errorf("record failure of delivery %s: %w", guid, err)
	}
	after, transient := pipeline.IsTransient(handleErr)
	if !transient && delivery.Attempts+1 >= maxAttempts {
		log.ErrorContext(ctx, "delivery given up", "attempt", delivery.Attempts+1, "err", handleErr)
		return time.Time{}, d.Journal.FinishDelivery(ctx, guid, now)
	}
	log.WarnContext(ctx, "delivery not handled yet", "attempt", delivery.Attempts+1, "err", handleErr)
	return now.Add(max(after, min(time.Minute, time.Second<<min(delivery.Attempts, 6)))), nil
}

func (d *Dispatcher) handle(ctx context.Context, delivery store.Delivery, log *slog.Logger) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("internal error: handler panicked: %v", r)
		}
	}()
	handler, ok := d.Handlers[delivery.Event]
	if !ok {
		log.InfoContext(ctx, "delivery of an unknown event ignored")
		return nil
	}
	e := Event{GUID: delivery.GUID, Name: delivery.Event, Body: delivery.Body, ReceivedAt: delivery.ReceivedAt}
	if err := json.Unmarshal(delivery.Body, &e.Envelope); err != nil {
		log.WarnContext(ctx, "delivery with an unreadable payload ignored", "err", err)
		return nil
	}
	return handler(ctx, e)
}

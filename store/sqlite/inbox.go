package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/store"
)

// A batch is bounded so that its transaction and its memory stay small.
const (
	batchDeliveries = 256
	batchBytes      = 8 << 20
)

// inbox stores Deliveries. One goroutine takes everything that is waiting,
// writes it in one transaction and answers all callers after the one fsync.
// While that runs, the next batch gathers by itself: no timer, no added latency
// when there is only one caller.
type inbox struct {
	db      *sql.DB
	notify  notifier
	insert  *sql.Stmt
	isOpen  *sql.Stmt
	enqueue *sql.Stmt

	requests chan *putRequest
	stop     chan struct{}
	stopped  chan struct{}
}

type putRequest struct {
	delivery store.Delivery
	fresh    bool
	done     chan error
}

const (
	insertDeliverySQL = `
INSERT INTO delivery (guid, event, body, received_at) VALUES (?, ?, ?, ?)
ON CONFLICT (guid) DO NOTHING`
	openDeliverySQL = `SELECT count(*) FROM delivery WHERE guid = ? AND done_at IS NULL`
)

func startInbox(ctx context.Context, db *sql.DB, n notifier) (*inbox, error) {
	in := &inbox{
		db: db, notify: n,
		requests: make(chan *putRequest, batchDeliveries),
		stop:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	var errs [3]error
	in.insert, errs[0] = db.PrepareContext(ctx, insertDeliverySQL)
	in.isOpen, errs[1] = db.PrepareContext(ctx, openDeliverySQL)
	in.enqueue, errs[2] = db.PrepareContext(ctx, enqueueSQL)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("prepare inbox: %w", err) // the caller closes db, and with it the statements
	}
	go in.run(context.WithoutCancel(ctx))
	return in, nil
}

func (in *inbox) close() error {
	close(in.stop)
	<-in.stopped
	return errors.Join(in.insert.Close(), in.isOpen.Close(), in.enqueue.Close())
}

// put returns once the Delivery is on disk. When ctx ends first, the Delivery
// may or may not be stored.
func (in *inbox) put(ctx context.Context, d store.Delivery) (bool, error) {
	r := &putRequest{delivery: d, done: make(chan error, 1)}
	select {
	case in.requests <- r:
	case <-in.stopped:
		return false, errClosed
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case err := <-r.done:
		return r.fresh, err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-in.stopped:
	}
	// It may have been answered by the last batch.
	select {
	case err := <-r.done:
		return r.fresh, err
	default:
		return false, errClosed
	}
}

func (in *inbox) run(ctx context.Context) {
	defer close(in.stopped)
	for {
		select {
		case r := <-in.requests:
			in.batch(ctx, r)
		case <-in.stop:
			for {
				select {
				case r := <-in.requests:
					in.batch(ctx, r)
				default:
					return
				}
			}
		}
	}
}

// batch stores first and whatever waits behind it. Callers that gave up do not
// undo what others wait for, so it runs without their contexts.
func (in *inbox) batch(ctx context.Context, first *putRequest) {
	requests := []*putRequest{first}
	errs, err := func() ([]error, error) {
		// Waiting for the connection comes before collecting: it is when others arrive.
		tx, err := in.db.BeginTx(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer tx.Rollback() //nolint:errcheck // no effect after Commit
		requests = in.gather(requests)
		errs := make([]error, len(requests))
		for i, r := range requests {
			if errs[i] = in.store(ctx, tx, r); errs[i] != nil && !constraint(errs[i]) {
				return nil, errs[i]
			}
		}
		return errs, tx.Commit()
	}()
	if err == nil {
		in.notify.signal()
	}
	for i, r := range requests {
		if err != nil {
			r.done <- err
		} else {
			r.done <- errs[i]
		}
	}
}

func (in *inbox) gather(requests []*putRequest) []*putRequest {
	size := len(requests[0].delivery.Body)
	for len(requests) < batchDeliveries && size < batchBytes {
		select {
		case r := <-in.requests:
			requests = append(requests, r)
			size += len(r.delivery.Body)
		default:
			return requests
		}
	}
	return requests
}

func (in *inbox) store(ctx context.Context, tx *sql.Tx, r *putRequest) error {
	d := r.delivery
	body := d.Body
	if body == nil {
		body = []byte{} // nil would be NULL
	}
	res, err := tx.StmtContext(ctx, in.insert).ExecContext(ctx, d.GUID, d.Event, body, micros(d.ReceivedAt))
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	r.fresh = n == 1
	if !r.fresh {
		var open int
		if err := tx.StmtContext(ctx, in.isOpen).QueryRowContext(ctx, d.GUID).Scan(&open); err != nil {
			return err
		}
		if open == 0 {
			return nil
		}
	}
	_, err = tx.StmtContext(ctx, in.enqueue).ExecContext(ctx, store.WorkDelivery, d.GUID, micros(d.ReceivedAt))
	return err
}

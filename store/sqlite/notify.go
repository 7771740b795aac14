package sqlite

import (
	"slices"
	"sync"

	"github.com/kargo-app/kargo/store"
)

// notifier tells workers of this process that work appeared or moved.
type notifier struct {
	mu   sync.Mutex
	subs []subscriber
	all  chan struct{}
}

type subscriber struct {
	kinds []store.WorkKind
	ch    chan struct{}
}

// signal wakes the subscribers of these kinds. It never blocks: a hint that was
// not taken yet covers the new one.
func (n *notifier) signal(kinds ...store.WorkKind) {
	if len(kinds) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.subs {
		if slices.ContainsFunc(kinds, func(k store.WorkKind) bool { return slices.Contains(s.kinds, k) }) {
			select {
			case s.ch <- struct{}{}:
			default:
			}
		}
	}
}

func (n *notifier) subscribe(kinds []store.WorkKind) chan struct{} {
	ch := make(chan struct{}, 1)
	n.subs = append(n.subs, subscriber{slices.Clone(kinds), ch})
	return ch
}

// Notify returns the channel that gets a hint when any work was enqueued or
// became due at another time. It is always the same channel and holds one hint,
// so it serves one loop, or a pool of equal workers; loops for different kinds
// take one from [DB.NotifyOf] each. A worker that got a hint claims until there
// is nothing left.
func (db *DB) Notify() <-chan struct{} {
	n := &db.notify
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = n.subscribe([]store.WorkKind{store.WorkDelivery, store.WorkReconcile, store.WorkStage})
	}
	return n.all
}

// NotifyOf returns a new channel like that of [DB.Notify] for work of these
// kinds. It lives as long as the DB: call it once per loop, not per wait.
func (db *DB) NotifyOf(kinds ...store.WorkKind) <-chan struct{} {
	db.notify.mu.Lock()
	defer db.notify.mu.Unlock()
	return db.notify.subscribe(kinds)
}

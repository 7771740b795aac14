package demo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// glance is how often the state is looked at when nothing was announced: GitHub
// announces what changes there, the store announces nothing.
const glance = 100 * time.Millisecond

// memory is how many facts the page can look back on.
const memory = 200

// observer watches the world and turns changes into facts, each of which it tells
// once and in order.
type observer struct {
	world *world
	// tell receives new facts together with the moment in which they were seen.
	tell func(moment, []fact)

	seen    map[string]bool
	changed *bell

	mu      sync.Mutex
	moment  moment
	version int
	facts   []fact
}

func newObserver(w *world, tell func(moment, []fact)) *observer {
	return &observer{world: w, tell: tell, seen: map[string]bool{}, changed: newBell()}
}

// run observes until ctx ends.
func (o *observer) run(ctx context.Context) error {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var last [sha256.Size]byte
	for {
		announced := o.world.happened.listen()
		m, err := o.world.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		print, err := m.fingerprint()
		if err != nil {
			return err
		}
		if print != last {
			last = print
			o.note(m)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-announced:
		case <-tick.C:
		}
	}
}

func (o *observer) note(m moment) {
	var fresh []fact
	for _, f := range factsOf(m) {
		if !o.seen[f.Key] {
			o.seen[f.Key] = true
			fresh = append(fresh, f)
		}
	}
	slices.SortStableFunc(fresh, func(a, b fact) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.rank, b.rank)) })
	if o.tell != nil {
		o.tell(m, fresh)
	}
	o.mu.Lock()
	o.moment = m
	o.version++
	o.facts = append(o.facts, fresh...)
	o.facts = o.facts[max(0, len(o.facts)-memory):]
	o.mu.Unlock()
	o.changed.ring()
}

// now returns the newest moment with its number, which grows with every change.
func (o *observer) now() (moment, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.moment, o.version
}

// recent returns the newest facts, newest first, at most n.
func (o *observer) recent(n int) []fact {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := slices.Clone(o.facts[max(0, len(o.facts)-n):])
	slices.Reverse(out)
	return out
}

// until waits for a moment that ok accepts.
func (o *observer) until(ctx context.Context, ok func(moment) bool) (moment, error) {
	for {
		changed := o.changed.listen()
		if m, _ := o.now(); ok(m) {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return moment{}, context.Cause(ctx)
		case <-changed:
		}
	}
}

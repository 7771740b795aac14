package registry

import (
	"context"
	"sync"
	"time"
)

// perHost is how many requests one registry gets simultaneously.
const perHost = 16

// gates hold back requests to registries: a few at a time each, and none before a
// registry that asked to be left alone.
type gates struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu    sync.Mutex
	hosts map[string]*gate
}

type gate struct {
	slots  chan struct{}
	mu     sync.Mutex
	closed time.Time
}

func (g *gates) of(host string) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hosts == nil || len(g.hosts) >= 4*maxPullers {
		// Requests that hold a slot of a dropped gate give it back to that.
		g.hosts = map[string]*gate{}
	}
	h, ok := g.hosts[host]
	if !ok {
		h = &gate{slots: make(chan struct{}, perHost)}
		g.hosts[host] = h
	}
	return h
}

// enter waits for a slot and for the host to be open again. If that takes longer
// than maxWait, it returns how long it would.
func (g *gates) enter(ctx context.Context, h *gate) (leave func(), tooLong time.Duration, err error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	leave = func() { <-h.slots }
	h.mu.Lock()
	wait := h.closed.Sub(g.now())
	h.mu.Unlock()
	if wait <= 0 {
		return leave, 0, nil
	}
	if wait > maxWait {
		leave()
		return nil, wait, nil
	}
	if err := g.sleep(ctx, wait); err != nil {
		leave()
		return nil, 0, err
	}
	return leave, 0, nil
}

// close keeps requests away for a while.
func (g *gates) close(h *gate, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := g.now().Add(wait); until.After(h.closed) {
		h.closed = until
	}
}

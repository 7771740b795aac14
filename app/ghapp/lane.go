package ghapp

import (
	"context"
	"strings"
	"sync"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// lanes gives every branch that Promotions share one lane in which those who write
// to it take turns: at any time one leads, and the pushes that wait behind it are
// done along with its own. Whoever writes past this process, such as people, is met
// as a lost race.
//
// Lanes live in memory: they save requests, and correctness never depends on them.
// Servers that share their work would race each other as if there were none.
type lanes struct {
	mu    sync.Mutex
	byKey map[string]*lane
	// tips is where this process left branches.
	tips map[string]tree.Hash
}

// lane is the queue of one branch; its first turn leads. It is guarded by the mutex
// of its lanes.
type lane struct {
	key   string
	queue []*turn
}

// turn is one who wants to write.
type turn struct {
	// push is nil for one who wants the branch for himself.
	push *push
	// lead is closed when it is this one's turn.
	lead chan struct{}
	// done is closed when another one did it along with his own; what came of it is
	// in res and err, unless again is true: then nobody knows.
	done  chan struct{}
	res   step.PushResult
	err   error
	again bool
}

// maxTogether is how many pushes share one update of a branch.
const maxTogether = 25

func laneKey(owner, name, branch string) string {
	return strings.ToLower(owner+"/"+name) + "@" + branch
}

// maxTips bounds what is remembered of branches.
const maxTips = 10_000

// left remembers where a branch was left.
func (ls *lanes) left(key string, tip tree.Hash) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.tips == nil || len(ls.tips) >= maxTips {
		ls.tips = map[string]tree.Hash{}
	}
	ls.tips[key] = tip
}

// moved reports whether a branch was left elsewhere since head was seen on it, so that
// an update from there would be refused.
func (ls *lanes) moved(key string, head tree.Hash) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	tip, known := ls.tips[key]
	return known && tip != head
}

// join queues up.
func (ls *lanes) join(key string, p *push) (*lane, *turn) {
	t := &turn{push: p, lead: make(chan struct{}), done: make(chan struct{})}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.byKey[key]
	if l == nil {
		l = &lane{key: key}
		if ls.byKey == nil {
			ls.byKey = map[string]*lane{}
		}
		ls.byKey[key] = l
	}
	l.queue = append(l.queue, t)
	if len(l.queue) == 1 {
		close(t.lead)
	}
	return l, t
}

// together returns the leader and those right behind it whose pushes it may do along
// with its own. They stay in the queue until the leader leaves.
func (ls *lanes) together(l *lane) []*turn {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	n := 1
	for n < len(l.queue) && n < maxTogether && l.queue[n].push != nil {
		n++
	}
	return append([]*turn(nil), l.queue[:n]...)
}

// leave removes the leader and those that were done with it, and lets the next one
// lead.
func (ls *lanes) leave(l *lane, n int) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		delete(ls.byKey, l.key)
		return
	}
	close(l.queue[0].lead)
}

// await waits until t leads or is done. It returns early with the error of ctx when
// nobody has taken t along by then.
func (ls *lanes) await(ctx context.Context, l *lane, t *turn) error {
	select {
	case <-t.lead:
		return nil
	case <-t.done:
		return nil
	case <-ctx.Done():
	}
	ls.mu.Lock()
	for i, other := range l.queue {
		// The leader may be at work on the checkouts of those close behind it.
		if other == t && i >= maxTogether {
			l.queue = append(l.queue[:i:i], l.queue[i+1:]...)
			ls.mu.Unlock()
			return ctx.Err()
		}
	}
	ls.mu.Unlock()
	select {
	case <-t.lead:
	case <-t.done:
	}
	return nil
}

// alone runs f while nobody else writes to the branch.
func (ls *lanes) alone(ctx context.Context, key string, f func() error) error {
	l, t := ls.join(key, nil)
	if err := ls.await(ctx, l, t); err != nil {
		return err
	}
	defer ls.leave(l, 1)
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

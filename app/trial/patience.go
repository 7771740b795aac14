package trial

import (
	"context"
	"time"
)

// patience looks again at steps that are not done, sooner than a server would.
type patience struct {
	now      func() time.Time
	sleep    func(ctx context.Context, d time.Duration) error
	deadline time.Time
	pause    time.Duration
}

const (
	firstPause = 200 * time.Millisecond
	longPause  = 2 * time.Second
)

func (p *patience) wait(ctx context.Context, until time.Time) bool {
	now := p.now()
	left := p.deadline.Sub(now)
	if left <= 0 {
		return false
	}
	p.pause = min(max(firstPause, p.pause*3/2), longPause)
	pause := min(p.pause, left)
	if d := until.Sub(now); !until.IsZero() && d < pause {
		pause = max(d, 0)
	}
	return p.sleep(ctx, pause) == nil
}

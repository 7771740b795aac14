package simulate

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// next is when time alone brings the next change.
func (w *world) next() time.Time {
	at := w.decideAt
	for _, stage := range w.stageAt {
		if !stage.IsZero() && (at.IsZero() || stage.Before(at)) {
			at = stage
		}
	}
	return at
}

// advance moves the clock and stops wherever something is due.
func (w *world) advance(ctx context.Context, to time.Time) error {
	if to.Before(w.now) { // a clock that was set back
		w.now = to
		return w.settle(ctx)
	}
	for range maxStops {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		at := w.next()
		if at.IsZero() || at.After(to) {
			w.now = to
			before := w.log.decisions
			if err := w.settle(ctx); err != nil {
				return err
			}
			w.log.late(at, w.now, before)
			return nil
		}
		if at.After(w.now) {
			w.now = at
		}
		if err := w.settle(ctx); err != nil {
			return err
		}
		if again := w.next(); !again.After(w.now) && !again.IsZero() {
			return fmt.Errorf("at %s the same moment is due again and again", stamp(w.now))
		}
	}
	return fmt.Errorf("there are more than %d moments to look at until %s; let steps that wait say for how long", maxStops, stamp(to))
}

func stamp(t time.Time) string {
	return strings.TrimSuffix(t.UTC().Format("Mon 2006-01-02 15:04:05"), ":00")
}

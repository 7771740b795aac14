package step

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Closed returns how something that a closed Stage keeps out waits: with the
// reason and the next opening as people should read them, until time alone opens
// the Stage and in any case no longer than a poll interval, because the windows
// may change meanwhile.
func Closed(c pipeline.Closure, now time.Time, poll time.Duration) *WaitError {
	w := &WaitError{Message: c.Reason, Until: now.Add(poll)}
	if c.Opens.IsZero() {
		return w
	}
	w.Message += "; opens " + c.Opens.Format("Mon 2006-01-02 15:04 MST")
	if c.Opens.Before(w.Until) {
		w.Until = c.Opens
	}
	return w
}

// closedError is a wait that is no verdict on what waits: no config turns it into
// a failure.
type closedError struct{ *WaitError }

// Unwrap makes it known as a WaitError.
func (e *closedError) Unwrap() error { return e.WaitError }

// closure parks a merge while the Stage is closed. What happens to the pull
// request is still noticed.
func (p *pull) closure(ctx context.Context) error {
	if p.env.Closure == nil {
		return nil
	}
	c, err := p.env.Closure(ctx)
	if err != nil {
		return err
	}
	if !c.Closed {
		return nil
	}
	w := Closed(c, p.env.Now(), p.poll)
	w.On = p.wait("").On
	return &closedError{w}
}

// PushesToOwnBranch reports whether a git-push with that config pushes to the
// branch that belongs to the Promotion alone, so that nothing is let in by it.
func PushesToOwnBranch(p *pipeline.Promotion, config map[string]any) bool {
	if own, _ := config["generateTargetBranch"].(bool); own {
		return true
	}
	return fmt.Sprint(config["targetBranch"]) == pipeline.PromotionBranch(p)
}

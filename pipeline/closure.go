package pipeline

import (
	"fmt"
	"time"
)

// Closure says whether the freeze or a promotion window closes a Stage now.
func (p Pipeline) Closure(f *Freeze, stage Stage, now time.Time) Closure {
	if f.Active(now) {
		c := Closure{Closed: true, By: "freeze", Opens: f.Until, Reason: "frozen by " + f.Actor}
		if f.Reason != "" {
			c.Reason += fmt.Sprintf(": %s", f.Reason)
		}
		return c
	}
	return Closure{}
}

package pipeline

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Closure is whether a Stage is closed to Promotions at a moment, and until when.
type Closure struct {
	Closed bool `json:"closed"`
	// By names the rule: a window or the freeze.
	By string `json:"by,omitempty"`
	// Reason says in one sentence why the Stage is closed; a person's words are
	// part of it.
	Reason string `json:"reason,omitempty"`
	// Opens is when time alone opens a closed Stage, zero when an event has to.
	Opens time.Time `json:"opens,omitzero"`
	// Closes is when time alone closes an open Stage, zero for never.
	Closes time.Time `json:"closes,omitzero"`
}

// Closure says whether the freeze or a promotion window closes a Stage now.
func (p Pipeline) Closure(f *Freeze, stage Stage, now time.Time) Closure {
	return p.Closures(f, now)(&stage)
}

// Closures returns the function [Pipeline.Closure] for many Stages at one moment.
// It is not safe for concurrent use.
func (p Pipeline) Closures(f *Freeze, now time.Time) func(*Stage) Closure {
	all := make([]*window, len(p.Windows))
	for i := range p.Windows {
		all[i] = newWindow(&p.Windows[i], now)
	}
	return func(stage *Stage) Closure {
		var c calendar
		for _, w := range all {
			switch {
			case !w.selects(stage):
			case w.Kind == DenyWindow:
				c.deny = append(c.deny, w)
			default:
				c.allow = append(c.allow, w)
			}
		}
		return c.closure(f, now)
	}
}

// closing answers for one pipeline and moment after another, and remembers the
// windows of the last. It is safe for concurrent use.
type closing struct {
	mu      sync.Mutex
	of      func(*Stage) Closure
	windows []PromotionWindow
	freeze  *Freeze
	now     time.Time
}

func (c *closing) at(p Pipeline, f *Freeze, stage *Stage, now time.Time) Closure {
	c.mu.Lock()
	defer c.mu.Unlock()
	same := len(c.windows) == len(p.Windows) && (len(p.Windows) == 0 || &c.windows[0] == &p.Windows[0])
	if c.of == nil || !same || c.freeze != f || !c.now.Equal(now) {
		c.of, c.windows, c.freeze, c.now = p.Closures(f, now), p.Windows, f, now
	}
	return c.of(stage)
}

// window is a [PromotionWindow] that is asked many questions.
type window struct {
	*PromotionWindow
	matchName func(string) bool
	rule      recurrence
	// fault is what is wrong with the rule, which validation would have found.
	fault error
	known map[int64]answer
}

type answer struct {
	active       bool
	until, opens time.Time
}

func newWindow(w *PromotionWindow, now time.Time) *window {
	rule, err := w.compile(now)
	return &window{PromotionWindow: w, matchName: compileName(w.Selector.Name), rule: rule, fault: err, known: map[int64]answer{}}
}

func (w *window) selects(stage *Stage) bool {
	return w.matchName(stage.LocalName()) && w.Selector.labels(stage)
}

// at is [recurrence.at] with a memory. A window that makes no sense is never
// active: then a Deny denies nothing and an Allow allows nothing.
func (w *window) at(t time.Time) answer {
	if w.fault != nil {
		return answer{}
	}
	key := t.UnixMicro()
	a, ok := w.known[key]
	if !ok {
		a.active, a.until, a.opens = w.rule.at(t)
		w.known[key] = a
	}
	return a
}

// calendar is the windows that select one Stage.
type calendar struct{ deny, allow []*window }

// maxEdges bounds how many openings and closings are looked at to find the next
// that counts.
const maxEdges = 200

func (c calendar) closure(f *Freeze, now time.Time) Closure {
	if f.Active(now) {
		closed := Closure{Closed: true, By: "freeze", Reason: "frozen by " + f.Actor}
		if f.Reason != "" {
			closed.Reason += ": " + f.Reason
		}
		if !f.Until.IsZero() {
			closed.Opens = c.opens(f.Until)
		}
		return closed
	}
	if why, closed := c.state(now); closed {
		why.Opens = c.opens(now)
		return why
	}
	return Closure{Closes: c.closes(now)}
}

// state judges one moment.
func (c calendar) state(t time.Time) (Closure, bool) {
	for _, w := range c.deny {
		if w.at(t).active {
			return Closure{Closed: true, By: "window " + w.Name, Reason: because(fmt.Sprintf("window %q denies Promotions now", w.Name), w.Reason)}, true
		}
	}
	if len(c.allow) == 0 {
		return Closure{}, false
	}
	names := make([]string, len(c.allow))
	for i, w := range c.allow {
		if w.at(t).active {
			return Closure{}, false
		}
		names[i] = fmt.Sprintf("%q", w.Name)
	}
	which := "window "
	if len(names) > 1 {
		which = "windows "
	}
	return Closure{
		Closed: true, By: "window " + c.allow[0].Name,
		Reason: because("outside of the "+which+strings.Join(names, ", "), c.allow[0].Reason),
	}, true
}

func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// opens returns the first moment from t on at which the Stage is open, zero for
// none that can be found.
func (c calendar) opens(t time.Time) time.Time {
	for range maxEdges {
		if _, closed := c.state(t); !closed {
			return t
		}
		var next time.Time
		for _, w := range c.deny {
			if a := w.at(t); a.active {
				next = later(next, a.until)
			}
		}
		if next.IsZero() {
			for _, w := range c.allow {
				next = earliest(next, w.at(t).opens)
			}
		}
		if next.IsZero() {
			return next
		}
		t = next
	}
	return time.Time{}
}

// closes returns the first moment after t at which the Stage, which is open, is
// closed, zero for none that can be found.
func (c calendar) closes(t time.Time) time.Time {
	for range maxEdges {
		var next time.Time
		for _, w := range c.deny {
			next = earliest(next, w.at(t).opens)
		}
		for _, w := range c.allow {
			if a := w.at(t); a.active {
				next = earliest(next, a.until)
			}
		}
		if next.IsZero() {
			return next
		}
		t = next
		if _, closed := c.state(t); closed {
			return t
		}
	}
	return time.Time{}
}

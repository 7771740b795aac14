package pipeline

import (
	"fmt"
	"strings"
	"time"

	"github.com/adhocore/gronx"
	"github.com/teambition/rrule-go"
)

// PromotionWindow opens or closes Stages to Promotions at recurring times. An
// active Deny always closes; where any Allow selects a Stage, one of them must be
// active.
type PromotionWindow struct {
	Name     string        `json:"name"`
	Kind     WindowKind    `json:"kind"`
	Selector StageSelector `json:"stageSelector,omitzero"`
	// RRule is an RFC 5545 recurrence rule and Cron a five-field cron expression
	// for when the window becomes active; with neither it is active once, from Start.
	RRule string `json:"rrule,omitempty"`
	Cron  string `json:"cron,omitempty"`
	// Start is when an RRule begins to count or the only time begins.
	Start time.Time `json:"start,omitzero"`
	// Duration is for how long it stays active, in elapsed time.
	Duration Duration `json:"duration"`
	// TimeZone is the IANA name of the zone whose clock the rule reads; empty means
	// UTC.
	TimeZone string `json:"timezone,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// WindowKind says what an active window does.
type WindowKind string

// The kinds of windows, named as in Kargo.
const (
	AllowWindow WindowKind = "Allow"
	DenyWindow  WindowKind = "Deny"
)

// Validate says what is wrong with the rule of a window, nil for nothing.
func (w PromotionWindow) Validate() error {
	_, err := w.compile(time.Unix(0, 0))
	return err
}

// recurrence is when a window becomes active. Rules are evaluated on a clock
// without daylight saving that shows the same time as the zone's; only the result
// is put into the zone. So a window that starts at 02:30 starts on the day that
// has no such time, too: as much later as the clock was put forward.
type recurrence struct {
	zone *time.Location
	// next returns the first start after a floating time, zero for none.
	next     func(time.Time) time.Time
	duration time.Duration
}

func (w PromotionWindow) compile(now time.Time) (recurrence, error) {
	r := recurrence{zone: time.UTC, duration: time.Duration(w.Duration)}
	if w.TimeZone != "" {
		zone, err := time.LoadLocation(w.TimeZone)
		if err != nil {
			return r, fmt.Errorf("time zone %q: %w", w.TimeZone, err)
		}
		r.zone = zone
	}
	if r.duration <= 0 {
		return r, fmt.Errorf("window %s has no duration", w.Name)
	}
	switch {
	case w.Cron != "" && w.RRule != "":
		return r, fmt.Errorf("window %s has both a cron expression and an rrule", w.Name)
	case w.Cron != "":
		if !gronx.IsValid(w.Cron) || len(strings.Fields(w.Cron)) != 5 {
			return r, fmt.Errorf("%q is not a cron expression of five fields", w.Cron)
		}
		r.next = func(t time.Time) time.Time {
			next, err := gronx.NextTickAfter(w.Cron, t, false)
			if err != nil {
				return time.Time{} // never again
			}
			return next
		}
	case w.RRule != "":
		rule, err := w.rrule(r.zone, now)
		if err != nil {
			return r, err
		}
		r.next = func(t time.Time) time.Time { return rule.After(t, false) }
	case !w.Start.IsZero():
		once := floating(w.Start.In(r.zone))
		r.next = func(t time.Time) time.Time {
			if once.After(t) {
				return once
			}
			return time.Time{}
		}
	default:
		return r, fmt.Errorf("window %s has neither a cron expression nor an rrule nor a start", w.Name)
	}
	return r, nil
}

// rrule parses the recurrence rule on the floating clock.
func (w PromotionWindow) rrule(zone *time.Location, now time.Time) (*rrule.RRule, error) {
	opt, err := rrule.StrToROptionInLocation(strings.TrimSpace(w.RRule), time.UTC)
	if err != nil {
		return nil, fmt.Errorf("rrule %q: %w", w.RRule, err)
	}
	if opt.Freq == rrule.MINUTELY || opt.Freq == rrule.SECONDLY {
		return nil, fmt.Errorf("rrule %q repeats more often than every hour", w.RRule)
	}
	switch {
	case !w.Start.IsZero():
		opt.Dtstart = floating(w.Start.In(zone))
	case !opt.Dtstart.IsZero():
		opt.Dtstart = floating(opt.Dtstart)
	case opt.Count == 0 && opt.Interval <= 1:
		// Any start long enough ago gives the same times; a near one is quick to
		// count from.
		opt.Dtstart = floating(now.In(zone)).AddDate(-1, 0, 0).Truncate(24 * time.Hour)
		if opt.Freq == rrule.YEARLY || len(opt.Bymonth) > 0 {
			opt.Dtstart = opt.Dtstart.AddDate(-8, 0, 0)
		}
		// What the start would decide is said to be the first.
		if opt.Freq == rrule.WEEKLY && len(opt.Byweekday) == 0 {
			opt.Byweekday = []rrule.Weekday{rrule.MO}
		}
		if (opt.Freq == rrule.MONTHLY || opt.Freq == rrule.YEARLY) &&
			len(opt.Bymonthday)+len(opt.Byweekday)+len(opt.Byyearday)+len(opt.Byweekno)+len(opt.Byeaster) == 0 {
			opt.Bymonthday = []int{1}
			if opt.Freq == rrule.YEARLY && len(opt.Bymonth) == 0 {
				opt.Bymonth = []int{1}
			}
		}
	default:
		return nil, fmt.Errorf("rrule %q counts from a start, which is missing", w.RRule)
	}
	if !opt.Until.IsZero() && strings.Contains(strings.ToUpper(w.RRule), "Z") {
		opt.Until = floating(opt.Until.In(zone)) // UNTIL=...Z is an instant
	}
	rule, err := rrule.NewRRule(*opt)
	if err != nil {
		return nil, fmt.Errorf("rrule %q: %w", w.RRule, err)
	}
	return rule, nil
}

// floating returns what a clock on the wall shows, as if it were UTC.
func floating(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func (r recurrence) fixed(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), r.zone)
}

const (
	// zoneShift is more than any clock is put forward or back at once.
	zoneShift = 26 * time.Hour
	// maxStarts bounds how many starts are looked at to answer one question.
	maxStarts = 2000
)

// at tells whether the window is active at a moment and until when, overlapping
// and adjoining occurrences counted as one; and when it becomes active next,
// zero for never.
func (r recurrence) at(now time.Time) (active bool, until, opens time.Time) {
	t := floating(now.In(r.zone)).Add(-r.duration - zoneShift)
	for range maxStarts {
		t = r.next(t)
		if t.IsZero() {
			return active, until, time.Time{}
		}
		start := r.fixed(t)
		end := start.Add(r.duration)
		switch {
		case start.After(now) && active && !start.After(until):
			until = later(until, end)
		case start.After(now):
			return active, until, start
		case end.After(now):
			active, until = true, later(until, end)
		}
	}
	return active, until, time.Time{}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

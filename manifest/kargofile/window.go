package kargofile

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// minWindow is the shortest window: less would open between two looks.
	minWindow = time.Minute
	maxReason = 500
)

type window struct {
	pipeline.PromotionWindow
	node *yaml.Node
	ref  ref
	// stage is where an exact name stands.
	stage  ref
	broken bool
}

func (d *decoder) window(n *yaml.Node, path string) (w window) {
	w = window{node: n}
	before := len(d.problems)
	defer func() { w.broken = d.errorsSince(before) }()
	var start, end ref
	found := d.object(n, path, "a promotion window",
		field{"name", d.name(&w.Name, &w.ref)},
		field{"kind", enum(d, &w.Kind, pipeline.AllowWindow, pipeline.DenyWindow)},
		field{"stageSelector", d.selector(&w.Selector, &w.stage)},
		field{"rrule", d.text(&w.RRule, checkLength(maxPattern))},
		field{"cron", d.text(&w.Cron, checkLength(maxPattern))},
		field{"dtstart", func(n *yaml.Node, path string) { start = ref{n.Value, n, path} }},
		field{"dtend", func(n *yaml.Node, path string) { end = ref{n.Value, n, path} }},
		field{"duration", d.duration(&w.Duration, minWindow)},
		field{"timezone", d.text(&w.TimeZone, checkTimeZone)},
		field{"reason", d.text(&w.Reason, checkLength(maxReason))},
	)
	if found == nil {
		return w
	}
	required := []string{"name", "kind", "duration"}
	if end.node != nil {
		required = required[:2]
	}
	for _, f := range required {
		if found[f] == nil {
			d.missing(n, path, "a promotion window", f)
		}
	}
	switch {
	case found["rrule"] == nil && found["cron"] == nil && found["dtstart"] == nil:
		d.problem(n, path).message("a promotion window says nothing about when").expected("rrule or cron, or dtstart for a single time")
	case found["rrule"] != nil && found["cron"] != nil:
		d.problem(found["cron"], join(path, "cron")).message("a promotion window has both rrule and cron").expected("one of them")
	case found["cron"] != nil:
		d.noEffect(found, path, "cron", "dtstart")
	}
	if zone, _, ok := cutZone(start.name); ok && found["timezone"] == nil && checkTimeZone(zone) == nil {
		w.TimeZone = zone // the rule goes by the clock of its start
	}
	if start.node != nil {
		// Only now, because a date without a zone is in that of the window.
		d.instant(&w.Start, w.zone())(start.node, start.path)
	}
	if end.node != nil {
		d.windowEnd(&w, start, end, found["duration"] != nil)
	}
	if d.errorsSince(before) {
		return w
	}
	if err := w.Validate(); err != nil {
		at, key := found["rrule"], "rrule"
		if at == nil {
			at, key = found["cron"], "cron"
		}
		if at == nil {
			d.problem(found["dtstart"], join(path, "dtstart")).message("%s", cutMessage(err.Error()))
			return w
		}
		d.problem(at, join(path, key)).message("%s", cutMessage(err.Error())).expected("%s", map[string]string{
			"rrule": "an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9",
			"cron":  "minute, hour, day of month, month and day of week, such as 0 9 * * 1-5",
		}[key])
	}
	return w
}

// windowEnd reads dtend, which is Kargo's way of saying how long a window is.
func (d *decoder) windowEnd(w *window, start, end ref, hasDuration bool) {
	switch {
	case hasDuration:
		d.problem(end.node, end.path).message("a promotion window has both duration and dtend").expected("one of them")
		return
	case start.node == nil:
		d.problem(end.node, end.path).message("dtend says nothing without dtstart").expected("duration, or dtstart beside it")
		return
	}
	before := len(d.problems)
	var to time.Time
	d.instant(&to, w.zone())(end.node, end.path)
	switch {
	case d.errorsSince(before) || w.Start.IsZero():
	case to.Sub(w.Start) < minWindow:
		d.problem(end.node, end.path).message("dtend is not at least %s after dtstart", shortDuration(minWindow)).expected("a later time")
	default:
		w.Duration = pipeline.Duration(to.Sub(w.Start))
	}
}

func (w window) zone() *time.Location {
	if zone, err := time.LoadLocation(w.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

func checkTimeZone(s string) error {
	// Local is the zone of whatever machine this runs on.
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return &invalid{message: quoted(s) + " is not a time zone", expected: "an IANA name such as Europe/Berlin"}
	}
	return nil
}

// checkWindows refuses windows for Stages that do not exist, and names that stand
// twice.
func (doc *document) checkWindows(d *decoder, g *graph) {
	seen := map[string]int{}
	for _, w := range doc.windows {
		if first, twice := seen[w.Name]; twice && w.Name != "" {
			d.problem(w.ref.node, w.ref.path).message("a second promotion window named %q, first on line %d", w.Name, first).expected("another name")
		} else {
			seen[w.Name] = w.node.Line
		}
		if !w.broken {
			g.checkSelector(d, w.Selector, w.ref, w.stage, "the promotion window")
		}
		g.knownStage(d, w.stage, "a promotion window is for")
	}
}

// windowNode prints what window reads.
func windowNode(w pipeline.PromotionWindow) *yaml.Node {
	o := newObject()
	o.text("name", w.Name)
	o.text("kind", string(w.Kind))
	if s := w.Selector; s.Name != "" || len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
		o.set("stageSelector", selectorNode(s))
	}
	o.text("rrule", w.RRule)
	o.text("cron", w.Cron)
	if !w.Start.IsZero() {
		o.text("dtstart", w.Start.Format(time.RFC3339Nano))
	}
	o.duration("duration", w.Duration)
	o.text("timezone", w.TimeZone)
	o.text("reason", w.Reason)
	return o.node
}

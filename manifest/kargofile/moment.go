package kargofile

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// momentForm says what moment admits.
const momentForm = "a time such as 2026-01-31T12:00:00Z, a date or a duration such as 720h"

// moment reads a time, a date or a duration before now, and keeps it as written.
// YAML takes the first two for values of its own when they stand without quotes.
func (d *decoder) moment(dst *string) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected(momentForm)
			return
		}
		if d, err := time.ParseDuration(n.Value); err == nil && d > 0 {
			*dst = n.Value
			return
		}
		if !sinceForm(n.Value) {
			d.problem(n, path).message("%s is neither a time nor a duration: %s", last(path), quoted(n.Value)).expected(momentForm)
			return
		}
		*dst = n.Value
	}
}

// sinceForm admits what means the same everywhere.
func sinceForm(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	if err != nil {
		_, err = time.Parse(time.DateOnly, s)
	}
	return err == nil
}

// instant reads a time or a date; those without a zone are in the given one.
func (d *decoder) instant(dst *time.Time, zone *time.Location) reader {
	return func(n *yaml.Node, path string) {
		t, ok := parseTime(n.Value, zone)
		if n.Kind != yaml.ScalarNode || !ok {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a time such as 2026-01-31T12:00:00Z, or a date")
			return
		}
		*dst = t.UTC()
	}
}

// parseTime parses an RFC 3339 time, also without a zone, a date, or either as
// iCalendar writes it, with an optional zone of its own.
func parseTime(s string, zone *time.Location) (time.Time, bool) {
	if name, rest, ok := cutZone(s); ok {
		own, err := time.LoadLocation(name)
		if err != nil || name == "Local" {
			return time.Time{}, false
		}
		s, zone = rest, own
	}
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", time.DateOnly, "20060102T150405Z", "20060102T150405", "20060102",
	} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// cutZone parts the zone from a time of the form "TZID=Europe/Berlin:20260328T220000".
func cutZone(s string) (zone, rest string, ok bool) {
	if s, ok = strings.CutPrefix(strings.TrimPrefix(s, ";"), "TZID="); !ok {
		return "", "", false
	}
	return strings.Cut(s, ":")
}

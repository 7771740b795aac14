package simulate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// When is a moment: absolute, or relative to the clock of the scenario.
type When struct {
	Place
	abs time.Time
	// rel counts from a reference when there is no abs; bare means that it was
	// written without a sign, which each field reads in its own way.
	rel  time.Duration
	bare bool
	// never is the moment that does not come.
	never bool
}

const whenForm = "a time such as 2026-01-05T09:00:00Z or \"2026-01-05 09:00\" (UTC), or one relative to the clock such as -2h, +30m or now"

func (w *When) decode(d *decoder, n *yaml.Node, path string) {
	w.Place = placeOf(n, path)
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.problem(n, path, whenForm, "%s is %s", last(path), describe(n))
		return
	}
	if !w.parse(n.Value) {
		d.problem(n, path, whenForm, "%s is %s", last(path), describe(n))
	}
}

func (w *When) parse(s string) bool {
	switch s {
	case "now":
		return true
	case "never", "none":
		w.never = true
		return true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			w.abs = t.UTC()
			return true
		}
	}
	rel, ok := parseSpan(strings.TrimLeft(s, "+-"))
	if !ok || len(s)-len(strings.TrimLeft(s, "+-")) > 1 {
		return false
	}
	w.rel, w.bare = rel, s[0] != '+' && s[0] != '-'
	if s[0] == '-' {
		w.rel = -rel
	}
	return true
}

// past is the moment, where a duration without a sign is that long ago.
func (w *When) past(now time.Time) time.Time {
	if w.bare {
		return now.Add(-w.rel)
	}
	return w.time(now)
}

// time is the moment, where a duration without a sign is that long from now.
func (w *When) time(now time.Time) time.Time {
	switch {
	case w.never:
		return time.Time{}
	case !w.abs.IsZero():
		return w.abs
	}
	return now.Add(w.rel)
}

// Span is a duration, in which d is a day of 24 hours.
type Span time.Duration

func (s *Span) decode(d *decoder, n *yaml.Node, path string) {
	v, ok := parseSpan(n.Value)
	if n.Kind != yaml.ScalarNode || !ok {
		d.problem(n, path, "a duration such as 90s, 15m, 1h30m or 7d", "%s is %s", last(path), describe(n))
		return
	}
	*s = Span(v)
}

var days = regexp.MustCompile(`^([0-9]{1,5})d(.*)$`)

// parseSpan reads a duration that is not negative.
func parseSpan(s string) (time.Duration, bool) {
	var sum time.Duration
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, false
		}
		if sum, s = time.Duration(n)*24*time.Hour, m[2]; s == "" {
			return sum, true
		}
	}
	v, err := time.ParseDuration(s)
	return sum + v, err == nil && v >= 0 && s[0] != '-' && s[0] != '+'
}

// Names is a name or a list of names.
type Names []string

func (v *Names) decode(d *decoder, n *yaml.Node, path string) {
	*v = Names{}
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || isNull(item) {
			d.problem(item, path, "a name or a list of names", "%s is %s", last(path), describe(item))
			continue
		}
		if len(items) == 1 && n.Kind == yaml.ScalarNode && item.Value == none {
			continue
		}
		*v = append(*v, item.Value)
	}
}

// none stands for nothing where a name is expected.
const none = "none"

// Text is what a text must contain or, between slashes, a regular expression that
// must match it.
type Text struct {
	Place
	text string
	re   *regexp.Regexp
}

func (t *Text) decode(d *decoder, n *yaml.Node, path string) {
	t.Place = placeOf(n, path)
	if n.Kind != yaml.ScalarNode {
		d.problem(n, path, "text, or a regular expression between slashes", "%s is %s", last(path), describe(n))
		return
	}
	t.text = n.Value
	if len(t.text) < 2 || !strings.HasPrefix(t.text, "/") || !strings.HasSuffix(t.text, "/") {
		return
	}
	re, err := regexp.Compile(t.text[1 : len(t.text)-1])
	if err != nil {
		d.problem(n, path, "a regular expression of RE2", "%s", err)
		return
	}
	t.re = re
}

func (t *Text) matches(s string) bool {
	switch {
	case t.re != nil:
		return t.re.MatchString(s)
	case t.text == "" || t.text == none:
		return s == ""
	}
	return strings.Contains(s, t.text)
}

func (t *Text) String() string {
	switch {
	case t.re != nil:
		return "text that matches " + t.text
	case t.text == "" || t.text == none:
		return "no text"
	}
	return fmt.Sprintf("text with %q", t.text)
}

// oneOrMany is a value or a list of values.
type oneOrMany[T any] []T

func (v *oneOrMany[T]) decode(d *decoder, n *yaml.Node, path string) {
	if n.Kind == yaml.SequenceNode {
		list := make([]T, len(n.Content))
		for i, item := range n.Content {
			d.decode(item, &list[i], fmt.Sprintf("%s[%d]", path, i))
		}
		*v = list
		return
	}
	list := make([]T, 1)
	d.decode(n, &list[0], path)
	*v = list
}

// byName is a mapping by name, or a list of names with the same, empty value.
type byName[T any] map[string]T

func (v *byName[T]) decode(d *decoder, n *yaml.Node, path string) {
	m := map[string]T{}
	*v = m
	if n.Kind == yaml.MappingNode {
		d.decode(n, &m, path)
		*v = m
		return
	}
	var names Names
	names.decode(d, n, path)
	for _, name := range names {
		var zero T
		m[name] = zero
	}
}

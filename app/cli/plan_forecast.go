package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// arrivalJSON is when Freight reaches a Stage if it is promoted now and nothing
// changes. A clone does not tell since when a Stage has held its Freight, so that
// time counts from now.
type arrivalJSON struct {
	Stage     string `json:"stage"`
	Warehouse string `json:"warehouse"`
	Freight   string `json:"freight"`
	// After is a duration from now, empty for "not by itself".
	After     string   `json:"after,omitempty"`
	Remaining []string `json:"remaining"`
	Needs     string   `json:"needs,omitempty"`
}

// forecast is about Stages that the chosen Freight reaches later or not by itself;
// there is none for Freight that automation would not choose.
func (pl *planner) forecast(stages []pipeline.Stage) []arrivalJSON {
	out := []arrivalJSON{}
	if pl.older {
		return out
	}
	for _, a := range pipeline.Forecast(pl.p, pl.snap, pl.now) {
		planned := slices.ContainsFunc(stages, func(s pipeline.Stage) bool { return s.Name == a.Stage })
		if !planned || a.Arrived || !a.At.IsZero() && !a.At.After(pl.now) {
			continue
		}
		line := arrivalJSON{
			Stage: a.Stage, Warehouse: a.Warehouse, Freight: a.Freight, Needs: a.Needs, Remaining: append([]string{}, a.Remaining...),
		}
		if !a.At.IsZero() {
			line.After = (a.At.Sub(pl.now) + time.Minute - 1).Truncate(time.Minute).String()
		}
		out = append(out, line)
	}
	return out
}

// sentence says it for people.
func (a arrivalJSON) sentence() string {
	parts := []string{"not by itself"}
	if a.After != "" {
		after := strings.TrimSuffix(a.After, "0s") // whole minutes
		if strings.HasSuffix(after, "h0m") {
			after = strings.TrimSuffix(after, "0m")
		}
		parts[0] = "in " + after
	}
	if len(a.Remaining) > 0 {
		parts = append(parts, "remaining: "+strings.Join(a.Remaining, ", "))
	}
	if a.Needs != "" {
		parts = append(parts, "needs "+a.Needs)
	}
	return strings.Join(parts, "; ")
}

// foretold is the forecast as text, empty when everything arrives at once.
func (r planResult) foretold() string {
	if len(r.Forecast) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("If nothing changes\n")
	for _, a := range r.Forecast {
		fmt.Fprintf(&b, "  %s\t%s\n", a.Stage, printable(a.sentence()))
	}
	return b.String()
}

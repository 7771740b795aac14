package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// suggestion is ": did you mean x()?" for the function whose name is nearest, or nothing.
func suggestion(name string) string {
	const longest = 40 // far longer than any function's name
	if len(name) > longest {
		return ""
	}
	best, distance := "", 3
	for _, known := range slices.Sorted(maps.Keys(signatures)) {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(known)); d < distance && d <= len(known)/3 {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "()?"
}

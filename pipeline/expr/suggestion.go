package expr

import (
	"maps"
	"slices"
	"strings"
)

// suggestion is ": did you mean x()?" for the function whose name is nearest, or nothing.
func suggestion(name string) string {
	best, distance := "", 3
	for _, known := range slices.Sorted(maps.Keys(signatures)) {
		if d := editDistance(strings.ToLower(name), strings.ToLower(known)); d < distance && d <= len(known)/3 {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "()?"
}

// editDistance counts the bytes to insert, delete or replace between a and b. It gives up,
// with a large number, on names far longer than any function's.
func editDistance(a, b string) int {
	const longest = 40
	if len(a) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

package pipeline

import (
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// DidYouMean returns the valid name closest to got when it is near enough to be
// a slip of the keyboard (at most two edits, one for names of one or two
// characters; two swapped neighbours are two edits), else "". Case does not count.
func DidYouMean(got string, valid []string) string {
	length := utf8.RuneCountInString(got)
	limit := min(2, (length+1)/2)
	best := ""
	for _, name := range valid {
		if n := utf8.RuneCountInString(name); max(n-length, length-n) > limit {
			continue // also what keeps hostile lengths cheap
		}
		if d := levenshtein.ComputeDistance(strings.ToLower(got), strings.ToLower(name)); d <= limit && (best == "" || d < limit) {
			best, limit = name, d
		}
	}
	return best
}

package pipeline

import (
	"strings"
	"unicode/utf8"
)

// DidYouMean returns the valid name closest to got when it is near enough to be
// a slip of the keyboard (at most two edits, fewer for short names), else "".
func DidYouMean(got string, valid []string) string {
	length := utf8.RuneCountInString(got)
	limit := min(2, (length+2)/3)
	best := ""
	for _, name := range valid {
		if n := utf8.RuneCountInString(name); max(n-length, length-n) > limit {
			continue // also what keeps hostile lengths cheap
		}
		if d := editDistance(strings.ToLower(got), strings.ToLower(name)); d <= limit && (best == "" || d < limit) {
			best, limit = name, d
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment) between two short strings.
func editDistance(a, b string) int {
	r, s := []rune(a), []rune(b)
	older, prev, row := make([]int, len(s)+1), make([]int, len(s)+1), make([]int, len(s)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(r); i++ {
		row[0] = i
		for j := 1; j <= len(s); j++ {
			cost := 1
			if r[i-1] == s[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && r[i-1] == s[j-2] && r[i-2] == s[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, prev, row = prev, row, older
	}
	return prev[len(s)]
}

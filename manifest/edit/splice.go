package edit

import "slices"

// splice replaces the bytes of a span by a text.
type splice struct {
	span
	text string
}

// applySplices returns src with all splices made. It reports false when two of
// them overlap. Insertions at one place keep their order.
func applySplices(src []byte, splices []splice) ([]byte, bool) {
	sorted := slices.Clone(splices)
	slices.SortStableFunc(sorted, func(a, b splice) int { return a.start - b.start })
	out := make([]byte, 0, len(src)+256)
	done := 0
	for _, sp := range sorted {
		if sp.start < done || sp.end < sp.start || sp.end > len(src) {
			return nil, false
		}
		out = append(out, src[done:sp.start]...)
		out = append(out, sp.text...)
		done = sp.end
	}
	return append(out, src[done:]...), true
}

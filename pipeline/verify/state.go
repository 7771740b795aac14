package verify

import "encoding/json"

// remembered reads what an earlier look left; ok is false when there is nothing to
// be read.
func remembered[T any](in Look) (state T, ok bool) {
	if in.State == nil {
		return state, false
	}
	if json.Unmarshal(in.State, &state) != nil {
		var none T
		return none, false
	}
	return state, true
}

package discover

import (
	"fmt"
	"time"
)

// parseSince reads the bound of NewestFromBranch: a time, a date (which begins at
// midnight UTC), or a duration before now.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("since %q is neither a time (2026-01-31T12:00:00Z), a date nor a duration (720h)", text)
}

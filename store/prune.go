package store

import "time"

// Expired names what a repository need not keep any longer.
type Expired struct {
	Freight, Promotions []string
	// Before is the end of the time for which ended VerificationRuns and answered
	// intents need not be kept.
	Before time.Time
}

// Pruned counts what was deleted.
type Pruned struct {
	Freight, Promotions, Verifications, Intents, Specs, Remotes int
}

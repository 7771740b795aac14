package store

import "github.com/kargo-app/kargo/pipeline"

// Applied says what applying actions changed.
type Applied struct {
	// Started holds the ids of new Promotions in order.
	Started []string
	// Changed reports whether anything was written.
	Changed bool
}

// ResolvedIntent is an intent that was acted on or refused, and about which the
// person has not been told yet.
type ResolvedIntent struct {
	pipeline.Intent
	// Promotion is the id that was started or asked to abort; it replaces the
	// Promotion that the Intent names.
	Promotion string
	// Refusal is nil unless the intent was refused; its Err is not kept.
	Refusal *pipeline.UserError
}

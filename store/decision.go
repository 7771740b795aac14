package store

import "github.com/kargo-app/kargo/pipeline"

// Applied says what applying actions changed.
type Applied struct {
	// Started holds the ids of new Promotions in order.
	Started []string
	// Verifications holds the ids of new VerificationRuns in order.
	Verifications []string
	// Changed reports whether anything was written.
	Changed bool
}

// ResolvedIntent is an intent that was acted on or refused, and about which the
// person has not been told yet.
type ResolvedIntent struct {
	pipeline.Intent
	// Promotion is the id that was started, approved, taken up again or asked to
	// abort; it replaces the Promotion that the Intent names.
	Promotion string
	// Verification is the id of the run that was started or asked to end.
	Verification string
	// Freight is the id that was created, renamed, approved or deleted; it replaces
	// the Freight that the Intent names.
	Freight string
	// Refusal is nil unless the intent was refused; its Err is not kept.
	Refusal *pipeline.UserError
}

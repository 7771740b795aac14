package pipeline

import "time"

// Action is something that should happen now. The set is closed.
type Action interface{ action() }

// CreateFreight stores new Freight. Intent is the request it answers, empty for
// what was discovered; so it is in all actions.
type CreateFreight struct {
	Freight Freight
	Intent  string
}

// DeleteFreight forgets Freight and everything known of it in Stages.
type DeleteFreight struct{ Freight, Intent string }

// RenameFreight gives Freight another alias.
type RenameFreight struct{ Freight, Alias, Intent string }

// AdoptFreight makes Freight current in a Stage whose files already hold it.
type AdoptFreight struct{ Stage, Freight string }

// MarkVerified records that Freight is verified in a Stage.
type MarkVerified struct{ Stage, Freight string }

// RevokeVerified takes it back, in a control-flow Stage, when what let the Freight
// pass there was revoked.
type RevokeVerified struct{ Stage, Freight string }

// ApproveFreight lets Freight into a Stage without upstream verification.
type ApproveFreight struct {
	Stage, Freight string
	Actor          string
	Reason         string
	Intent         string
}

// ApprovePromotion records an approval given by command.
type ApprovePromotion struct {
	Promotion string
	Approval  Approval
	Intent    string
}

// AnswerPromotion records an answer to the step that a Promotion is in.
type AnswerPromotion struct {
	Promotion string
	Answer    Answer
	Intent    string
}

// StartVerification runs a Stage's Verification. The run's ID and Seq are given
// by the store.
type StartVerification struct {
	Run    VerificationRun
	Intent string
}

// StopVerification ends a run.
type StopVerification struct {
	Run    string
	Reason string
	Intent string
}

// RecordHold records a hold.
type RecordHold struct {
	Hold   Hold
	Intent string
}

// ReleaseHold ends the hold on one origin in a Stage.
type ReleaseHold struct{ Stage, Warehouse, Intent string }

// FreezePipeline closes the pipeline, ThawPipeline opens it.
type FreezePipeline struct {
	Freeze Freeze
	Intent string
}

// ThawPipeline ends a freeze.
type ThawPipeline struct{ Intent string }

// GrantIntent answers a request that needed no other action.
type GrantIntent struct{ Intent string }

// RetryPromotion takes up a Promotion that ended, from the first step that did
// not succeed.
type RetryPromotion struct{ Promotion, Intent string }

// StartPromotion queues a Promotion. Its ID and Seq are given by the store.
type StartPromotion struct {
	Promotion Promotion
	// Intent is the request it answers, empty for auto-promotion.
	Intent string
}

// AbortPromotion ends a Promotion.
type AbortPromotion struct {
	Promotion string
	Reason    string
	// As is the phase in which it ends; empty means Aborted.
	As Phase
	// Intent is the request it answers, empty when the rules demand it.
	Intent string
}

// RefuseIntent answers a request with the reason why it is not granted.
type RefuseIntent struct {
	Intent string
	Err    *UserError
}

// Wake asks to decide again at a time although nothing may have happened.
type Wake struct{ At time.Time }

func (CreateFreight) action()     {}
func (DeleteFreight) action()     {}
func (RenameFreight) action()     {}
func (AdoptFreight) action()      {}
func (MarkVerified) action()      {}
func (RevokeVerified) action()    {}
func (ApproveFreight) action()    {}
func (ApprovePromotion) action()  {}
func (AnswerPromotion) action()   {}
func (StartVerification) action() {}
func (StopVerification) action()  {}
func (RecordHold) action()        {}
func (ReleaseHold) action()       {}
func (FreezePipeline) action()    {}
func (ThawPipeline) action()      {}
func (GrantIntent) action()       {}
func (RetryPromotion) action()    {}
func (StartPromotion) action()    {}
func (AbortPromotion) action()    {}
func (RefuseIntent) action()      {}
func (Wake) action()              {}

package pipeline

import "time"

// Action is something that should happen now. The set is closed.
type Action interface{ action() }

// CreateFreight stores new Freight.
type CreateFreight struct{ Freight Freight }

// AdoptFreight makes Freight current in a Stage whose files already hold it.
type AdoptFreight struct{ Stage, Freight string }

// MarkVerified records that Freight is verified in a Stage.
type MarkVerified struct{ Stage, Freight string }

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

func (CreateFreight) action()  {}
func (AdoptFreight) action()   {}
func (MarkVerified) action()   {}
func (StartPromotion) action() {}
func (AbortPromotion) action() {}
func (RefuseIntent) action()   {}
func (Wake) action()           {}

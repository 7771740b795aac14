package store

import "time"

// Delivery is one webhook delivery as it arrived.
type Delivery struct {
	// GUID is the X-GitHub-Delivery header; redeliveries repeat it.
	GUID string
	// Event is the X-GitHub-Event header.
	Event      string
	Body       []byte
	ReceivedAt time.Time
	// DoneAt is when it was processed; zero while it is open.
	DoneAt time.Time
	// Attempts counts failures, LastError is the newest.
	Attempts  int
	LastError string
}

package store

import "errors"

var (
	// ErrNotFound says that what was named is not stored.
	ErrNotFound = errors.New("not found")
	// ErrLeaseLost says that a job was claimed by somebody else, released or
	// finished meanwhile. The holder must stop and must not repeat the write.
	ErrLeaseLost = errors.New("lease lost")
)

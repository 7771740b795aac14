// Package step holds the steps of a Promotion: the contract that every step
// kind keeps, the Registry that finds them, and one file for each kind.
//
// A step is a function from a strictly decoded config to a typed output. It may
// run again after a crash at any instant, so its effects are idempotent by
// construction: names are derived from the Promotion, and what may exist
// already is looked up before it is created. A step never sleeps; to wait, it
// returns a [WaitError] and is run again when its time or one of its events
// comes.
//
// The package knows no GitHub client, no database and no clock: what steps need
// from outside are the ports in ports.go. Definitions are values without state
// and safe for concurrent use; an Env belongs to one Promotion at a time.
package step

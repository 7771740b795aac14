// Package pipeline is the domain: the vocabulary of continuous promotion and the
// pure rules over it.
//
// A [Pipeline] is what one .kargo.yaml declares. [Decide] looks at it, at a
// [Snapshot] of what is known and at a time, and says what should happen next.
// [Explain] answers "why not?" from the same rules. [Promotion] is the state
// machine of one attempt to bring one [Freight] into one [Stage]; [FollowUp] says
// which [VerificationRun] its success demands. [Apply] is the model of what a store
// does with a decision.
//
// What it is not: nothing here reads a file, a clock, a database or a network.
// Durable state lives in package store, effects in the packages below this one.
//
// All functions are safe for concurrent use as long as their arguments are not
// modified meanwhile; no function keeps a reference to its arguments.
package pipeline

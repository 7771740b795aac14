// Package reconcile brings the pipelines of repositories up to date, one at a
// time: it discovers artifacts where that is due, asks pipeline.Decide what should
// happen, and applies the answer, until nothing more should. The root pipeline of a
// repository comes with the configuration of all: .kargo.yaml and the files that it
// includes are read at the head of the default branch, and pipelines that changed
// get a job of their own.
//
// Every event ends here as a mere hint that something may have changed; what a
// Reconciler does depends on the stored and the observed state alone, so a
// duplicate, late or lost hint changes nothing but the time of the answer.
//
// It talks to no host and no database by itself; its ports say what it needs. A
// Reconciler is safe for concurrent use on different pipelines, also of the same
// repository; one pipeline is reconciled by one caller at a time.
package reconcile

// Package reconcile brings one repository's pipeline up to date: it reads
// .kargo.yaml at the head of the default branch, discovers artifacts where that
// is due, asks pipeline.Decide what should happen, and applies the answer, until
// nothing more should.
//
// Every event ends here as a mere hint that something may have changed; what a
// Reconciler does depends on the stored and the observed state alone, so a
// duplicate, late or lost hint changes nothing but the time of the answer.
//
// It talks to no host and no database by itself; its ports say what it needs. A
// Reconciler is safe for concurrent use on different repositories; one
// repository is reconciled by one caller at a time.
package reconcile

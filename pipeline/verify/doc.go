// Package verify runs Verifications: it measures the metrics of a
// pipeline.VerificationRun until each has succeeded or failed, by the rules of
// Argo Rollouts' analysis.
//
// [Runner.Advance] makes one pass over a run: it evaluates the arguments at the
// start, measures what is due, assesses every metric and says when, or on which
// events, to look again. All that has to be remembered is in the run, so that a
// pass after a crash goes on where the last one was recorded. Where a metric has an
// effect outside (a workflow is dispatched), the intention is stored first, and the
// effect is looked for before it is repeated.
//
// What it is not: nothing here decides whether a run starts, stores it, or marks
// Freight as verified; and nothing reaches the outside except through the ports
// ([HTTP], [Commits], [Workflows], [Deployments], [CloudWatch], [Secrets]). One
// provider stands in each file.
//
// A Runner may be used concurrently for different runs; one run is advanced by one
// caller at a time.
package verify

// Package actions dispatches GitHub Actions workflows exactly once, whatever dies
// around the dispatch, and says how their runs went. Verifications and Promotion
// steps both build on it.
//
// GitHub gives a dispatch no idempotency key, tells the id of the run only since
// 2026, and shows a run in lists some time after it was dispatched. So the intention
// is stored first, with the runs that were there before; what is not known
// afterwards is looked for, and only once no run can appear any more is the dispatch
// made again.
//
// The package knows no GitHub client, no clock and no storage: they are given.
// Nothing here has state of its own.
package actions

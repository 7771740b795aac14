// Package store names what outlives the process and what may be said about it:
// the record types and errors that every database behind the bot shares.
//
// It is not a database. Package store/sqlite keeps these records in a SQLite
// file, package store/storetest says how any implementation must behave, and
// consumers declare the few methods that they need themselves. Types here are
// plain values; they are safe to share as long as nobody modifies them.
//
// # What is stored
//
// A [Delivery] is a webhook as it arrived. It is durable before GitHub gets its
// answer, known by GitHub's GUID so that a redelivery changes nothing, and open
// until somebody finished it.
//
// A [Job] is one row of work: a Delivery to dispatch, a repository to reconcile
// or a Stage to advance. There is at most one per kind and key. Asking for a
// job that exists moves it earlier; asking while it runs makes it run once more
// afterwards, because the run under way may have looked before the change.
// A job that nobody runs is due at a time; a claimed one is leased. Every claim
// raises the token, also across the end and rebirth of a job, so that a worker
// whose lease ran out cannot write any more ([ErrLeaseLost]).
//
// A repository is known by GitHub's id; names are looked up without regard to
// case and may change. Its [Config] keeps the last good .kargo.yaml beside the
// newest look at the file, so that a broken file stops nothing that runs.
//
// It may declare several pipelines. Names of Warehouses and Stages of an included
// one begin with its own and a slash, and so the ids of its Promotions; whatever
// happens to one of them is answered by a reconciliation of that pipeline alone
// ([ReconcileKey]).
//
// Warehouses, Freight, marks, holds, freezes, Promotions, VerificationRuns and
// intents are the parts of [pipeline.Snapshot]; what actions do to them is what
// [pipeline.Apply] says. Marks hold what happened to Freight in a Stage: verified
// and approved are sticky; at most one Freight per Stage and Warehouse is
// current; leaving a Stage is noted, and credits the stay if the Freight was
// verified there. Freight that was deleted is gone for everything but the
// Promotions and runs that carried it.
//
// A Promotion has an immutable part, written once, and a state that only the
// holder of the Stage's job writes. One Promotion runs per Stage, and one
// unfinished Promotion exists per Stage and Freight. The request to abort lies
// beside the state and is never overwritten by it, and so do approvals. An end is
// final until the Promotion is taken up again. Numbers are never given twice, not
// even when history was pruned.
//
// A VerificationRun is stored like a Promotion and belongs to the same job; one is
// under way per Stage. Its end changes the marks of its whole collection, and the
// success of a Promotion starts the run that follows in the same transaction.
//
// An intent is stored when a person asked, resolved in the same transaction
// that acts on it, and answered when the person was told.
//
// A [RemoteObject] remembers what was created on GitHub. It is written before
// the creation and again after it, so that after a crash the creator knows to
// look before it creates again.
//
// Secrets and credentials are stored as ciphertext; who may decrypt them is not the
// store's business. Lists never contain values.
//
// Times are passed in, in UTC, and kept to the microsecond.
package store

// Package promotion runs Promotions: it claims nothing and schedules nothing,
// but given the durable record of one Stage it moves that Stage's Promotions, and
// the Verification of what they brought, as far as they can go now, and says when
// to look again. How a Verification measures is a [Verifier]'s business; here it
// only takes its turn among the Promotions.
//
// The order of things is what makes it safe to kill: a step is recorded as
// running before it runs and its outcome before the next one starts; steps are
// idempotent; waiting is a row. What the world sees of a Promotion beside its
// pull request (check run, Deployment, comment) is a projection of the record,
// published by [Publisher] and brought up to date on every pass.
//
// What a Promotion follows was settled when it was created. Windows and freezes
// were not: they are asked for as they are now before anything is let in.
//
// An Engine is safe for concurrent use on different Stages. One Stage must be
// advanced by one caller at a time, which the Ledger's lease guards.
package promotion

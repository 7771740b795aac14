// Package handlers is everything that arrives from GitHub: the webhook inbox,
// which does nothing but check and store, and the [Dispatcher], which later turns
// each stored Delivery into hints ("look at this repository") and requests.
//
// A Delivery is durable before it is acknowledged and done only after it was
// handled, so a crash in between handles it again: every handler is idempotent.
// One file per kind of event. The payloads are decoded into minimal structs of
// our own, because the events of which go-github v62 has no idea, or a wrong one,
// matter too.
//
// Inbox and Dispatcher are safe for concurrent use.
package handlers

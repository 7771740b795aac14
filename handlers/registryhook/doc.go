// Package registryhook receives the webhooks of registries: somebody pushed an image
// or a chart, so the Warehouses that subscribe to it should look now and not at their
// next interval.
//
// Every [Receiver] has an address of its own that contains a digest of its secret, so
// that knowing the address is knowing the secret, and rotating the secret moves the
// address. Services that can sign or send the secret must do that as well. Nothing in
// a payload is believed: it only names where to look. Freight comes from what is found
// there.
//
// One file understands the payloads of one service. The package decides nothing and
// keeps no state. A [Handler] is safe for concurrent use.
package registryhook

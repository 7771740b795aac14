// Package outbound is the one way to addresses that pipelines name: an HTTP client, and
// connections for what is not HTTP. It keeps people who may write a pipeline from
// reaching what only this machine can reach: it refuses loopback, link-local, private,
// shared and other special addresses, metadata services among them, unless the operator
// allows them.
//
// Addresses are judged after names were resolved, at the moment of connecting, and so
// on every redirect too. Requests are bounded in time and answers in size, no proxy
// is taken from the environment, and headers do not follow a redirect to another
// host.
//
// It is not for requests to the Git host or to container registries, whose addresses
// the operator configures and which have clients of their own. A Client is safe for
// concurrent use.
package outbound

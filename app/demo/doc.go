// Package demo is `kargo demo`: the whole product on one machine, without an
// account and without a network. It starts the real server against the GitHub
// simulator of app/forge and a container registry in memory, seeds an example
// organisation, publishes an image version, and shows on the terminal and on a
// page in the browser how it is promoted.
//
// Nothing here reaches into the server: it is configured as an operator would
// configure it, everything that people do goes through the simulator, which sends
// signed webhooks, and what is stored is only read. The page is not the
// dashboard; it exists to play both sides, the pipeline and GitHub, in one
// window.
//
// [Run] starts goroutines and joins all of them before it returns. The types of
// this package are safe for concurrent use.
package demo

// Package discover turns the Subscriptions of a Warehouse into candidate
// artifacts, best choice first, and says what was rejected and why.
//
// Every selection strategy is a file of its own; what they share is filtering by
// name (tagnames.go), ordering by version (semver.go), looking at an image
// (inspect.go) and reading history (history.go). The rules are Kargo's, with the
// deviations that the names of the tests state.
//
// Discovery is frugal: a SemVer or Lexical image costs the listing of its tags and
// one look at the winner, a branch whose head has not moved costs one request.
//
// The package creates no Freight, keeps no state and knows no registry and no Git
// protocol: it asks through [Images], [Commits] and [TagCache]. A [Discoverer] is
// safe for concurrent use if its ports are.
package discover

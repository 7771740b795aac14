// Package forge is a local GitHub: enough of the REST API, the GraphQL API, git over HTTP and webhooks, backed by real
// bare git repositories, to run the App against it without a network. `kargo demo`, `kargo simulate` and the
// end-to-end tests use it.
//
// [Server] is one http.Handler laid out like a GitHub Enterprise Server: REST under /api/v3, GraphQL at /api/graphql,
// git at /OWNER/REPO.git. It is stricter than GitHub where GitHub is lenient (unknown body keys, a missing
// Content-Type and anonymous REST calls are refused), so that what works here works there. People act through Go
// methods ([Server.OpenPullRequest], [Server.CommentOn], ...), the App acts through HTTP. [Server.Run] delivers webhooks.
// [Server.Inject] and the other methods in faults.go make it misbehave on purpose.
//
// It is not a GitHub replacement: no forks, no runners (workflows can be dispatched; people say how they end), no
// web pages, no OAuth, and nothing but the git objects outlives the process.
//
// All methods of Server are safe for concurrent use. One mutex guards the whole state, and requests that write hold it
// from start to end, so every request sees and leaves a consistent world.
package forge

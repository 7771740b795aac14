// Package e2e runs the real server as a black box: `kargo serve` in a process of
// its own, against a GitHub and a container registry that are simulated in the
// test's process and reached over HTTP and Git only.
//
// The scenarios are the files in testdata, which read as documentation: they say
// what people, CI and time do, and what can then be seen on GitHub. Beside them
// stand tests that need more than a script: random faults and kills, budgets of
// requests, bytes and memory, and the conduct of the process itself.
//
// KARGO_CHAOS_SECONDS makes the random tests run longer, KARGO_CHAOS_SEED repeats
// one run. KARGO_OPENAPI names GitHub's OpenAPI description for the tests under
// the build tag conformance. The package holds tests only.
package e2e

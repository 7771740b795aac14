// Package steptest is the outside world of steps for tests: Git repositories
// made of real objects in memory, pull requests that are a state machine over
// them, gates that a test opens, and a clock that a test moves.
//
// The fakes behave: a stale push is rebased, a pull request conflicts when its
// lines do, a merge moves the base branch. [TestGit] and [TestPulls] say what a
// port must do; the fakes pass them, and so must the real ones. A [World] is safe for concurrent use
// except for its exported fields, which a test sets between calls.
package steptest

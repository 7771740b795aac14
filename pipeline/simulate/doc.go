// Package simulate runs scenarios: files that say what a pipeline starts with, what
// happens, and what must come of it. They are unit tests for people who write a
// .kargo.yaml, and the tests of our own rules.
//
// What decides is what decides in production: discovery chooses among artifacts,
// [pipeline.Decide] decides, the promotion engine runs steps and evaluates their
// expressions. Around it everything is scripted or in memory: the clock, what a
// step or a measurement answers, registries, repositories and pull requests. It is
// no dry run; nothing is read or changed outside.
//
// A [Scenario] is immutable once loaded and may be run by several goroutines at the
// same time; each run has a world of its own.
package simulate

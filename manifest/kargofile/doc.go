// Package kargofile reads .kargo.yaml, the file that declares a pipeline, and
// writes its canonical form.
//
// [Parse] turns the file into a [pipeline.Pipeline]: it decodes strictly, expands
// the shorthand, resolves every reference, and reports everything that is wrong at
// once, each problem with its line and column. What comes after the parser sees
// canonical form only: a matrix has become Stages, a task its steps, and analysis
// templates one Verification. [Expand] prints that form; parsing it again gives the
// same Pipeline. [ParseTask] and [Inflate] do for a task of another repository what
// Parse does for those of the file.
//
// What it is not: it does not read files, ask GitHub, evaluate expressions or run
// steps. Which steps exist and what their configuration means is asked of a
// [StepChecker].
//
// The file comes from a repository that anybody may write to, so its size, depth,
// aliases, patterns and the number of reported problems are bounded. All functions
// are safe for concurrent use.
package kargofile

// Package expr evaluates the expressions of pipeline definitions: Kargo's
// dialect, which is the language of github.com/expr-lang/expr between ${{ and }},
// or between ${% and %} where the expression itself contains }}.
//
// A template is any string of a pipeline definition. Text without delimiters is
// left alone and stays a string; otherwise the text, with every expression
// replaced by its value, is turned into a number, a bool, other JSON or a string
// by Kargo's rules (see [Evaluate]). Only values are templates, never map keys.
//
// What an expression can see is decided by an [Env]. Definitions come from
// repositories that anybody may write to, so an evaluation does a bounded amount
// of work and never panics, whatever the expression is.
//
// The package does not read Freight, secrets or files: callers put the values
// into the Env. It does not mask secrets in results or errors either. It keeps no
// state, and all of its functions may be called concurrently; an Env may be shared
// as long as nobody changes it meanwhile.
package expr

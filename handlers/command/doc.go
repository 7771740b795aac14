// Package command turns the body of a comment on GitHub into commands, or into
// an explanation that is fit to be sent back.
//
// It reads Markdown as GitHub shows it, so that nothing acts that a reader would
// take for a quotation or an example: a command stands at the very start of a
// line of ordinary text, not in code, a quotation, an HTML comment or a hidden
// block. All command lines of a comment are checked together, all or nothing.
//
// It is not an authority: whether a Stage or Freight exists and who may do what
// is for the caller to decide, on the state at the time of receipt. It does no
// input or output, keeps no state, and is safe for concurrent use.
package command

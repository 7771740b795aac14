// Package edit changes single values in configuration files and keeps every
// other byte: comments, quoting, anchors, blank lines, line endings, the lack
// of a final newline.
//
// It does so by asking the parser where a value stands, replacing only the bytes
// of that value, parsing the result again, and refusing (ErrRefused) unless the
// two trees differ in the requested value and nowhere else. An edit is therefore
// either exact or an error; no input makes it write something else.
//
// It is not a formatter or a template engine: it creates no keys, except in JSON and
// in a kustomization's images, evaluates nothing, and reads and writes no files.
// Callers pass bytes and get bytes.
//
// All functions are pure and safe for concurrent use. The input slice is never
// modified, and may be returned as it is when there is nothing to change.
package edit

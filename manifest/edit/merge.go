package edit

import (
	"bytes"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
)

// MergeYAML lays YAML documents over one another, the later over the earlier, by the
// rules of Kargo's yaml-merge, which are those of the kyaml library: maps are merged,
// everything else is replaced; null removes a key, and so does the map
// `$patch: delete`. In documents that look like a known type of Kubernetes object, lists
// are merged where a strategic merge patch merges them. A scalar over a map, or the other
// way round, is an error.
//
// Documents without content are left out; a single one that has content is returned as
// it is. The result of a merge is written anew: comments stay with their keys, but blank
// lines, indentation and the line ends may change. A file with several documents is an
// error, because all but the first would be lost.
//
// Errors are *Error without a key; At is the position of the document that is at fault.
func MergeYAML(docs ...[]byte) ([]byte, error) {
	var merged *yaml.RNode
	var only []byte
	plain := map[*yaml.Node]bool{}
	for i, src := range docs {
		doc, err := mergeable(src)
		if err != nil {
			return nil, &MergeError{Index: i, Err: err}
		}
		if doc != nil {
			notePlain(doc.YNode(), plain)
		}
		switch {
		case doc == nil:
			continue
		case merged == nil:
			merged, only = doc, src
			continue
		}
		only = nil
		if merged, err = overlay(merged, doc); err != nil {
			return nil, &MergeError{Index: i, Err: err}
		}
	}
	switch {
	case merged == nil:
		return nil, nil
	case only != nil:
		return only, nil
	}
	restorePlain(merged.YNode(), plain)
	text, err := merged.String()
	if err != nil {
		return nil, fmt.Errorf("write the merged document: %w", err)
	}
	return []byte(text), nil
}

// MergeError says which document cannot be merged.
type MergeError struct {
	// Index counts the arguments of MergeYAML from 0.
	Index int
	Err   error
}

// Error implements error.
func (e *MergeError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *MergeError) Unwrap() error { return e.Err }

// mergeable parses a file of one document; nil if it has no content.
func mergeable(src []byte) (*yaml.RNode, error) {
	s, err := parseSource(src)
	if err != nil {
		return nil, err
	}
	full := 0
	for _, doc := range s.docs {
		if len(doc.Content) > 0 && doc.Content[0].ShortTag() != "!!null" {
			full++
		}
	}
	switch {
	case full > 1 || s.tail != nil:
		return nil, &Error{Msg: "the file holds several documents; merge files of one", Err: ErrTarget}
	case full == 0:
		return nil, nil
	}
	text := strings.ReplaceAll(string(bytes.TrimPrefix(src, []byte(bom))), "\r\n", "\n")
	doc, err := yaml.Parse(text)
	if err != nil {
		return nil, &Error{Msg: "not valid YAML: " + err.Error(), Err: ErrSyntax}
	}
	aliases, size := expanded(doc.YNode(), maxExpanded)
	switch {
	case size > maxExpanded:
		return nil, &Error{Msg: fmt.Sprintf("with its anchors written out the file has more than %d values", maxExpanded), Err: ErrTarget}
	case aliases:
		// The library takes an alias for a scalar and loses it.
		if err := doc.DeAnchor(); err != nil {
			return nil, &Error{Msg: "cannot be merged: " + err.Error(), Err: ErrTarget}
		}
	}
	return doc, nil
}

// overlay merges patch into base, which is used up. The library panics for some
// documents that it does not expect.
func overlay(base, patch *yaml.RNode) (merged *yaml.RNode, err error) {
	defer func() {
		if r := recover(); r != nil {
			merged, err = nil, &Error{Msg: fmt.Sprintf("cannot be merged: %v", r), Err: ErrTarget}
		}
	}()
	keepComments(base.YNode(), patch.YNode())
	merged, err = merge2.Merge(patch, base, yaml.MergeOptions{})
	if err != nil {
		return nil, &Error{Msg: "cannot be merged: " + err.Error(), Err: ErrTarget}
	}
	return merged, nil
}

package jira

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Text is what an issue or a comment says: plain text, or a document. The zero Text is
// none.
type Text struct {
	Plain string
	// Document is in Atlassian's document format, which only Jira Cloud has.
	Document json.RawMessage
}

// Empty reports whether there is none.
func (t Text) Empty() bool { return t.Plain == "" && len(t.Document) == 0 }

// ErrNoDocuments means that a document was to be sent to a Jira that has none.
var ErrNoDocuments = errors.New("this Jira is no Jira Cloud and has no documents (ADF)")

// value is the Text as the API takes it. In wiki text [~name] mentions people, which no
// text is to do by accident: it is broken up by a character without width.
func (t Text) value(cloud bool) (any, error) {
	switch {
	case len(t.Document) > 0 && !cloud:
		return nil, ErrNoDocuments
	case len(t.Document) > 0:
		return t.Document, nil
	case cloud:
		return document(t.Plain), nil
	}
	return strings.ReplaceAll(t.Plain, "[~", "[\u200b~"), nil
}

type node struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"`
	Text    string `json:"text,omitempty"`
	Content []node `json:"content,omitempty"`
}

// document makes paragraphs of what blank lines part, in which lines stay lines.
func document(text string) node {
	doc := node{Type: "doc", Version: 1, Content: []node{}}
	text = strings.Trim(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for block := range strings.SplitSeq(text, "\n\n") {
		p := node{Type: "paragraph"}
		for i, line := range strings.Split(strings.Trim(block, "\n"), "\n") {
			if i > 0 {
				p.Content = append(p.Content, node{Type: "hardBreak"})
			}
			if line != "" { // a text node must not be empty
				p.Content = append(p.Content, node{Type: "text", Text: line})
			}
		}
		doc.Content = append(doc.Content, p)
	}
	return doc
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

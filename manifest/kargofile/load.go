package kargofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	// maxSize is in bytes.
	maxSize  = 2 << 20
	maxNodes = 200_000
	maxDepth = 64
)

// load returns the root of the only document with all aliases and merge keys
// replaced by what they stand for, or nil after a problem that leaves nothing to
// look at.
func (d *decoder) load(data []byte) *yaml.Node {
	if len(data) > maxSize {
		d.at(1, 1, "").message("the file has %d bytes", len(data)).expected("at most %d bytes", maxSize)
		return nil
	}
	if bytes.ContainsFunc(data, separators(2*maxNodes)) {
		// Said before the values are in memory, where each takes far more.
		d.at(1, 1, "").message("the file holds far more than %d values", maxNodes).expected("a smaller file")
		return nil
	}
	if !utf8.Valid(data) {
		line, column := d.src.invalidUTF8()
		d.at(line, column, "").message("the file is not valid UTF-8").expected("text in UTF-8")
		return nil
	}
	stream := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	err := stream.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && isNull(doc.Content[0]) && len(doc.Content[0].Value) == 0 {
		d.at(1, 1, "").message("the file is empty").expected("apiVersion: %s", APIVersion)
		return nil
	}
	if err != nil {
		d.syntax(data, err)
		return nil
	}
	switch err := stream.Decode(&next); {
	case err == nil:
		d.at(next.Content[0].Line, next.Content[0].Column, "").
			message("the file holds more than one YAML document").expected("one document")
	case !errors.Is(err, io.EOF):
		d.syntax(data, err)
	}
	r := resolver{d: d, left: maxNodes, bytes: maxSize, open: map[*yaml.Node]bool{}}
	root := r.resolve(doc.Content[0], 0)
	if r.failed {
		return nil
	}
	return root
}

// separators returns a function that is true for the character after so many of
// those of which at least one stands between two values.
func separators(limit int) func(rune) bool {
	return func(r rune) bool {
		switch r {
		case '\n', '\r', ',', ':', '[', '{', '-', '?':
			limit--
		}
		return limit < 0
	}
}

// resolver replaces aliases and merge keys. Every use of an alias is paid for, so
// that a small file cannot stand for a huge one.
type resolver struct {
	d      *decoder
	left   int
	bytes  int
	open   map[*yaml.Node]bool
	failed bool
}

func (r *resolver) fail(n *yaml.Node, message, expected string) *yaml.Node {
	if !r.failed {
		r.failed = true
		r.d.problem(n, "").message("%s", message).expected("%s", expected)
	}
	return n
}

func (r *resolver) resolve(n *yaml.Node, depth int) *yaml.Node {
	r.left--
	r.bytes -= len(n.Value)
	switch {
	case r.failed:
		return n
	case r.left < 0:
		return r.fail(n, fmt.Sprintf("the file holds more than %d values, counting every use of an alias", maxNodes), "a smaller file")
	case r.bytes < 0:
		return r.fail(n, "the file is too large, counting every use of an alias", fmt.Sprintf("at most %d bytes", maxSize))
	case depth > maxDepth:
		return r.fail(n, "the file is nested too deeply", fmt.Sprintf("at most %d levels", maxDepth))
	case n.Kind == yaml.AliasNode:
		if r.open[n.Alias] {
			return r.fail(n, fmt.Sprintf("*%s stands for something that contains it", cut(n.Value)), "an alias to an earlier value")
		}
		return r.resolve(n.Alias, depth+1)
	}
	if n.Anchor != "" {
		r.open[n] = true
		defer delete(r.open, n)
	}
	out := *n
	out.Anchor, out.HeadComment, out.LineComment, out.FootComment = "", "", "", ""
	out.Content = nil
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			out.Content = append(out.Content, r.resolve(c, depth+1))
		}
		return &out
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content) && !r.failed; i += 2 {
		key, value := n.Content[i], r.resolve(n.Content[i+1], depth+1)
		if key.ShortTag() == "!!merge" {
			merged = append(merged, r.mergeable(value)...)
			continue
		}
		out.Content = append(out.Content, r.resolve(key, depth+1), value)
	}
	r.merge(&out, merged)
	return &out
}

// mergeable returns the keys and values of what stands behind a merge key.
func (r *resolver) mergeable(n *yaml.Node) []*yaml.Node {
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	var pairs []*yaml.Node
	for _, s := range sources {
		if s.Kind != yaml.MappingNode {
			r.fail(s, "<< cannot merge "+describe(s), "a mapping or a list of mappings")
			return nil
		}
		pairs = append(pairs, s.Content...)
	}
	return pairs
}

// merge adds pairs whose key is not there yet: own keys win over merged ones, and
// earlier merged ones over later.
func (r *resolver) merge(out *yaml.Node, pairs []*yaml.Node) {
	if len(pairs) == 0 {
		return
	}
	has := map[string]bool{}
	for i := 0; i < len(out.Content); i += 2 {
		has[out.Content[i].Value] = true
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if key := pairs[i]; key.Kind == yaml.ScalarNode && !has[key.Value] {
			has[key.Value] = true
			out.Content = append(out.Content, key, pairs[i+1])
		}
	}
}

package edit

import (
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// span is a half-open range of bytes.
type span struct{ start, end int }

// scalarSpan returns the bytes of a scalar's content, without its anchor and
// tag. The parser reports only where a node begins, so the end is found from the
// style and the decoded value. An empty value gives an empty span at the place
// where a value may be inserted.
func (s *source) scalarSpan(n *yaml.Node) (span, bool) {
	start, ok := s.contentStart(n)
	if !ok {
		return span{}, false
	}
	var end int
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		end, ok = s.quotedEnd(start, '"')
	case n.Style&yaml.SingleQuotedStyle != 0:
		end, ok = s.quotedEnd(start, '\'')
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		end, ok = s.lineEnd(start), start < len(s.src)
	default:
		end, ok = s.plainEnd(start, n.Value)
	}
	return span{start, end}, ok
}

// contentStart skips a node's anchor and tag. A value's content never starts
// with their indicators.
func (s *source) contentStart(n *yaml.Node) (int, bool) {
	off, ok := s.offset(n)
	if !ok {
		return 0, false
	}
	if isEmptyValue(n) {
		// Whatever follows on the line belongs to somebody else.
		for end := off; ; off = end {
			next := s.skipBlanks(end)
			if next >= len(s.src) || (n.Anchor == "" && n.Style&yaml.TaggedStyle == 0) {
				return off, true
			}
			if c := s.src[next]; c != '&' && c != '!' {
				return off, true
			}
			end = s.propertyEnd(next)
		}
	}
	for off < len(s.src) && (s.src[off] == '&' || s.src[off] == '!') {
		off = s.skipFiller(s.propertyEnd(off))
	}
	return off, off < len(s.src)
}

// isEmptyValue reports a value that is not written at all, as in `key:`.
func isEmptyValue(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style&^yaml.TaggedStyle == 0
}

// propertyEnd returns the end of the anchor or tag that starts at off.
func (s *source) propertyEnd(off int) int {
	for off < len(s.src) {
		switch s.src[off] {
		case ' ', '\t', ',', ']', '}':
			return off
		}
		if breakLen(s.src[off:]) > 0 {
			return off
		}
		off++
	}
	return off
}

func (s *source) skipBlanks(off int) int {
	for off < len(s.src) && (s.src[off] == ' ' || s.src[off] == '\t') {
		off++
	}
	return off
}

// skipFiller skips blanks, line breaks and comments.
func (s *source) skipFiller(off int) int {
	for off < len(s.src) {
		switch n := breakLen(s.src[off:]); {
		case n > 0:
			off += n
		case s.src[off] == ' ' || s.src[off] == '\t':
			off++
		case s.src[off] == '#':
			off = s.lineEnd(off)
		default:
			return off
		}
	}
	return off
}

func (s *source) quotedEnd(off int, quote byte) (int, bool) {
	if off >= len(s.src) || s.src[off] != quote {
		return 0, false
	}
	for off++; off < len(s.src); off++ {
		switch c := s.src[off]; {
		case c == '\\' && quote == '"':
			off++
		case c == quote && quote == '\'' && off+1 < len(s.src) && s.src[off+1] == quote:
			off++
		case c == quote:
			return off + 1, true
		}
	}
	return 0, false
}

// plainEnd walks the source along the decoded value: folding changes only the
// blanks of a plain scalar, all other characters stand there as they are.
func (s *source) plainEnd(off int, value string) (int, bool) {
	for _, r := range value {
		if isBlank(r) {
			continue
		}
		for {
			if off >= len(s.src) {
				return 0, false
			}
			got, size := utf8.DecodeRune(s.src[off:])
			off += size
			if got == r {
				break
			}
			if !isBlank(got) {
				return 0, false
			}
		}
	}
	return off, true
}

func isBlank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// nodeEnd returns the offset just after the last byte of a node that has
// content: for a collection in flow style its closing bracket, for one in block
// style the end of its last child.
func (s *source) nodeEnd(n *yaml.Node) (int, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return 0, false // ends with a line break, which no caller expects
		}
		sp, ok := s.scalarSpan(n)
		return sp.end, ok
	case yaml.AliasNode:
		off, ok := s.offset(n)
		return off + 1 + len(n.Value), ok
	default:
		return s.collectionEnd(n)
	}
}

func (s *source) collectionEnd(n *yaml.Node) (int, bool) {
	var end int
	var ok bool
	if len(n.Content) > 0 {
		end, ok = s.nodeEnd(n.Content[len(n.Content)-1])
	} else if end, ok = s.contentStart(n); ok {
		end++
	}
	if !ok || n.Style&yaml.FlowStyle == 0 {
		return end, ok
	}
	for end = s.skipFiller(end); end < len(s.src) && s.src[end] == ','; {
		end = s.skipFiller(end + 1)
	}
	closing := byte('}')
	if n.Kind == yaml.SequenceNode {
		closing = ']'
	}
	if end >= len(s.src) || s.src[end] != closing {
		return 0, false
	}
	return end + 1, true
}

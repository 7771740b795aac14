package edit

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// block is the anatomy of a literal or folded scalar.
type block struct {
	header  span // the indicators: `|`, `>-`, `|2+`
	rest    span // blanks and comment behind them, without the line break
	body    span // the lines of content, with their line breaks
	blanks  int  // end of the empty lines that follow the body
	indent  int  // columns before the content
	parent  int  // columns of the enclosing collection
	digit   bool // the indentation is written in the header
	literal bool
	keep    bool // `+`: the empty lines that follow belong to the value
}

// blockAt dissects the block scalar at start, whose parent collection stands at
// the given column (0-based).
func (s *source) blockAt(start int, n *yaml.Node, parent int) block {
	b := block{parent: parent, literal: n.Style&yaml.LiteralStyle != 0}
	end := start + 1
	for end < len(s.src) && strings.IndexByte("+-0123456789", s.src[end]) >= 0 {
		switch c := s.src[end]; {
		case c == '+':
			b.keep = true
		case c != '-':
			b.digit = true
			b.indent = parent + int(c-'0')
		}
		end++
	}
	b.header = span{start, end}
	b.rest = span{end, s.lineEnd(end)}
	first := b.rest.end + breakLen(s.src[b.rest.end:])
	b.body = span{first, first}
	if !b.digit {
		b.indent = s.bodyIndent(first, parent)
	}
	b.blanks = first
	for pos := first; pos < len(s.src); {
		spaces, eol := s.indentation(pos), s.lineEnd(pos)
		next := eol + breakLen(s.src[eol:])
		empty := pos+spaces == eol
		if spaces < b.indent && !empty {
			break
		}
		b.blanks = next
		if !empty || spaces > b.indent {
			b.body.end = next
		}
		pos = next
	}
	return b
}

// bodyIndent is the indentation of the first line that is not empty.
func (s *source) bodyIndent(pos, parent int) int {
	for pos < len(s.src) {
		spaces, eol := s.indentation(pos), s.lineEnd(pos)
		if pos+spaces < eol {
			if spaces > parent {
				return spaces
			}
			break
		}
		pos = eol + breakLen(s.src[eol:])
	}
	return parent + 2
}

func (s *source) indentation(pos int) int {
	n := 0
	for pos+n < len(s.src) && s.src[pos+n] == ' ' {
		n++
	}
	return n
}

// replaceBlock writes text, a scalar on one line, in place of a block scalar. The
// comment behind the header stays.
func (s *source) replaceBlock(b block, text string) []splice {
	end := b.body.end
	if b.keep {
		end = b.blanks
	}
	out := []splice{{b.header, text}}
	if end == b.body.start {
		return out
	}
	return append(out, splice{span: span{b.body.start, end}})
}

// rewriteBlock writes value as a block scalar in place of another, in its style
// where that can hold the value. It reports false if no block scalar can.
func (s *source) rewriteBlock(b block, value string) ([]splice, bool) {
	if !blockable(value) {
		return nil, false
	}
	content := strings.TrimRight(value, "\n")
	trailing := len(value) - len(content)
	header := "|"
	if !b.literal && !strings.Contains(content, "\n") && content[0] != ' ' && content[0] != '\t' {
		header = ">"
	}
	if width := b.indent - b.parent; b.digit || strings.ContainsRune(" \t\n", rune(content[0])) {
		if width < 1 || width > 9 {
			return nil, false
		}
		header += string(rune('0' + width))
	}
	switch {
	case trailing == 0:
		header += "-"
	case trailing > 1:
		header += "+"
	}

	eol := s.eol()
	var body strings.Builder
	for i, line := range strings.Split(content, "\n") {
		if i > 0 {
			body.WriteString(eol)
		}
		if line != "" {
			body.WriteString(strings.Repeat(" ", b.indent))
			body.WriteString(line)
		}
	}
	end := b.body.end
	if b.keep || trailing > 1 {
		end = b.blanks
	}
	// A file that ends within the scalar keeps the lack of a final newline.
	if trailing > 0 || end < len(s.src) || s.lineStart(end) == end {
		body.WriteString(eol)
	}
	for range trailing - 1 {
		body.WriteString(eol)
	}
	splices := []splice{{b.header, header}}
	text := body.String()
	if b.rest.end == len(s.src) {
		text = eol + text // the header was the last thing in the file
	}
	return append(splices, splice{span{b.body.start, end}, text}), true
}

// blockable reports whether a block scalar can hold value, which has no escapes.
func blockable(value string) bool {
	content := strings.TrimRight(value, "\n")
	if content == "" {
		return false
	}
	for _, r := range content {
		if r != '\n' && r != '\t' && (!unicode.IsPrint(r) || r == '\ufeff') {
			return false
		}
	}
	return true
}

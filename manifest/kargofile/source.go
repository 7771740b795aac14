package kargofile

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var wordForm = regexp.MustCompile(`^[A-Za-z0-9-]+`)

// source is the text of the file by lines, to find out where values end and where
// in a value something is.
type source struct{ lines []string }

func newSource(data []byte) *source {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return &source{strings.Split(text, "\n")}
}

// line returns the text of a 1-based line.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// from returns the text of a line from a 1-based column on.
func (s *source) from(line, column int) string {
	text := s.line(line)
	for column > 1 && text != "" {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		column--
	}
	return text
}

// end returns the column after what a node shows of itself on its first line.
func (s *source) end(n *yaml.Node) int {
	text := s.from(n.Line, n.Column)
	switch {
	case n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0 && n.Content[0].Line == n.Line:
		return s.end(n.Content[0])
	case n.Kind != yaml.ScalarNode && n.Kind != yaml.AliasNode:
		return n.Column + 1
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && text != "":
		if size, closed := unquote(text, len(text)); closed {
			return n.Column + utf8.RuneCountInString(text[:size])
		}
	case n.Value != "" && strings.HasPrefix(text, n.Value):
		return n.Column + utf8.RuneCountInString(n.Value)
	}
	// A name that a matrix made longer.
	if word := wordForm.FindString(text); word != "" && strings.HasPrefix(n.Value, word+"-") {
		return n.Column + len(word)
	}
	return max(n.Column+1, n.Column+utf8.RuneCountInString(strings.TrimRightFunc(text, unicode.IsSpace)))
}

// inside returns the place of the byte at an offset into the value of a scalar, and
// the end of the word there. Where the value spans lines that YAML joins, it is the
// place of the scalar.
func (s *source) inside(n *yaml.Node, offset int) (line, column, end int) {
	line, column, end = n.Line, n.Column, s.end(n)
	text := s.from(n.Line, n.Column)
	offset = min(offset, len(n.Value))
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		before := n.Value[:offset]
		at := n.Line + 1 + strings.Count(before, "\n")
		content := s.line(at)
		value, _, _ := strings.Cut(n.Value[strings.LastIndexByte(before, '\n')+1:], "\n")
		if !strings.HasSuffix(content, value) {
			return line, column, end
		}
		line = at
		column = 1 + utf8.RuneCountInString(strings.TrimSuffix(content, value)) +
			utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		size := 0
		if text != "" {
			size, _ = unquote(text, offset)
		}
		if size == 0 {
			return line, column, end
		}
		column += utf8.RuneCountInString(text[:size])
	case strings.HasPrefix(text, n.Value):
		column += utf8.RuneCountInString(n.Value[:offset])
	default:
		return line, column, end
	}
	end = column + 1
	for _, r := range s.from(line, column+1) {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		end++
	}
	return line, column, end
}

// unquote walks a quoted scalar that starts text until so many bytes of its value
// have been read or its quote closes. It returns how many bytes of text those are,
// with the closing quote if that was reached, and 0 when the scalar does not end on
// this line.
func unquote(text string, bytes int) (size int, closed bool) {
	quote := text[0]
	if quote != '\'' && quote != '"' {
		return 0, false
	}
	i := 1
	for i < len(text) && bytes > 0 {
		step, value := 1, 1
		switch {
		case quote == '\'' && strings.HasPrefix(text[i:], "''"):
			step = 2
		case text[i] == quote:
			return i + 1, true
		case quote == '"' && text[i] == '\\' && i+1 < len(text):
			step, value = escape(text[i:])
		}
		i += step
		bytes -= value
	}
	if i >= len(text) {
		return 0, false
	}
	return i, false
}

// escape returns the length of an escape sequence and of the value it stands for.
func escape(text string) (step, value int) {
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[1]]
	step = min(2+digits, len(text))
	if digits == 0 {
		return step, max(1, map[byte]int{'N': 2, '_': 2, 'L': 3, 'P': 3}[text[1]])
	}
	r, err := strconv.ParseInt(text[2:step], 16, 32)
	if err != nil {
		return step, 1
	}
	return step, max(1, utf8.RuneLen(rune(r)))
}

// find returns the place of the first occurrence of a text.
func (s *source) find(text string) (line, column int) {
	for i, l := range s.lines {
		if before, _, ok := strings.Cut(l, text); ok {
			return i + 1, 1 + utf8.RuneCountInString(before)
		}
	}
	return 1, 1
}

// invalidUTF8 returns the place of the first byte that is not UTF-8.
func (s *source) invalidUTF8() (line, column int) {
	for i, text := range s.lines {
		if utf8.ValidString(text) {
			continue
		}
		column = 1
		for text != "" {
			r, size := utf8.DecodeRuneInString(text)
			if r == utf8.RuneError && size == 1 {
				return i + 1, column
			}
			text = text[size:]
			column++
		}
	}
	return 1, 1
}

package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the size in bytes above which a file is not edited. Files of this
// kind are written by people; a larger one is an accident or an attack.
const MaxSize = 4 << 20

const bom = "\ufeff"

// source is a YAML file with the trees of its documents and the means to turn
// the parser's positions (lines and columns, in characters) into byte offsets.
type source struct {
	src   []byte
	lines []int // byte offset at which each line starts, as the parser counts lines
	docs  []*yaml.Node
	// tail is the error that ended parsing after the first document. Only the
	// first document is ever edited, so later ones may be broken.
	tail error
}

// parseSource reads all documents. It errs only when the first one is malformed.
func parseSource(src []byte) (*source, error) {
	if err := checkText(src, MaxSize); err != nil {
		return nil, err
	}
	s := &source{src: src, lines: lineStarts(src)}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	for {
		doc, err := decodeNext(dec)
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil && len(s.docs) == 0:
			return nil, syntaxError(err)
		case err != nil:
			s.tail = err
			return s, nil //nolint:nilerr // the first document is fine
		}
		s.docs = append(s.docs, doc)
	}
}

// decodeNext turns a panic of the parser, which hostile input has provoked in
// the past, into an error.
func decodeNext(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	doc = new(yaml.Node)
	return doc, dec.Decode(doc)
}

var (
	syntaxLine = regexp.MustCompile(`^yaml: line (\d+): `)
	// grammarError matches the messages of the parser's grammar, as opposed to
	// its scanner; it counts their lines from 0.
	grammarError = regexp.MustCompile(`^did not find expected (key|node content|'-' indicator|',' or|<)`)
)

func syntaxError(err error) error {
	e := &Error{Msg: strings.TrimPrefix(err.Error(), "yaml: "), Err: ErrSyntax}
	if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Msg = err.Error()[len(m[0]):]
		if grammarError.MatchString(e.Msg) {
			e.Line++
		}
	}
	e.Msg = "not valid YAML: " + e.Msg
	return e
}

// root returns the first document's value, or nil if the file has no content.
func (s *source) root() *yaml.Node {
	if len(s.docs) == 0 || len(s.docs[0].Content) == 0 {
		return nil
	}
	return s.docs[0].Content[0]
}

// isJSON reports a file that readers of JSON accept too. It must stay that way.
func (s *source) isJSON() bool {
	root := s.root()
	return root != nil && root.Style&yaml.FlowStyle != 0 && json.Valid(s.src)
}

// offset returns the byte offset of the place at which the parser saw n begin.
func (s *source) offset(n *yaml.Node) (int, bool) {
	if n.Line < 1 || n.Line > len(s.lines) || n.Column < 1 {
		return 0, false
	}
	off := s.lines[n.Line-1]
	for range n.Column - 1 {
		if off >= len(s.src) {
			return 0, false
		}
		_, size := utf8.DecodeRune(s.src[off:])
		off += size
	}
	return off, true
}

// lineStart returns the offset of the first byte of the line that holds off.
func (s *source) lineStart(off int) int {
	i, found := slices.BinarySearch(s.lines, off)
	if !found {
		i--
	}
	return s.lines[max(i, 0)]
}

// lineEnd returns the offset just before the line break that ends the line of
// off, or the end of the file.
func (s *source) lineEnd(off int) int {
	for off < len(s.src) && breakLen(s.src[off:]) == 0 {
		off++
	}
	return off
}

// previousEnd returns the offset just before the line break that ends at the
// line start given, or the start itself on the first line.
func (s *source) previousEnd(start int) int {
	i, found := slices.BinarySearch(s.lines, start)
	if !found || i == 0 {
		return start
	}
	return s.lineEnd(s.lines[i-1])
}

// eol returns the file's line break: that of its first line.
func (s *source) eol() string {
	if i := bytes.IndexByte(s.src, '\n'); i > 0 && s.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineStarts uses the parser's notion of a line break, which is YAML 1.1's, and
// skips a byte order mark, which the parser does not count as a column.
func lineStarts(src []byte) []int {
	first := 0
	if bytes.HasPrefix(src, []byte(bom)) {
		first = len(bom)
	}
	starts := make([]int, 1, 64+len(src)/32)
	starts[0] = first
	for i := first; i < len(src); {
		if n := breakLen(src[i:]); n > 0 {
			i += n
			starts = append(starts, i)
			continue
		}
		i++
	}
	return starts
}

// breakLen returns the length of the line break that b starts with, or 0.
func breakLen(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '\n':
		return 1
	case b[0] == '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case b[0] == 0xC2 && len(b) > 1 && b[1] == 0x85:
		return 2
	case b[0] == 0xE2 && len(b) > 2 && b[1] == 0x80 && (b[2] == 0xA8 || b[2] == 0xA9):
		return 3
	}
	return 0
}

func firstInvalid(b []byte) int {
	off := 0
	for off < len(b) {
		r, size := utf8.DecodeRune(b[off:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		off += size
	}
	return off
}

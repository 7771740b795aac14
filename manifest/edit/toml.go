package edit

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

func tomlFormat() format {
	return format{name: "TOML", limit: MaxSize, parse: parseTOML, write: writeTOML, key: parseKey}
}

// SetTOML sets scalars in a TOML file and changes no byte besides theirs. Keys
// have the syntax of SetYAML's; an integer indexes an array or an array of tables.
// Keys are never created, and null cannot be written. The last of several updates
// of one value wins. On error, which joins one *Error per bad update, out is nil.
//
// The quotes of a string that is replaced by a string are kept where they can be;
// otherwise strings are literal ones, in single quotes, as far as possible. A whole
// number that replaces a float is written as a float.
func SetTOML(src []byte, updates []Update) (out []byte, changes []Change, err error) {
	return tomlFormat().set(src, updates)
}

// GetTOML returns the scalar under a key: a bool, a string, an int64 or a float64.
// Dates and times are strings.
func GetTOML(src []byte, key string) (any, error) { return tomlFormat().get(src, key) }

// maxNesting bounds how deep the arrays, tables, blocks and expressions of a file
// are nested. The parsers are recursive.
const maxNesting = 200

// DecodeTOML reads a whole file into map[string]any, []any and scalars: string, bool,
// int64, float64 and time.Time. Dates and times without an offset are strings. Errors
// are *Error with a place.
func DecodeTOML(src []byte) (map[string]any, error) {
	if err := checkText(src, MaxSize); err != nil {
		return nil, err
	}
	document, err := decodeTOML(bytes.TrimPrefix(src, []byte(bom)))
	if err != nil {
		return nil, err
	}
	return withoutLocalTimes(document).(map[string]any), nil //nolint:forcetypeassert // a map stays one
}

func withoutLocalTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = withoutLocalTimes(item)
		}
	case []any:
		for i, item := range v {
			v[i] = withoutLocalTimes(item)
		}
	case toml.LocalDate, toml.LocalTime, toml.LocalDateTime:
		return fmt.Sprint(v)
	}
	return v
}

func decodeTOML(src []byte) (map[string]any, error) {
	if depth, at := tomlNesting(src); depth > maxNesting {
		line, column := place(src, at)
		return nil, &Error{Line: line, Column: column, Msg: fmt.Sprintf("not usable TOML: nested more than %d deep", maxNesting), Err: ErrSyntax}
	}
	var document map[string]any
	if err := toml.Unmarshal(src, &document); err != nil {
		return nil, tomlError(src, err)
	}
	return document, nil
}

func parseTOML(src []byte) (*node, error) {
	// The parser below gives places but accepts what no document may say, such as
	// one key twice.
	if _, err := decodeTOML(src); err != nil {
		return nil, err
	}
	b := tomlBuilder{src: src, root: &node{kind: table}}
	p := unstable.Parser{}
	p.Reset(src)
	current := b.root
	for p.NextExpression() {
		e := p.Expression()
		switch e.Kind { //nolint:exhaustive // the rest are not expressions
		case unstable.Table:
			current = b.descend(b.root, e.Key(), true)
		case unstable.ArrayTable:
			current = b.appendTable(e.Key())
		case unstable.KeyValue:
			b.keyValue(current, e)
		}
	}
	if err := p.Error(); err != nil {
		return nil, tomlError(src, err)
	}
	return b.root, nil
}

func tomlError(src []byte, err error) error {
	e := &Error{Msg: "not valid TOML: " + strings.TrimPrefix(err.Error(), "toml: "), Err: ErrSyntax}
	var decode *toml.DecodeError
	var parse *unstable.ParserError
	switch {
	case errors.As(err, &decode):
		e.Line, e.Column = decode.Position()
	case errors.As(err, &parse):
		p := unstable.Parser{}
		p.Reset(src)
		e.Line, e.Column = place(src, int(p.Range(parse.Highlight).Offset))
	}
	return e
}

type tomlBuilder struct {
	src  []byte
	root *node
}

func toSpan(r unstable.Range) span {
	return span{int(r.Offset), int(r.Offset) + int(r.Length)}
}

// descend walks along a dotted key to its last part, making tables on the way.
func (b *tomlBuilder) descend(at *node, key unstable.Iterator, all bool) *node {
	for key.Next() {
		if !all && key.IsLast() {
			break
		}
		at = step(at, key.Node())
	}
	return at
}

// step returns the table under one part of a key: in an array of tables, the last.
func step(at *node, part *unstable.Node) *node {
	name := string(part.Data)
	for i, n := range at.names {
		if n == name {
			next := at.items[i]
			if next.kind == list && len(next.items) > 0 {
				next = next.items[len(next.items)-1]
			}
			return next
		}
	}
	next := &node{kind: table, at: toSpan(part.Raw)}
	at.put(name, next)
	return next
}

func (n *node) put(name string, item *node) {
	n.names = append(n.names, name)
	n.items = append(n.items, item)
}

func (b *tomlBuilder) appendTable(key unstable.Iterator) *node {
	parent := b.descend(b.root, key, false)
	var last *unstable.Node
	for key.Next() {
		last = key.Node()
	}
	var tables *node
	for i, name := range parent.names {
		if name == string(last.Data) {
			tables = parent.items[i]
		}
	}
	if tables == nil {
		tables = &node{kind: list, at: toSpan(last.Raw)}
		parent.put(string(last.Data), tables)
	}
	made := &node{kind: table, at: toSpan(last.Raw)}
	tables.items = append(tables.items, made)
	return made
}

func (b *tomlBuilder) keyValue(at *node, e *unstable.Node) {
	at = b.descend(at, e.Key(), false)
	var last *unstable.Node
	for key := e.Key(); key.Next(); {
		last = key.Node()
	}
	at.put(string(last.Data), b.value(e.Value(), toSpan(last.Raw)))
}

// value converts a value; key is the place of what has none of its own.
func (b *tomlBuilder) value(v *unstable.Node, key span) *node {
	switch v.Kind { //nolint:exhaustive // the rest are scalars
	case unstable.Array:
		n := &node{kind: list, at: key}
		for it := v.Children(); it.Next(); {
			n.items = append(n.items, b.value(it.Node(), key))
		}
		return n
	case unstable.InlineTable:
		n := &node{kind: table, at: toSpan(v.Raw)}
		for it := v.Children(); it.Next(); {
			b.keyValue(n, it.Node())
		}
		return n
	}
	at := toSpan(v.Raw)
	n := &node{at: at, raw: string(b.src[at.start:at.end])}
	n.value = tomlScalar(v, n.raw)
	return n
}

func tomlScalar(v *unstable.Node, raw string) any {
	digits := strings.ReplaceAll(raw, "_", "")
	switch v.Kind { //nolint:exhaustive // the rest are dates and times
	case unstable.String:
		return string(v.Data)
	case unstable.Bool:
		return raw == "true"
	case unstable.Integer:
		if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
			return i
		}
	case unstable.Float:
		if f, err := strconv.ParseFloat(digits, 64); err == nil {
			if whole, err := fromFloat(f); err == nil {
				return whole
			}
		}
	}
	return opaque(raw)
}

// tomlNesting returns the greatest depth of brackets outside strings and comments,
// and where it is reached. Of a malformed file it may be too great or too small;
// the parsers then stop where the file goes wrong.
func tomlNesting(src []byte) (deepest, at int) {
	depth := 0
	for i := 0; i < len(src); {
		switch c := src[i]; c {
		case '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
			continue
		case '"', '\'':
			i = skipTOMLString(src, i)
			continue
		case '[', '{':
			if depth++; depth > deepest {
				deepest, at = depth, i
			}
		case ']', '}':
			depth--
		}
		i++
	}
	return deepest, at
}

func skipTOMLString(src []byte, i int) int {
	quote := src[i]
	triple := string([]byte{quote, quote, quote})
	long := strings.HasPrefix(string(src[i:min(i+3, len(src))]), triple)
	if long {
		i += 2
	}
	for i++; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == '\n' && !long:
			return i // malformed
		case c == quote && !long:
			return i + 1
		case c == quote && string(src[i:min(i+3, len(src))]) == triple:
			for i += 3; i < len(src) && src[i] == quote; i++ { // two more may belong to the string
			}
			return i
		}
	}
	return i
}

func writeTOML(old *node, value any) (string, error) {
	switch v := value.(type) {
	case string:
		return tomlString(old.raw, v), nil
	case int64:
		if isTOMLFloat(old) {
			return strconv.FormatInt(v, 10) + ".0", nil
		}
	case float64:
		if v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', 1, 64), nil
		}
	case bool:
	default:
		return "", fmt.Errorf("TOML has no number as large as %s", literal(value))
	}
	return literal(value), nil
}

func isTOMLFloat(n *node) bool {
	if strings.HasPrefix(n.raw, "0x") {
		return false
	}
	switch n.value.(type) {
	case int64, float64:
		return strings.ContainsAny(n.raw, ".eE")
	case opaque:
		word := strings.TrimLeft(n.raw, "+-")
		return word == "inf" || word == "nan"
	}
	return false
}

// tomlString writes s in the quotes of the string that it replaces, if it can.
func tomlString(old, s string) string {
	lines := strings.HasPrefix(old, `"""`) || strings.HasPrefix(old, "'''")
	switch {
	case lines && strings.Contains(s, "\n") && !strings.Contains(s, "\r"):
		return "\"\"\"\n" + tomlEscape(s, true) + "\"\"\""
	case !strings.HasPrefix(old, `"`):
		if quoted, ok := tomlLiteral(s); ok {
			return quoted
		}
	}
	return `"` + tomlEscape(s, false) + `"`
}

// tomlLiteral writes s in single quotes, which have no escapes.
func tomlLiteral(s string) (string, bool) {
	for _, r := range s {
		if r == '\'' || !quotable(r) {
			return "", false
		}
	}
	return "'" + s + "'", true
}

func tomlEscape(s string, lines bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n' && lines:
			b.WriteByte('\n')
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case quotable(r):
			b.WriteRune(r)
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	return b.String()
}

// TOMLLiteral writes a value as SetTOML does where nothing stood before: strings
// in single quotes as far as possible.
func TOMLLiteral(value any) (string, error) {
	v, err := normalize(value)
	if err != nil {
		return "", err
	}
	return writeTOML(&node{}, v)
}

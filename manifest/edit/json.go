package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

func jsonFormat() format {
	return format{name: "JSON", limit: MaxSize, parse: parseJSON, key: parseJSONKey}
}

// GetJSON returns the scalar under a key: nil, a bool, a string, an int64, a uint64,
// a float64, or a json.Number for an integer beyond those.
func GetJSON(src []byte, key string) (any, error) { return jsonFormat().get(src, key) }

// parseJSON gives an empty file an empty root, so that something can be created in it.
func parseJSON(src []byte) (*node, error) {
	if len(bytes.TrimSpace(src)) == 0 {
		return &node{value: opaque("")}, nil
	}
	if err := json.Unmarshal(src, new(json.RawMessage)); err != nil {
		e := &Error{Msg: "not valid JSON: " + err.Error(), Err: ErrSyntax}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			// The offset is behind the character that is wrong.
			e.Line, e.Column = place(src, int(syntax.Offset)-1)
		}
		return nil, e
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	r := jsonReader{src: src, dec: dec}
	t, at, err := r.next()
	if err != nil {
		return nil, err
	}
	return r.value(t, at)
}

// jsonReader turns the tokens of a valid document into a tree.
type jsonReader struct {
	src []byte
	dec *json.Decoder
}

// next returns a token and where it stands.
func (r jsonReader) next() (json.Token, span, error) {
	start := int(r.dec.InputOffset())
	t, err := r.dec.Token()
	if err != nil {
		return nil, span{}, &Error{Msg: "not valid JSON: " + err.Error(), Err: ErrSyntax}
	}
	for start < len(r.src) && strings.IndexByte(" \t\r\n,:", r.src[start]) >= 0 {
		start++
	}
	return t, span{start, int(r.dec.InputOffset())}, nil
}

func (r jsonReader) value(t json.Token, at span) (*node, error) {
	n := &node{at: at}
	switch t := t.(type) {
	case json.Delim:
		n.kind = list
		if t == '{' {
			n.kind = table
		}
		return n, r.parts(n)
	case json.Number:
		var err error
		if n.value, err = normalize(t); err != nil {
			n.value = opaque(t)
		}
	default:
		n.value = t
	}
	n.raw = string(r.src[at.start:at.end])
	return n, nil
}

// parts reads the members or elements of n, and its end.
func (r jsonReader) parts(n *node) error {
	for r.dec.More() {
		var name string
		if n.kind == table {
			t, _, err := r.next()
			if err != nil {
				return err
			}
			name = t.(string) //nolint:forcetypeassert // the decoder sees to that
		}
		t, at, err := r.next()
		if err != nil {
			return err
		}
		item, err := r.value(t, at)
		if err != nil {
			return err
		}
		if n.kind == table {
			n.names = append(n.names, name)
		}
		n.items = append(n.items, item)
	}
	_, end, err := r.next()
	n.at.end = end.end
	return err
}

// text writes a tree that was made here, in compact form.
func (n *node) text() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	opening, closing := "[", "]"
	switch n.kind {
	case scalar:
		if s, ok := n.value.(string); ok {
			b.WriteString(jsonString(s))
		} else {
			b.WriteString(literal(n.value))
		}
		return
	case table:
		opening, closing = "{", "}"
	case list:
	}
	b.WriteString(opening)
	for i, item := range n.items {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.kind == table {
			fmt.Fprintf(b, "%s:", jsonString(n.names[i]))
		}
		item.write(b)
	}
	b.WriteString(closing)
}

func jsonString(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // no string is an error
	return strings.TrimSuffix(b.String(), "\n")
}

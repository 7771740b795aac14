package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// The functions here return text in double quotes, which coerce takes off again when
// nothing else stands around it: that is how a value stays a string.

// quote makes a string of any value. A string is escaped as Go does; the escapes
// stay when the quotes go, as in Kargo.
func quote(args ...any) (any, error) {
	if s, ok := args[0].(string); ok {
		return strconv.Quote(s), nil
	}
	return unsafeQuote(args...)
}

// unsafeQuote makes a string of the JSON of any value, so that the JSON of a string keeps
// its own quotes.
func unsafeQuote(args ...any) (any, error) {
	data, err := json.Marshal(args[0])
	if err != nil {
		return nil, fmt.Errorf("quote: %w", err)
	}
	return `"` + string(data) + `"`, nil
}

// asJSON makes a string of indented JSON that ends in a newline.
func (b *budget) asJSON(args ...any) (any, error) {
	data, err := b.jsonToIndent(args[0], 2)
	if err != nil {
		return nil, fmt.Errorf("asJSON: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return nil, fmt.Errorf("asJSON: %w", err)
	}
	return `"` + out.String() + "\n\"", nil
}

// asYAML makes a string of YAML that ends in a newline. Keys are those of the JSON form.
func (b *budget) asYAML(args ...any) (any, error) {
	data, err := b.jsonToIndent(args[0], 4)
	if err != nil {
		return nil, fmt.Errorf("asYAML: %w", err)
	}
	plain, err := decodeJSON(data)
	if err != nil {
		return nil, fmt.Errorf("asYAML: %w", err)
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	if err := enc.Encode(plain); err != nil {
		return nil, fmt.Errorf("asYAML: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("asYAML: %w", err)
	}
	return `"` + out.String() + `"`, nil
}

// jsonToIndent is the JSON of a value, for which it charges what it will take once it is
// indented by so many spaces: with deep nesting that is many times its length.
func (b *budget) jsonToIndent(value any, spaces int) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	size, depth, inString := len(data), 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\\':
			i++ // only within strings
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			size += depth * spaces
		case c == '}' || c == ']':
			depth--
			size += depth * spaces
		case c == ',':
			size += depth * spaces
		}
	}
	return data, b.build(size)
}

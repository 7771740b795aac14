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
func asJSON(args ...any) (any, error) {
	data, err := json.MarshalIndent(args[0], "", "  ")
	if err != nil {
		return nil, fmt.Errorf("asJSON: %w", err)
	}
	return `"` + string(data) + "\n\"", nil
}

// asYAML makes a string of YAML that ends in a newline. Keys are those of the JSON form.
func asYAML(args ...any) (any, error) {
	data, err := json.Marshal(args[0])
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

package expr

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// FormatJSON is the JSON of a result as a person or a script wants to read it: indented by
// two spaces, whole numbers without fraction or exponent up to 1e21, <, > and & as they
// are, keys sorted, no newline at the end. Values that have no JSON form are an error.
func FormatJSON(value any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(value); err != nil {
		return nil, fmt.Errorf("encode the result: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

package expr

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// coerce gives evaluated text its type, in Kargo's order: text in double quotes is a
// string without them; then a float; then a bool as strconv.ParseBool has it; then
// JSON; else a string. One newline at the end, as a YAML block scalar leaves it, does
// not take part in that and survives only in strings.
//
// Two cases differ from Kargo, where the results are not usable as JSON: NaN and
// infinities stay strings, and integers beyond 2^53 keep their digits as int64.
func coerce(text string) any {
	body := strings.TrimSuffix(text, "\n")
	if len(body) > 1 && body[0] == '"' && body[len(body)-1] == '"' {
		return body[1:len(body)-1] + text[len(body):]
	}
	if f, err := strconv.ParseFloat(body, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return exactNumber(f, body)
	}
	if b, err := strconv.ParseBool(body); err == nil {
		return b
	}
	if v, err := decodeJSON([]byte(body)); err == nil {
		return v
	}
	return text
}

// maxExactFloat is the bound below which every integer is a float64.
const maxExactFloat = 1 << 53

func exactNumber(f float64, digits string) any {
	if math.Abs(f) >= maxExactFloat {
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return n
		}
	}
	return f
}

// decodeJSON decodes one JSON value as encoding/json does into an any, except that
// integers which a float64 cannot hold become int64.
func decodeJSON(data []byte) (any, error) {
	if !json.Valid(data) {
		return nil, errNotJSON
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return plainNumbers(v)
}

func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil, err
		}
		return exactNumber(f, v.String()), nil
	case map[string]any:
		for key, item := range v {
			if v[key], err = plainNumbers(item); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, item := range v {
			if v[i], err = plainNumbers(item); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

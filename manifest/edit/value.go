package edit

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// normalize reduces a caller's value to one of nil, bool, string, int64, uint64,
// float64 and, for integers beyond those, json.Number. Whole floats become integers,
// because numbers that came through JSON or an expression are floats although
// nobody wrote them so.
func normalize(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("the value is not valid UTF-8")
		}
		return v, nil
	case int:
		return int64(v), nil
	case int8:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case uint:
		return fromUint(uint64(v)), nil
	case uint8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint64:
		return fromUint(v), nil
	case float32:
		// By way of the shortest text, so that 0.1 stays 0.1.
		f, _ := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		return fromFloat(f)
	case float64:
		return fromFloat(v)
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i, nil
		}
		if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return u, nil
		}
		f, err := v.Float64()
		switch {
		case err != nil || len(v) > maxDigits:
			return nil, fmt.Errorf("%q is not a number that can be written", shorten(v.String()))
		case strings.Trim(v.String(), "-0123456789") == "":
			return v, nil // a float64 would change its digits
		}
		return fromFloat(f)
	}
	return nil, fmt.Errorf("a %T cannot be written as one value; give a string, a number, a bool or null", v)
}

// maxDigits bounds the digits of a number.
const maxDigits = 400

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

func fromUint(u uint64) any {
	if u <= math.MaxInt64 {
		return int64(u)
	}
	return u
}

func fromFloat(f float64) (any, error) {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil, fmt.Errorf("%v is not a finite number", f)
	case f == math.Trunc(f) && math.Abs(f) < 1<<63:
		return int64(f), nil
	}
	return f, nil
}

// scalarValue decodes a scalar as readers of the file do. Types outside the
// JSON ones (dates, application tags) stay the text that stands in the file.
func scalarValue(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return f, nil
		}
		return normalize(v)
	}
	return n.Value, nil
}

// holds reports whether the scalar already is the value. A date is not the
// string that looks like it.
func holds(n *yaml.Node, want any) bool {
	got, err := scalarValue(n)
	if err != nil || got != want {
		return false
	}
	if _, isString := want.(string); !isString {
		return true
	}
	switch tag := n.ShortTag(); tag {
	case "!!str":
		return true
	case "!!timestamp", "!!binary", "!!merge":
		return false
	default:
		return n.Style&yaml.TaggedStyle != 0
	}
}

// literal writes a value other than a string.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	panic(fmt.Sprintf("edit: value of type %T was not normalized", v))
}

package verify

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// number is a whole number that may be written as a string, as Kubernetes allows and
// as arguments give it.
type number int

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	v, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err != nil {
		return fmt.Errorf("%s is not a whole number", data)
	}
	*n = number(v)
	return nil
}

// duration is a time as Go writes it.
type duration time.Duration

// UnmarshalJSON implements json.Unmarshaler.
func (d *duration) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("%s is not a duration such as 5m", data)
	}
	if s == "" {
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 5m", s)
	}
	*d = duration(v)
	return nil
}

// text is a string that may have been written, or evaluated to, as a number or bool.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case string:
		*t = text(v)
	case nil:
	default:
		*t = text(data)
	}
	return nil
}

package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// micros is how a time is stored: NULL for the zero time.
func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// scanTime reads what [micros] wrote.
func scanTime(t *time.Time) sql.Scanner { return timeScanner{t} }

type timeScanner struct{ t *time.Time }

func (s timeScanner) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*s.t = time.Time{}
	case int64:
		*s.t = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("time is stored as %T", v)
	}
	return nil
}

// scanJSON decodes a JSON column into v; NULL leaves v alone.
func scanJSON(v any) sql.Scanner { return jsonScanner{v} }

type jsonScanner struct{ v any }

func (s jsonScanner) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return json.Unmarshal([]byte(v), s.v)
	case []byte:
		return json.Unmarshal(v, s.v)
	}
	return fmt.Errorf("JSON is stored as %T", v)
}

// jsonText encodes v for a JSON column.
func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// nullJSON is how optional JSON from a caller is stored.
func nullJSON(raw json.RawMessage) sql.NullString {
	return sql.NullString{String: string(raw), Valid: len(raw) > 0}
}

// list is an argument for json_each: a set of strings of any length in a
// statement of fixed text.
func list[S ~string](items []S) string {
	if len(items) == 0 {
		return "[]"
	}
	text, err := json.Marshal(items)
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

package edit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/edit"
)

// editCase is one update of one file, and what becomes of it.
type editCase struct {
	src   string
	key   string
	value any
	want  string
}

// checkEdits makes each update twice: the second time there is nothing to do.
func checkEdits(t *testing.T, set func([]byte, []edit.Update) ([]byte, []edit.Change, error), tests map[string]editCase) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := []byte(tt.src)
			out, changes, err := set(src, []edit.Update{{Key: tt.key, Value: tt.value}})
			if err != nil {
				t.Fatal(err)
			}
			if string(src) != tt.src {
				t.Error("the input was modified")
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if len(changes) != 1 {
				t.Errorf("got %d changes, want 1", len(changes))
			}
			if strings.Contains(tt.key, "-1") {
				return // appends again
			}
			again, changes, err := set(out, []edit.Update{{Key: tt.key, Value: tt.value}})
			if err != nil || len(changes) != 0 || string(again) != string(out) {
				t.Errorf("a second run is not a no-op: %q, %v, %v", again, changes, err)
			}
		})
	}
}

// refusal is an update that must not happen.
type refusal struct {
	src   string
	key   string
	value any
	is    error
	want  string // part of the message
}

func checkRefusals(t *testing.T, set func([]byte, []edit.Update) ([]byte, []edit.Change, error), tests map[string]refusal) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, changes, err := set([]byte(tt.src), []edit.Update{{Key: tt.key, Value: tt.value}})
			if out != nil || changes != nil || !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v, error %v; want %v, %q", out, changes, err, tt.is, tt.want)
			}
		})
	}
}

func TestSetJSONKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	checkEdits(t, edit.SetJSON, map[string]editCase{
		"indentation and order":         {"{\n  \"b\": 1,\n  \"a\" : \"v1\"\n}\n", "a", "v2", "{\n  \"b\": 1,\n  \"a\" : \"v2\"\n}\n"},
		"tabs":                          {"{\n\t\"a\":\t\"v1\"\n}", "a", "v2", "{\n\t\"a\":\t\"v2\"\n}"},
		"CRLF":                          {"{\r\n  \"a\": 1\r\n}\r\n", "a", 2, "{\r\n  \"a\": 2\r\n}\r\n"},
		"byte order mark":               {"\ufeff{\"a\": 1}", "a", 2, "\ufeff{\"a\": 2}"},
		"no final newline":              {"{\"a\":1}", "a", 2, "{\"a\":2}"},
		"list in a list":                {"[[1, 2 ], [3]]", "0.1", 9, "[[1, 9 ], [3]]"},
		"key with dots":                 {`{"a.b": 1, "a": {"b": 2}}`, `a\.b`, 9, `{"a.b": 9, "a": {"b": 2}}`},
		"key with a colon":              {`{"a:b": 1}`, "a:b", 2, `{"a:b": 2}`},
		"numeric key of a map":          {`{"1": "x"}`, "1", "y", `{"1": "y"}`},
		"key with a star":               {`{"paths": {"@/*": "x"}}`, "paths.@/*", "y", `{"paths": {"@/*": "y"}}`},
		"unicode key":                   {`{"日本": {"é": 1}}`, "日本.é", 2, `{"日本": {"é": 2}}`},
		"escaped key":                   {`{"\u0061": 1}`, "a", 2, `{"\u0061": 2}`},
		"escapes elsewhere":             {`{"x": "\u00e9\/\ud800", "a": 1}`, "a", 2, `{"x": "\u00e9\/\ud800", "a": 2}`},
		"numbers elsewhere":             {`{"x": 1e400, "y": 123456789012345678901234567890, "z": 1.50, "a": 1}`, "a", 2, `{"x": 1e400, "y": 123456789012345678901234567890, "z": 1.50, "a": 2}`},
		"a number beyond all floats":    {`{"a": 1e400}`, "a", 2, `{"a": 2}`},
		"an integer beyond 64 bits":     {`{"a": 1}`, "a", json.Number("123456789012345678901"), `{"a": 123456789012345678901}`},
		"a fraction":                    {`{"a": 1}`, "a", 0.25, `{"a": 0.25}`},
		"a large float":                 {`{"a": 1}`, "a", 1e6, `{"a": 1000000}`},
		"a string becomes a number":     {`{"a": "1"}`, "a", 1, `{"a": 1}`},
		"a number becomes a string":     {`{"a": 1}`, "a", "1", `{"a": "1"}`},
		"markup stays legible":          {`{"a": ""}`, "a", "<a&b>", `{"a": "<a&b>"}`},
		"characters that need escapes":  {`{"a": ""}`, "a", "\"\\\n\t\x01\u2028", `{"a": "\"\\\n\t\u0001\u2028"}`},
		"a map gives way":               {`{"a": {"b": [1]}, "c": 2}`, "a", "x", `{"a": "x", "c": 2}`},
		"duplicates elsewhere":          {`{"d": 1, "d": 2, "a": 1}`, "a", 2, `{"d": 1, "d": 2, "a": 2}`},
		"strings that look like syntax": {`{"x": "}],:{\"", "a": "]"}`, "a", "[", `{"x": "}],:{\"", "a": "["}`},
	})
}

func TestSetJSONCreatesWhatIsMissing(t *testing.T) {
	t.Parallel()
	checkEdits(t, edit.SetJSON, map[string]editCase{
		"a member, behind its last sibling": {"{\n  \"a\": 1\n}\n", "b", 2, "{\n  \"a\": 1,\"b\":2\n}\n"},
		"a member of an empty map":          {"{ }\n", "a", "x", "{\"a\":\"x\" }\n"},
		"parents":                           {`{}`, "a.b.c", true, `{"a":{"b":{"c":true}}}`},
		"a list for an index":               {`{}`, "a.0", 1, `{"a":[1]}`},
		"a map for a forced key":            {`{}`, "a.:0", 1, `{"a":{"0":1}}`},
		"a member of a map with an index":   {`{"a":{}}`, "a.0", 1, `{"a":{"0":1}}`},
		"an element with -1":                {`{"a":[1, 2 ]}`, "a.-1", 3, `{"a":[1, 2,3 ]}`},
		"an element of an empty list":       {`{"a":[ ]}`, "a.0", 3, `{"a":[3 ]}`},
		"nulls before an element":           {`{"a":[1]}`, "a.3", 4, `{"a":[1,null,null,4]}`},
		"a list with -1":                    {`{}`, "a.-1.n", 1, `{"a":[{"n":1}]}`},
		"within an appended element":        {`{"a":[{"n":1}]}`, "a.-1.n", 3, `{"a":[{"n":1},{"n":3}]}`},
		"in place of null":                  {`{"a": null}`, "a.b", 1, `{"a": {"b":1}}`},
		"in place of a scalar":              {`{"a": 1}`, "a.b", 1, `{"a": {"b":1}}`},
		"in an empty file":                  {"", "a.b", "x", `{"a":{"b":"x"}}`},
		"in a blank file":                   {"\ufeff\n", "a", 1, "\ufeff{\"a\":1}\n"},
		"at the top of a list":              {`[1]`, "-1", 2, `[1,2]`},
		"another case is another key":       {`{"A":1}`, "a", 2, `{"A":1,"a":2}`},
		"a star that is meant":              {`{}`, `a\*`, 1, `{"a*":1}`},
	})
}

func TestSetJSONMakesUpdatesInOrder(t *testing.T) {
	t.Parallel()
	out, changes, err := edit.SetJSON([]byte(`{"a":[]}`), []edit.Update{
		{Key: "a.-1", Value: 1}, {Key: "a.-1", Value: 2}, {Key: "b.c", Value: "x"}, {Key: "b.d", Value: "y"}, {Key: "a.0", Value: 1},
	})
	if err != nil || string(out) != `{"a":[1,2],"b":{"c":"x","d":"y"}}` || len(changes) != 4 {
		t.Errorf("got %s, %v, %v", out, changes, err)
	}
}

func TestSetJSONRefuses(t *testing.T) {
	t.Parallel()
	checkRefusals(t, edit.SetJSON, map[string]refusal{
		"null":                       {`{"a":1}`, "a", nil, edit.ErrValue, "null is none of them"},
		"a list":                     {`{"a":1}`, "a", []any{1}, edit.ErrValue, "cannot be written as one value"},
		"a number beyond all floats": {`{"a":1}`, "a", json.Number("1e400"), edit.ErrValue, "1e400"},
		"a key in a list":            {"{\n \"a\": [1]}", "a.b", 1, edit.ErrNotFound, `line 2, column 7: key "a.b": "a" is a list of length 1, so "b" must be an index`},
		"an index far away":          {`{"a":[]}`, "a.1000000000", 1, edit.ErrTarget, "more than 1000 behind the end"},
		"a key that stands twice":    {`{"a":1,"a":2}`, "a", 3, edit.ErrTarget, "more than once"},
		"a wildcard":                 {`{"abc":1}`, "ab*", 3, edit.ErrNotFound, "no wildcards"},
		"a wildcard to create":       {`{}`, "a.b?", 3, edit.ErrTarget, "no wildcards"},
		"a key that is not text":     {`{}`, "a\xff", 3, edit.ErrKey, "UTF-8"},
		"an empty segment":           {`{}`, "a..b", 3, edit.ErrKey, "empty segment"},
		"comments":                   {"{\n  // no\n  \"a\": 1\n}", "a", 3, edit.ErrSyntax, "line 2, column 3: not valid JSON"},
		"a trailing comma":           {`{"a":1,}`, "a", 3, edit.ErrSyntax, "line 1, column 8"},
		"what follows the document":  {`{"a":1} {}`, "a", 3, edit.ErrSyntax, "column 9"},
		"a file cut short":           {`{"a":1`, "a", 3, edit.ErrSyntax, "unexpected end"},
		"a file that is not text":    {"{\"a\":\"\xff\"}", "a", 3, edit.ErrSyntax, "UTF-8"},
		"a file that is too large":   {`"` + strings.Repeat("x", edit.MaxSize) + `"`, "a", 3, edit.ErrSyntax, "limit"},
		"nesting without end":        {strings.Repeat("[", 1<<20), "0", 3, edit.ErrSyntax, "not valid JSON"},
	})
}

func TestSetJSONIsAllOrNothing(t *testing.T) {
	t.Parallel()
	out, changes, err := edit.SetJSON([]byte(`{"a":1}`), []edit.Update{{Key: "a", Value: 2}, {Key: "a", Value: nil}})
	if out != nil || changes != nil || err == nil {
		t.Errorf("got %s, %v, %v", out, changes, err)
	}
	out, changes, err = edit.SetJSON([]byte(`{"a":[1]}`), []edit.Update{{Key: "a.x", Value: 2}, {Key: "b", Value: 2}})
	if out != nil || changes != nil || err == nil {
		t.Errorf("got %s, %v, %v", out, changes, err)
	}
}

func TestGetJSON(t *testing.T) {
	t.Parallel()
	src := []byte(`{"s":"x","n":null,"i":3,"f":1.5,"l":[true],"big":123456789012345678901}`)
	for key, want := range map[string]any{
		"s": "x", "n": nil, "i": int64(3), "f": 1.5, "l.0": true, "big": json.Number("123456789012345678901"),
	} {
		if got, err := edit.GetJSON(src, key); err != nil || got != want {
			t.Errorf("%s is %v (%T), %v", key, got, got, err)
		}
	}
	if _, err := edit.GetJSON(src, "l"); !errors.Is(err, edit.ErrTarget) {
		t.Errorf("got %v", err)
	}
	if _, err := edit.GetJSON(src, "bigg"); !errors.Is(err, edit.ErrNotFound) || !strings.Contains(err.Error(), `did you mean "big"?`) {
		t.Errorf("got %v", err)
	}
}

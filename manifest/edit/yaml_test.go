package edit_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/edit"
)

func TestSetYAMLKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src   string
		key   string
		value any
		want  string
	}{
		"inline comment":                    {"a: v1 # keep\nb: 2\n", "a", "v2", "a: v2 # keep\nb: 2\n"},
		"alignment before a comment":        {"a:   v1\t  # keep\n", "a", "v2", "a:   v2\t  # keep\n"},
		"double quotes":                     {"a: \"v1\" # keep\n", "a", "v2", "a: \"v2\" # keep\n"},
		"single quotes":                     {"a: 'v1'\n", "a", "it's", "a: 'it''s'\n"},
		"single quotes cannot hold a tab":   {"a: 'v1'\n", "a", "a\tb", "a: \"a\\tb\"\n"},
		"escapes in the old value":          {`a: "x\"y" # "z"` + "\n", "a", "v2", `a: "v2" # "z"` + "\n"},
		"quoted quotes in the old value":    {"a: 'x''y' # 'z'\n", "a", "v2", "a: 'v2' # 'z'\n"},
		"flow mapping":                      {"i: {r: r, tag: v1, p: Always}\n", "i.tag", "v2", "i: {r: r, tag: v2, p: Always}\n"},
		"flow sequence":                     {"i: [a, b , c]\n", "i.1", "x", "i: [a, x , c]\n"},
		"flow over several lines":           {"i: {\n  a: 1, # one\n  b: 2\n}\n", "i.b", 3, "i: {\n  a: 1, # one\n  b: 3\n}\n"},
		"JSON":                              {"{\"a\":\"v1\",\"b\":[1,2]}", "b.1", 3, "{\"a\":\"v1\",\"b\":[1,3]}"},
		"JSON stays JSON":                   {"{\"a\": [1, null]}", "a.1", "v\x01", "{\"a\": [1, \"v\\u0001\"]}"},
		"flow style is not JSON":            {"{\"a\": [1, x]}", "a.0", "v2", "{\"a\": [v2, x]}"},
		"a colon in a flow value":           {"i: {r: a:v1}\n", "i.r", "a:v2", "i: {r: a:v2}\n"},
		"a comma forces quotes in flow":     {"i: {r: a}\n", "i.r", "a,b", "i: {r: \"a,b\"}\n"},
		"a comma needs no quotes in block":  {"i: a\n", "i", "a,b", "i: a,b\n"},
		"CRLF":                              {"a: v1\r\nb: 2\r\n", "a", "v2", "a: v2\r\nb: 2\r\n"},
		"no final newline":                  {"b: 2\na: v1", "a", "v2", "b: 2\na: v2"},
		"byte order mark":                   {"\ufeffa: v1\n", "a", "v2", "\ufeffa: v2\n"},
		"characters wider than a byte":      {"ä: {ö: v1, ü: x}\n", "ä.ö", "v2", "ä: {ö: v2, ü: x}\n"},
		"next line separator in a comment":  {"a: x # \u0085b: v1\n", "b", "v2", "a: x # \u0085b: v2\n"},
		"anchor without aliases":            {"a: &x v1 # c\n", "a", "v2", "a: &x v2 # c\n"},
		"anchor on its own line":            {"a: &x\n  v1\n", "a", "v2", "a: &x\n  v2\n"},
		"tag":                               {"a: !!str 1\n", "a", "2", "a: !!str \"2\"\n"},
		"application tag":                   {"a: !Ref x\n", "a", "x2", "a: !Ref x2\n"},
		"empty value":                       {"a:\nb: 1\n", "a", "v2", "a: v2\nb: 1\n"},
		"empty value before a comment":      {"a:  # why\nb: 1\n", "a", "v2", "a: v2  # why\nb: 1\n"},
		"empty value with anchor":           {"a: &x\nb: 1\n", "a", "v2", "a: &x v2\nb: 1\n"},
		"empty value with anchor and space": {"a: &x # c\nb: 1\n", "a", "v2", "a: &x v2 # c\nb: 1\n"},
		"empty value at the end":            {"a:", "a", "v2", "a: v2"},
		"empty value in flow":               {"{a: , b: 1}", "a", "v2", "{a: v2, b: 1}"},
		"empty sequence item":               {"- \n- b\n", "0", "a", "- a \n- b\n"},
		"null word":                         {"a: ~\n", "a", "v2", "a: v2\n"},
		"empty string":                      {"a: ''\n", "a", "v2", "a: 'v2'\n"},
		"plain over several lines":          {"a: one\n  two\n  three # c\nb: 1\n", "a", "v2", "a: v2 # c\nb: 1\n"},
		"quoted over several lines":         {"a: \"one\n  two\" # c\nb: 1\n", "a", "v2", "a: \"v2\" # c\nb: 1\n"},
		"value on the next line":            {"a:\n    v1\nb: 1\n", "a", "v2", "a:\n    v2\nb: 1\n"},
		"sequence not indented":             {"a:\n- x: 1\n  y: v1\n- z\n", "a.0.y", "v2", "a:\n- x: 1\n  y: v2\n- z\n"},
		"second document untouched":         {"a: v1\n---\na: v1\n", "a", "v2", "a: v2\n---\na: v1\n"},
		"broken second document untouched":  {"a: v1\n---\na: [\n", "a", "v2", "a: v2\n---\na: [\n"},
		"explicit document start":           {"%YAML 1.1\n--- # head\na: v1\n...\n", "a", "v2", "%YAML 1.1\n--- # head\na: v2\n...\n"},
		"complex key":                       {"? a\n: v1\n", "a", "v2", "? a\n: v2\n"},
		"quoted key with dots":              {"\"a.b\": v1\n", `a\.b`, "v2", "\"a.b\": v2\n"},
		"key with a colon":                  {"a:b: v1\n", `a\:b`, "v2", "a:b: v2\n"},
		"numeric mapping key":               {"1: v1\n", "1", "v2", "1: v2\n"},
		"forced numeric mapping key":        {"1: v1\n", ":1", "v2", "1: v2\n"},
		"blanks around the key":             {"a: v1\n", "  a ", "v2", "a: v2\n"},
		"literal block":                     {"a: |\n  one\n  two\nb: 1\n", "a", "x\ny\n", "a: |\n  x\n  y\nb: 1\n"},
		"literal block with comment":        {"a: |-  # c\n    one\n\nb: 1\n", "a", "x", "a: |-  # c\n    x\n\nb: 1\n"},
		"literal block gains chomping":      {"a: |\n  one\nb: 1\n", "a", "x", "a: |-\n  x\nb: 1\n"},
		"literal block keeps lines":         {"a: |+\n  one\n\n\nb: 1\n", "a", "x\n", "a: |\n  x\nb: 1\n"},
		"literal block gains kept lines":    {"a: |\n  one\n\nb: 1\n", "a", "x\n\n", "a: |+\n  x\n\nb: 1\n"},
		"literal block with leading space":  {"a: |\n  one\nb: 1\n", "a", " x\ny\n", "a: |2\n   x\n  y\nb: 1\n"},
		"literal block in CRLF":             {"a: |\r\n  one\r\nb: 1\r\n", "a", "x\ny\n", "a: |\r\n  x\r\n  y\r\nb: 1\r\n"},
		"literal block without newline":     {"a: |\n  one", "a", "x", "a: |-\n  x"},
		"literal block without content":     {"a: |\nb: 1\n", "a", "x", "a: |-\n  x\nb: 1\n"},
		"literal block without anything":    {"a: |", "a", "x", "a: |-\n  x"},
		"literal block becomes a number":    {"a: | # c\n  one\n  two\nb: 1\n", "a", 7, "a: 7 # c\nb: 1\n"},
		"literal block becomes empty":       {"a: |\n  one\nb: 1\n", "a", "", "a: \"\"\nb: 1\n"},
		"literal block with explicit width": {"a: |2\n   one\nb: 1\n", "a", "x\n", "a: |2\n  x\nb: 1\n"},
		"literal block in a sequence":       {"a:\n- |\n  one\n- b\n", "a.0", "x\n", "a:\n- |\n  x\n- b\n"},
		"literal block with anchor":         {"a: &x |\n  one\nb: 1\n", "a", "x\n", "a: &x |\n  x\nb: 1\n"},
		"folded block":                      {"a: >-\n  one\n  two\nb: 1\n", "a", "x", "a: >-\n  x\nb: 1\n"},
		"folded block takes several lines":  {"a: >-\n  one\nb: 1\n", "a", "x\ny", "a: |-\n  x\n  y\nb: 1\n"},
		"comment after a block":             {"a: |\n  one\n# c\nb: 1\n", "a", "x\n", "a: |\n  x\n# c\nb: 1\n"},
		"inline merge value":                {"<<: {a: v1}\n", "<<.a", "v2", "<<: {a: v2}\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, changes, err := edit.SetYAML([]byte(tt.src), []edit.Update{{Key: tt.key, Value: tt.value}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(out)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if len(changes) != 1 {
				t.Errorf("got %d changes, want 1", len(changes))
			}
			again, changes, err := edit.SetYAML(out, []edit.Update{{Key: tt.key, Value: tt.value}})
			if err != nil || len(changes) != 0 || string(again) != string(out) {
				t.Errorf("a second run is not a no-op: %q, %v, %v", again, changes, err)
			}
		})
	}
}

func TestSetYAMLWritesValuesThatKeepTheirType(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value any
		want  string
	}{
		"a version stays plain":         {"1.2.3", "1.2.3"},
		"an image stays plain":          {"ghcr.io/acme/web:1.4@sha256:ab", "ghcr.io/acme/web:1.4@sha256:ab"},
		"inner spaces stay plain":       {"a b", "a b"},
		"a backslash stays plain":       {`^\d+$`, `^\d+$`},
		"accents stay plain":            {"grüße", "grüße"},
		"two-part version":              {"1.10", `"1.10"`},
		"year and month":                {"2026.1", `"2026.1"`},
		"exponent":                      {"1e3", `"1e3"`},
		"commit id that looks like 1e3": {"123e4567", `"123e4567"`},
		"leading zeros":                 {"0123", `"0123"`},
		"hexadecimal":                   {"0x1F", `"0x1F"`},
		"octal of YAML 1.2":             {"0o17", `"0o17"`},
		"binary":                        {"0b11", `"0b11"`},
		"underscores":                   {"1_000", `"1_000"`},
		"base 60":                       {"12:30:45", `"12:30:45"`},
		"infinity":                      {"-.inf", `"-.inf"`},
		"not a number":                  {".NaN", `".NaN"`},
		"date":                          {"2026-01-31", `"2026-01-31"`},
		"time":                          {"2026-01-31T10:00:00Z", `"2026-01-31T10:00:00Z"`},
		"yes":                           {"yes", `"yes"`},
		"Norway":                        {"NO", `"NO"`},
		"off":                           {"Off", `"Off"`},
		"y":                             {"y", `"y"`},
		"true":                          {"true", `"true"`},
		"null":                          {"null", `"null"`},
		"tilde":                         {"~", `"~"`},
		"merge":                         {"<<", `"<<"`},
		"equals":                        {"=", `"="`},
		"empty":                         {"", `""`},
		"colon and space":               {"a: b", `"a: b"`},
		"colon at the end":              {"a:", `"a:"`},
		"comment":                       {"a #b", `"a #b"`},
		"hash inside a word":            {"a#b", "a#b"},
		"leading hash":                  {"#b", `"#b"`},
		"leading dash":                  {"- b", `"- b"`},
		"lone dash":                     {"-", `"-"`},
		"option":                        {"-v", "-v"},
		"long option":                   {"--v", `"--v"`},
		"document marker":               {"---", `"---"`},
		"leading space":                 {" a", `" a"`},
		"trailing space":                {"a ", `"a "`},
		"alias":                         {"*a", `"*a"`},
		"anchor":                        {"&a", `"&a"`},
		"tag":                           {"!a", `"!a"`},
		"backtick":                      {"`a", "\"`a\""},
		"at sign":                       {"@a", `"@a"`},
		"percent":                       {"%a", `"%a"`},
		"pipe":                          {"|", `"|"`},
		"template":                      {"{{ x }}", `"{{ x }}"`},
		"quotes at the start":           {`"a" b`, `"\"a\" b"`},
		"line break":                    {"a\nb", `"a\nb"`},
		"carriage return":               {"a\rb", `"a\rb"`},
		"zero":                          {"a\x00b", `"a\u0000b"`},
		"escape":                        {"a\x1b[0m", `"a\u001B[0m"`},
		"next line":                     {"a\u0085b", `"a\u0085b"`},
		"line separator":                {"a\u2028b", `"a\u2028b"`},
		"byte order mark":               {"a\ufeffb", `"a\uFEFFb"`},
		"zero width space":              {"a\u200bb", `"a\u200Bb"`},
		"emoji stays plain":             {"\U0001F680", "\U0001F680"},
		"integer":                       {42, "42"},
		"a million from JSON":           {float64(1000000), "1000000"},
		"json.Number":                   {json.Number("12"), "12"},
		"fraction":                      {1.5, "1.5"},
		"small fraction":                {1e-7, "0.0000001"},
		"large integer":                 {uint64(math.MaxUint64), "18446744073709551615"},
		"float32":                       {float32(0.1), "0.1"},
		"negative":                      {int8(-1), "-1"},
		"true as a bool":                {true, "true"},
		"nil":                           {nil, "null"},
		"very large float":              {1e25, "10000000000000000000000000"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _, err := edit.SetYAML([]byte("a: was # c\n"), []edit.Update{{Key: "a", Value: tt.value}})
			if err != nil {
				t.Fatal(err)
			}
			if want := "a: " + tt.want + " # c\n"; string(out) != want {
				t.Errorf("got %q, want %q", out, want)
			}
		})
	}
}

func TestSetYAMLErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src   string
		key   string
		value any
		is    error
		want  string
	}{
		"missing key with a suggestion": {"image:\n  tag: 1\n", "image.tga", 1, edit.ErrNotFound, `line 2, column 3: key "image.tga": there is no "tga" in "image"; did you mean "tag"?`},
		"missing key in the document":   {"image: 1\n", "x", 1, edit.ErrNotFound, `line 1, column 1: key "x": there is no "x" in the document`},
		"case matters":                  {"Tag: 1\n", "tag", 1, edit.ErrNotFound, `line 1, column 1: key "tag": there is no "tag" in the document; did you mean "Tag"?`},
		"merge keys are not followed":   {"b: &b {t: 1}\na:\n  <<: *b\n", "a.t", 1, edit.ErrNotFound, "line 3, column 3: key \"a.t\": there is no \"t\" in \"a\" (merge keys, `<<`, are not followed)"},
		"index out of range":            {"a: [1, 2]\n", "a.2", 1, edit.ErrNotFound, `line 1, column 4: key "a.2": index 2 is out of range: "a" has length 2`},
		"negative index":                {"a: [1, 2]\n", "a.-1", 1, edit.ErrNotFound, `line 1, column 4: key "a.-1": index -1 is out of range: "a" has length 2`},
		"index beyond int":              {"a: [1]\n", "a.99999999999999999999", 1, edit.ErrNotFound, `line 1, column 4: key "a.99999999999999999999": index 99999999999999999999 is out of range: "a" has length 1`},
		"name into a sequence":          {"a: [1]\n", "a.b", 1, edit.ErrNotFound, `line 1, column 4: key "a.b": "a" is a sequence of length 1, so "b" must be an index`},
		"forced name into a sequence":   {"a: [1]\n", "a.:0", 1, edit.ErrNotFound, `line 1, column 4: key "a.:0": "a" is a sequence of length 1, so "0" must be an index`},
		"below a scalar":                {"a: 1\n", "a.b", 1, edit.ErrNotFound, `line 1, column 4: key "a.b": "a" is a single value and has nothing called "b" in it`},
		"mapping target":                {"a: {b: 1}\n", "a", 1, edit.ErrTarget, `line 1, column 4: key "a": the target is a mapping, not a single value`},
		"sequence target":               {"a:\n- 1\n", "a", 1, edit.ErrTarget, `line 2, column 1: key "a": the target is a sequence, not a single value`},
		"alias target":                  {"b: &b 1\na: *b\n", "a", 2, edit.ErrTarget, `line 2, column 4: key "a": "a" is the alias *b; edit the value at its anchor instead`},
		"through an alias":              {"b: &b {t: 1}\na: *b\n", "a.t", 2, edit.ErrTarget, `line 2, column 4: key "a.t": "a" is the alias *b; edit the value at its anchor instead`},
		"shared by an alias":            {"b: &b 1\na: *b\n", "b", 2, edit.ErrTarget, `line 1, column 4: key "b": the value is shared: *b on line 2 refers to the anchor on line 1 and would change too`},
		"inside something shared":       {"b: &b {t: 1}\na: *b\n", "b.t", 2, edit.ErrTarget, `line 1, column 11: key "b.t": the value is shared: *b on line 2 refers to the anchor on line 1 and would change too`},
		"duplicate key":                 {"a: 1\na: 2\n", "a", 3, edit.ErrTarget, `line 2, column 1: key "a": "a" stands more than once in the document, so which one is meant is not clear`},
		"empty file":                    {"", "a", 1, edit.ErrNotFound, `key "a": the file is empty`},
		"only comments":                 {"# a: 1\n", "a", 1, edit.ErrNotFound, `key "a": the file is empty`},
		"syntax":                        {"a: 1\nb: [\n", "a", 2, edit.ErrSyntax, `line 3: not valid YAML: did not find expected node content`},
		"unprocessed template":          {"b: 1\na: {{ .x }}-b\n", "b", 2, edit.ErrSyntax, `line 2: not valid YAML: did not find expected key`},
		"not UTF-8":                     {"b: 1\na: \xff\n", "a", 2, edit.ErrSyntax, `line 2: the file is not valid UTF-8`},
		"a number under a string tag":   {"a: !!str x\n", "a", 2, edit.ErrRefused, `the file is left alone, because the edit would not be exact: line 1 would not hold the new value`},
		"empty key":                     {"a: 1\n", " ", 1, edit.ErrKey, `the key is empty`},
		"leading dot":                   {"a: 1\n", ".a", 1, edit.ErrKey, "key \".a\": there is an empty segment before the dot at position 1; write `\\.` for a dot inside a name"},
		"trailing dot":                  {"a: 1\n", "a.", 1, edit.ErrKey, `key "a.": the last segment is empty`},
		"two dots":                      {"a: 1\n", "a..b", 1, edit.ErrKey, "key \"a..b\": there is an empty segment before the dot at position 3; write `\\.` for a dot inside a name"},
		"bare colon":                    {"a: 1\n", "a:b", 1, edit.ErrKey, "key \"a:b\": the colon at position 2 must be written `\\:`; a bare colon may only start a segment"},
		"colon without a name":          {"a: 1\n", "a.:", 1, edit.ErrKey, `key "a.:": the last segment is empty`},
		"list value":                    {"a: 1\n", "a", []any{1}, edit.ErrValue, `key "a": a []interface {} cannot be written as one value; give a string, a number, a bool or null`},
		"map value":                     {"a: 1\n", "a", map[string]any{}, edit.ErrValue, `key "a": a map[string]interface {} cannot be written as one value; give a string, a number, a bool or null`},
		"NaN":                           {"a: 1\n", "a", math.NaN(), edit.ErrValue, `key "a": NaN is not a finite number`},
		"invalid UTF-8 value":           {"a: 1\n", "a", "\xff", edit.ErrValue, `key "a": the value is not valid UTF-8`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, changes, err := edit.SetYAML([]byte(tt.src), []edit.Update{{Key: tt.key, Value: tt.value}})
			if err == nil {
				t.Fatalf("no error; out = %q", out)
			}
			if out != nil || changes != nil {
				t.Errorf("an error came with output %q, %v", out, changes)
			}
			if !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetYAMLIsAllOrNothing(t *testing.T) {
	t.Parallel()
	out, changes, err := edit.SetYAML([]byte("a: 1\nb: 2\n"), []edit.Update{
		{Key: "a", Value: 9}, {Key: "c", Value: 9}, {Key: "b.x", Value: 9},
	})
	if out != nil || changes != nil || err == nil {
		t.Fatalf("got %q, %v, %v", out, changes, err)
	}
	for _, want := range []string{`key "c"`, `key "b.x"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not report %s", err, want)
		}
	}
}

func TestSetYAMLMakesSeveralChangesAtOnce(t *testing.T) {
	t.Parallel()
	src := "i: {r: a, t: v1} # x\nl: |\n  one\nz:\n"
	out, changes, err := edit.SetYAML([]byte(src), []edit.Update{
		{Key: "z", Value: true}, {Key: "i.t", Value: "v2"}, {Key: "l", Value: "two\n"}, {Key: "i.r", Value: "a"}, {Key: "i.t", Value: "v2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("i: {r: a, t: v2} # x\nl: |\n  two\nz: true\n", string(out)); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	want := []edit.Change{
		{Key: "z", New: true, Line: 4},
		{Key: "l", Old: "one\n", New: "two\n", Line: 2},
		{Key: "i.t", Old: "v1", New: "v2", Line: 1},
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestTheLastOfSeveralValuesForOneKeyWins(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func([]byte, []edit.Update) ([]byte, []edit.Change, error)
		src  string
		want string
	}{
		"YAML": {edit.SetYAML, "a: 1\n", "a: 3\n"},
		"JSON": {edit.SetJSON, `{"a": 1}`, `{"a": 3}`},
		"TOML": {edit.SetTOML, "a = 1\n", "a = 3\n"},
		"HCL":  {edit.SetHCL, "a = 1\n", "a = 3\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, _, err := tt.set([]byte(tt.src), []edit.Update{{Key: "a", Value: 2}, {Key: ":a", Value: 3}})
			if err != nil || string(out) != tt.want {
				t.Errorf("got %q, %v", out, err)
			}
			out, changes, err := tt.set([]byte(tt.src), []edit.Update{{Key: "a", Value: 2}, {Key: ":a", Value: 1}})
			if err != nil || string(out) != tt.src {
				t.Errorf("back to what it was: %q, %v, %v", out, changes, err)
			}
		})
	}
}

func TestSetYAMLRefusesNumbersThatReadersRound(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"123456789012345678901", "1e400"} {
		out, _, err := edit.SetYAML([]byte("a: 1\n"), []edit.Update{{Key: "a", Value: json.Number(n)}})
		if !errors.Is(err, edit.ErrValue) {
			t.Errorf("%s: got %q, %v", n, out, err)
		}
	}
}

func TestSetYAMLFollowsAliasesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	src := "b: &b v1\na: *b\n"
	out, _, err := edit.SetYAML([]byte(src), []edit.Update{{Key: "b", Value: "v2", FollowAliases: true}})
	if err != nil || string(out) != "b: &b v2\na: *b\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestSetYAMLLeavesEqualValuesAlone(t *testing.T) {
	t.Parallel()
	for src, value := range map[string]any{
		"a: v1": "v1", "a: 'v1'": "v1", "a: \"\\u0076\"": "v", "a: 0x10": 16, "a: 1.0": 1, "a: 1e3": 1000,
		"a:": nil, "a: ~": nil, "a: True": true, "a: |\n  x\n": "x\n", "a: !!str 1": "1", "a: yes": "yes",
	} {
		out, changes, err := edit.SetYAML([]byte(src), []edit.Update{{Key: "a", Value: value}})
		if err != nil || len(changes) != 0 || string(out) != src {
			t.Errorf("%q set to %#v: got %q, %v, %v", src, value, out, changes, err)
		}
	}
}

func TestSetYAMLTellsTypesApart(t *testing.T) {
	t.Parallel()
	for src, tt := range map[string]struct {
		value any
		want  string
	}{
		"a: 1":          {"1", `a: "1"`},
		"a: \"1\"":      {1, "a: 1"},
		"a: true":       {"true", `a: "true"`},
		"a: 2026-01-31": {"2026-01-31", `a: "2026-01-31"`},
		"a: null":       {"null", `a: "null"`},
		"a:":            {"", `a: ""`},
		"a: ''":         {nil, "a: null"},
	} {
		out, _, err := edit.SetYAML([]byte(src), []edit.Update{{Key: "a", Value: tt.value}})
		if err != nil || string(out) != tt.want {
			t.Errorf("%q set to %#v: got %q, %v", src, tt.value, out, err)
		}
	}
}

func TestGetYAML(t *testing.T) {
	t.Parallel()
	src := []byte("a: &a {t: v1, n: 3, d: 2026-01-31}\nb: *a\nl: [x, 1.5, ~, true]\n")
	for key, want := range map[string]any{
		"a.t": "v1", "a.n": int64(3), "a.d": "2026-01-31", "b.t": "v1", "l.1": 1.5, "l.2": nil, "l.3": true,
		"l": []any{"x", 1.5, nil, true},
	} {
		got, err := edit.GetYAML(src, key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
	if _, err := edit.GetYAML(src, "a.x"); !errors.Is(err, edit.ErrNotFound) {
		t.Errorf("missing key: got %v", err)
	}
}

func TestHoldsYAML(t *testing.T) {
	t.Parallel()
	src := []byte("a: v1\nn: 1\nm: {}\n")
	for _, tt := range []struct {
		key   string
		value any
		want  bool
	}{
		{"a", "v1", true}, {"a", "v2", false}, {"n", 1, true}, {"n", 1.0, true}, {"n", "1", false}, {"m", "v1", false},
	} {
		got, err := edit.HoldsYAML(src, tt.key, tt.value)
		if err != nil || got != tt.want {
			t.Errorf("HoldsYAML(%s, %#v) = %v, %v; want %v", tt.key, tt.value, got, err, tt.want)
		}
	}
	if _, err := edit.HoldsYAML(src, "a", []string{}); !errors.Is(err, edit.ErrValue) {
		t.Errorf("list: got %v", err)
	}
}

func TestSetYAMLRefusesLargeFiles(t *testing.T) {
	t.Parallel()
	src := []byte("a: 1\n" + strings.Repeat("#\n", edit.MaxSize/2))
	if _, _, err := edit.SetYAML(src, []edit.Update{{Key: "a", Value: 2}}); !errors.Is(err, edit.ErrSyntax) {
		t.Errorf("got %v", err)
	}
}

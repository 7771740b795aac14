package edit_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/edit"
)

func TestSetTOMLKeepsEverythingElse(t *testing.T) {
	t.Parallel()
	checkEdits(t, edit.SetTOML, map[string]editCase{
		"comments and blank lines":          {"# top\n\na = 'v1' # keep\n\n[t]\nb = 2\n", "a", "v2", "# top\n\na = 'v2' # keep\n\n[t]\nb = 2\n"},
		"double quotes":                     {"a = \"v1\"\n", "a", "v2", "a = \"v2\"\n"},
		"single quotes":                     {"a = 'v1'\n", "a", "v2", "a = 'v2'\n"},
		"single quotes cannot hold one":     {"a = 'v1'\n", "a", "it's", "a = \"it's\"\n"},
		"a string takes single quotes":      {"a = 1\n", "a", "x\"y", "a = 'x\"y'\n"},
		"alignment":                         {"a   =   1   # one\nbb  =  2\n", "a", 9, "a   =   9   # one\nbb  =  2\n"},
		"CRLF":                              {"a = 1\r\n[t]\r\nb = 2 # c\r\n", "t.b", 9, "a = 1\r\n[t]\r\nb = 9 # c\r\n"},
		"tabs":                              {"[t]\n\tb\t=\t2\t# c\n", "t.b", 9, "[t]\n\tb\t=\t9\t# c\n"},
		"byte order mark":                   {"\ufeffa = 1\n", "a", 2, "\ufeffa = 2\n"},
		"no final newline":                  {"a = 1", "a", 2, "a = 2"},
		"table":                             {"[image]\ntag = '1'\n[other]\ntag = '1'\n", "image.tag", "2", "[image]\ntag = '2'\n[other]\ntag = '1'\n"},
		"dotted key":                        {"a.b . \"c d\".e = 1\na.x = 2\n", "a.b.c d.e", 9, "a.b . \"c d\".e = 9\na.x = 2\n"},
		"dotted header":                     {"[a.b]\nc = 1\n[a]\nd = 2\n", "a.d", 9, "[a.b]\nc = 1\n[a]\nd = 9\n"},
		"dotted key in a table":             {"[a]\nb.c = 1\n", "a.b.c", 9, "[a]\nb.c = 9\n"},
		"quoted key with a dot":             {"\"a.b\" = 1\na.b = 2\n", `a\.b`, 9, "\"a.b\" = 9\na.b = 2\n"},
		"unicode key":                       {"\"日本\" = {'é' = 1, b = 2} # é\n", "日本.é", 9, "\"日本\" = {'é' = 9, b = 2} # é\n"},
		"inline table":                      {"a = { b = 1, c.d = 'v1' } # c\n", "a.c.d", "v2", "a = { b = 1, c.d = 'v2' } # c\n"},
		"array over lines":                  {"a = [\n  1, # one\n  2,\n]\n", "a.1", 9, "a = [\n  1, # one\n  9,\n]\n"},
		"array of tables":                   {"[[s]]\nn = 1\n[[s]]\nn = 2\n[s.t]\nx = 1\n", "s.1.n", 9, "[[s]]\nn = 1\n[[s]]\nn = 9\n[s.t]\nx = 1\n"},
		"table of an array's last table":    {"[[s]]\nn = 1\n[[s]]\nn = 2\n[s.t]\nx = 1\n", "s.1.t.x", 9, "[[s]]\nn = 1\n[[s]]\nn = 2\n[s.t]\nx = 9\n"},
		"arrays of tables within":           {"[[a]]\n[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[[a]]\n[[a.b]]\nc = 3\n", "a.1.b.0.c", 9, "[[a]]\n[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[[a]]\n[[a.b]]\nc = 9\n"},
		"array of inline tables":            {"a = [{n = 1}, {n = 2}]\n", "a.1.n", 9, "a = [{n = 1}, {n = 9}]\n"},
		"an integer stays one":              {"port = 8080\n", "port", 9090.0, "port = 9090\n"},
		"a float stays one":                 {"ratio = 0.5\n", "ratio", 1, "ratio = 1.0\n"},
		"underscores":                       {"a = 1_000\nb = 0xdead_beef\n", "a", 2000, "a = 2000\nb = 0xdead_beef\n"},
		"hexadecimal":                       {"a = 0xe1\n", "a", 7, "a = 7\n"},
		"infinity":                          {"a = +inf\n", "a", 7, "a = 7.0\n"},
		"a bool":                            {"a = true\n", "a", false, "a = false\n"},
		"a date gives way":                  {"a = 1979-05-27T07:32:00Z # d\nb = 07:32:00\n", "a", "now", "a = 'now' # d\nb = 07:32:00\n"},
		"strings over lines":                {"a = \"\"\"\none\ntwo\"\"\" # c\n", "a", "x\ny\\z\n", "a = \"\"\"\nx\ny\\\\z\n\"\"\" # c\n"},
		"strings over lines, in one":        {"a = '''\none\ntwo'''\n", "a", "x", "a = 'x'\n"},
		"quotes before the closing ones":    {"a = \"\"\"x\"\"\"\"\" # c\nb = 1\n", "b", 2, "a = \"\"\"x\"\"\"\"\" # c\nb = 2\n"},
		"comment signs in strings":          {"a = \"# no\" # yes\nb = '['\n", "b", "]", "a = \"# no\" # yes\nb = ']'\n"},
		"characters that need escapes":      {"a = 1\n", "a", "\x00\x1f\u2028\"\n\t'", "a = \"\\u0000\\u001F\\u2028\\\"\\n\\t'\"\n"},
		"numeric name of a table":           {"[a]\n1 = 'x'\n", "a.1", "y", "[a]\n1 = 'y'\n"},
		"a table that is spread":            {"[f.apple]\nc = 1\n[v]\n[f.orange]\nc = 2\n", "f.orange.c", 9, "[f.apple]\nc = 1\n[v]\n[f.orange]\nc = 9\n"},
		"the comment of what comes next":    {"a = 1\n# about b\nb = 2\n", "a", 3, "a = 3\n# about b\nb = 2\n"},
		"equals signs and brackets in keys": {"\"a=[\" = 1\n'b]' = 2\n", "b]", 3, "\"a=[\" = 1\n'b]' = 3\n"},
	})
}

func TestSetTOMLRefuses(t *testing.T) {
	t.Parallel()
	checkRefusals(t, edit.SetTOML, map[string]refusal{
		"a key that is not there":   {"[image]\ntag = 1\n", "image.tga", 2, edit.ErrNotFound, `line 1, column 2: key "image.tga": there is no "tga" in "image"; did you mean "tag"?`},
		"a table":                   {"[a]\nb = 1\n", "a", 2, edit.ErrTarget, "the target is a map"},
		"an inline table":           {"a = {b = 1}\n", "a", 2, edit.ErrTarget, "the target is a map"},
		"an array":                  {"a = [1]\n", "a", 2, edit.ErrTarget, "the target is a list"},
		"an index out of range":     {"x = 1\na = [1]\n", "a.1", 2, edit.ErrNotFound, `line 2, column 1: key "a.1": index 1 is out of range: "a" has length 1`},
		"a negative index":          {"a = [1]\n", "a.-1", 2, edit.ErrNotFound, "out of range"},
		"null":                      {"a = 1\n", "a", nil, edit.ErrValue, "null"},
		"an integer beyond 64 bits": {"a = 1\n", "a", json.Number("18446744073709551615"), edit.ErrValue, "no number as large as"},
		"a key that stands twice":   {"a = 1\nb = 2\na = 3\n", "b", 2, edit.ErrSyntax, "line 3"},
		"a table that stands twice": {"[a]\n[a]\nb = 1\n", "a.b", 2, edit.ErrSyntax, "line 2"},
		"what is not TOML":          {"a = 1\nb: 2\n", "a", 2, edit.ErrSyntax, "line 2, column 2: not valid TOML"},
		"an empty file":             {"", "a", 2, edit.ErrNotFound, "there is no"},
		"nesting without end":       {"a = " + strings.Repeat("[", 1<<20), "a", 2, edit.ErrSyntax, "nested more than 200 deep"},
		"nesting behind comments":   {"a = " + strings.Repeat("[ # ]\n", 300), "a", 2, edit.ErrSyntax, "nested more than 200 deep"},
		"nesting of inline tables":  {"a = " + strings.Repeat("{a=", 1<<18), "a", 2, edit.ErrSyntax, "nested more than 200 deep"},
	})
}

func TestGetTOML(t *testing.T) {
	t.Parallel()
	src := []byte("a = 'x'\nd = 1979-05-27\n[t]\nf = 1.5\n")
	for key, want := range map[string]any{"a": "x", "d": "1979-05-27", "t.f": 1.5} {
		if got, err := edit.GetTOML(src, key); err != nil || got != want {
			t.Errorf("%s is %v, %v", key, got, err)
		}
	}
	if _, err := edit.GetTOML(src, "t"); !errors.Is(err, edit.ErrTarget) {
		t.Errorf("got %v", err)
	}
}

func TestTOMLLiteral(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{"'v1'": "v1", "\"it's\"": "it's", "9090": 9090.0, "1.5": 1.5, "true": true} {
		if got, err := edit.TOMLLiteral(value); err != nil || got != want {
			t.Errorf("%v is %s, %v; want %s", value, got, err, want)
		}
	}
}

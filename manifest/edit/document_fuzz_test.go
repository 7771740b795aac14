package edit

import (
	"bytes"
	"errors"
	"testing"
)

// fuzzFormat sets values of any kind and judges what comes out by reading it anew:
// the value is there, all other scalars stand as they did, and a second run has
// nothing to do.
func fuzzFormat(f *testing.F, format format, set func([]byte, []Update) ([]byte, []Change, error), files ...string) {
	f.Helper()
	for i, src := range files {
		for kind := range uint8(5) {
			f.Add([]byte(src), []string{"a", "a.b", "a.0.b", "a.-1"}[i%4], kind, "x\n'\"\\${y}\u2028")
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, key string, kind uint8, text string) {
		value := fuzzValue(kind, text)
		before := bytes.Clone(src)
		out, changes, err := set(src, []Update{{Key: key, Value: value}})
		if !bytes.Equal(src, before) {
			t.Fatal("the input was modified")
		}
		if err != nil {
			if out != nil || changes != nil {
				t.Fatalf("an error and a result: %v, %q", err, out)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("an error without a place: %v", err)
			}
			if errors.Is(err, ErrRefused) {
				t.Fatalf("an edit that should be exact is not: %v\n%q %q", err, src, key)
			}
			return
		}
		d, err := format.open(out)
		if err != nil {
			t.Fatalf("the result is malformed: %v\n%q", err, out)
		}
		segments, err := format.key(key)
		if err != nil {
			t.Fatal(err)
		}
		if segments[len(segments)-1].name == "-1" {
			return
		}
		n, err := d.lookup(key, segments)
		if err != nil || n.kind != scalar {
			t.Fatalf("the value is not there: %v\nbefore %q\nafter  %q", err, src, out)
		}
		again, changes, err := set(out, []Update{{Key: key, Value: value}})
		if err != nil || len(changes) != 0 || !bytes.Equal(again, out) {
			t.Fatalf("a second run gives %q, %v, %v", again, changes, err)
		}
	})
}

func FuzzSetJSON(f *testing.F) {
	fuzzFormat(f, jsonFormat(), SetJSON,
		`{"a": "v1", "b": [1e400, null]}`, "{\r\n\t\"a\": {\"b\": 1}\r\n}\n", `{"a": [{"b": "\ud800"}, 1]}`, `{"a": [ ]}`,
		"", `[1]`, `{"a":{}, "a":1}`, "\ufeff{}", `{"a": 123456789012345678901}`,
	)
}

func FuzzSetTOML(f *testing.F) {
	fuzzFormat(f, tomlFormat(), SetTOML,
		"a = 'v1' # c\n[t]\nx.y = 0x1F\n", "[a]\r\nb = \"\"\"\r\nx\"\"\"\r\n", "[[a]]\nb = 1.5\n[[a]]\n", "a = [\n1, # c\n]\n",
		"a = 1979-05-27 07:32:00\n", "a.b = {c = 1, d.e = [inf, nan]}\n", "\ufeffa = '''x'''''\n", "\"a\" = -0.0\n", "a = \"\\u0041\"",
	)
}

func FuzzSetHCL(f *testing.F) {
	fuzzFormat(f, hclFormat(), SetHCL,
		"a = \"v1\" # c\nb \"c\" d {\n e = 1\n}\n", "a {\r\n b = <<-X\r\n  y\r\n X\r\n}\r\n", "a {\n b = 1\n}\na {\n b = { c : [1], \"d\" = 2, (e) = 3 }\n}\n", "a = [1, -2, x.y]\n",
		"a = true ? 1 : [for x in y : x]\n", "a {\n b = \"${x}\"\n}\n", "\ufeffa = (1)\n", "a = 1e400\n", "a = \"%{ if x }$${y}%{ endif }\"",
	)
}

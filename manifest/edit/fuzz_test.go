// The fuzz tests look at spans, which are not exported.
package edit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// fuzzValue turns fuzzer input into one of the values that may be set.
func fuzzValue(kind uint8, text string) any {
	switch kind % 5 {
	case 0:
		return nil
	case 1:
		return len(text)%2 == 0
	case 2:
		return len(text) * 999983
	case 3:
		return float64(len(text)) / 7
	}
	return text
}

// leaves lists every value of a decoded document under its path.
func leaves(v any) map[string]string {
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, c := range v {
				walk(fmt.Sprintf("%s/%q", path, k), c)
			}
		case map[any]any:
			for k, c := range v {
				walk(fmt.Sprintf("%s/%T %v", path, k, k), c)
			}
		case []any:
			for i, c := range v {
				walk(fmt.Sprintf("%s/%d", path, i), c)
			}
		default:
			out[path] = fmt.Sprintf("%T %v", v, v)
			return
		}
		out[path] = "collection"
	}
	walk("", v)
	return out
}

func differences(a, b map[string]string) (paths []string) {
	for p := range a {
		if a[p] != b[p] {
			paths = append(paths, p)
		}
	}
	for p := range b {
		if _, ok := a[p]; !ok {
			paths = append(paths, p)
		}
	}
	return paths
}

func decodes(src []byte) (v any, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	err := yaml.Unmarshal(src, &v)
	return v, err == nil
}

// checkSpan requires that the bytes which would be replaced are, on their own,
// the old value: no comment, no neighbour, no half of an escape.
func checkSpan(t *testing.T, src []byte, key string) {
	t.Helper()
	segments, err := parseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSource(src)
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.lookup(key, segments, false)
	if err != nil {
		t.Fatal(err)
	}
	n := path[len(path)-1]
	if isEmptyValue(n) || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return
	}
	at, _ := s.scalarSpan(n)
	text := string(src[at.start:at.end])
	var got yaml.Node
	for _, context := range []string{"- %s", "[%s]"} {
		if yaml.Unmarshal(fmt.Appendf(nil, context, text), &got) == nil && len(got.Content[0].Content) == 1 {
			if c := got.Content[0].Content[0]; c.Value == n.Value && c.Style == n.Style && c.LineComment == "" {
				return
			}
		}
	}
	t.Errorf("the span %q is not the value %q", text, n.Value)
}

func FuzzSetYAML(f *testing.F) {
	for _, seed := range []struct{ src, key, value string }{
		{"a: v1 # c\nb: {x: 'y', z: [1, \"2\"]}\n", "b.z.1", "v2"},
		{"a: &x |+\n  one\n\n\nb: >2-\n   two\r\n", "b", " x\n\ny\n"},
		{"\ufeff? a\n: - \n  - b:\n", "a.1.b", "# no"},
		{"a: &x {b: 1}\nc: *x\n<<: *x\n", "a.b", "- x"},
		{"%YAML 1.1\n---\na: one\n  two\n---\nb: [\n", "a", "a: b"},
		{"é: !!str \"\\u0041\\\n  b\" #\n", "é", "\x00\u2028"},
	} {
		for kind := range uint8(5) {
			f.Add([]byte(seed.src), seed.key, kind, seed.value)
		}
	}
	files, err := filepath.Glob("testdata/yaml/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, "a", uint8(4), "v2")
	}
	f.Fuzz(func(t *testing.T, src []byte, key string, kind uint8, text string) {
		value := fuzzValue(kind, text)
		original := bytes.Clone(src)
		out, changes, err := SetYAML(src, []Update{{Key: key, Value: value}})
		if !bytes.Equal(src, original) {
			t.Fatal("the input was modified")
		}
		if err != nil {
			if out != nil || changes != nil {
				t.Fatal("an error came with output")
			}
			return
		}
		if len(changes) == 0 {
			if !bytes.Equal(src, out) {
				t.Fatal("no change, but other bytes")
			}
			return
		}
		checkSpan(t, src, key)
		want, err := normalize(value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := GetYAML(out, key)
		if err != nil || got != want {
			t.Fatalf("the key holds %#v (%v), want %#v\nbefore %q\nafter  %q", got, err, want, src, out)
		}
		before, okBefore := decodes(src)
		after, okAfter := decodes(out)
		if okBefore != okAfter {
			t.Fatalf("decodes before: %v, after: %v\nbefore %q\nafter  %q", okBefore, okAfter, src, out)
		}
		if okBefore && !bytes.Contains(src, []byte("<<")) && !bytes.Contains(src, []byte("!")) {
			if diff := differences(leaves(before), leaves(after)); len(diff) != 1 {
				t.Fatalf("changed %q, want one place\nbefore %q\nafter  %q", diff, src, out)
			}
		}
		again, changes, err := SetYAML(out, []Update{{Key: key, Value: value}})
		if err != nil || len(changes) != 0 || !bytes.Equal(again, out) {
			t.Fatalf("a second run gives %q, %v, %v", again, changes, err)
		}
	})
}

// FuzzPlainSafe checks the quoting rules against the parser: what may stand
// plain reads back as that very string, alone and among neighbours.
func FuzzPlainSafe(f *testing.F) {
	for _, s := range []string{"v1.2.3", "a:b", "a #b", "a, b", "-x", "?x", "::", "a?", "=x", "\u00a0", "12e5", "0o7", "1:2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, flow := range []bool{false, true} {
			if !utf8.ValidString(s) || !plainSafe(s, flow) {
				continue // normalize has refused the former
			}
			src := "k: " + s + " # c\nz: 1\n"
			if flow {
				src = "k: {a: x, b: " + s + ", c: [" + s + "]}\n"
			}
			var v struct {
				K yaml.Node `yaml:"k"`
			}
			if err := yaml.Unmarshal([]byte(src), &v); err != nil {
				t.Fatalf("%q: %v", src, err)
			}
			n := &v.K
			if flow {
				n = v.K.Content[3]
			}
			if n.ShortTag() != "!!str" || n.Value != s {
				t.Errorf("%q reads as %s %q", s, n.ShortTag(), n.Value)
			}
		}
	})
}

func FuzzSetImages(f *testing.F) {
	for _, src := range []string{
		"images:\n- name: web\n  newTag: v1\n", "images: [{name: web, digest: d}]\n", "resources:\n  - a\n", "images: []\r\n",
		"{\"images\": []}", "images:\n- digest: x\n  name: web\n  newName: b\n# c\n", "a: |+\n  b\n\n\n",
	} {
		f.Add([]byte(src), "web", "", "v2", "")
		f.Add([]byte(src), "web", "*", "", "sha256:0")
		f.Add([]byte(src), "db", "m/db", "*", "")
	}
	f.Fuzz(func(t *testing.T, src []byte, name, newName, tag, digest string) {
		want := KustomizeImage{Name: name, NewName: newName, NewTag: tag, Digest: digest}
		before, errBefore := Images(src)
		out, _, err := SetImages(src, []KustomizeImage{want})
		if err != nil {
			return
		}
		if errBefore != nil {
			t.Fatalf("edited what cannot be read: %v", errBefore)
		}
		after, err := Images(out)
		if err != nil {
			t.Fatal(err)
		}
		var got *KustomizeImage
		for i := range after {
			if after[i].Name == name {
				got = &after[i]
				continue
			}
			if i >= len(before) || after[i] != before[i] {
				t.Fatalf("image %d changed\nbefore %q\nafter  %q", i, src, out)
			}
		}
		if got == nil {
			t.Fatalf("the image is not there: %q", out)
		}
		for _, p := range [][2]string{{want.NewName, got.NewName}, {want.NewTag, got.NewTag}, {want.Digest, got.Digest}} {
			if p[0] != Preserve && p[0] != p[1] {
				t.Fatalf("got %+v, want %+v\nbefore %q\nafter  %q", *got, want, src, out)
			}
		}
		again, changes, err := SetImages(out, []KustomizeImage{want})
		if err != nil || len(changes) != 0 || !bytes.Equal(again, out) {
			t.Fatalf("a second run gives %q, %v, %v", again, changes, err)
		}
	})
}

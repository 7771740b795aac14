package edit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/edit"
)

func TestLeavesAreWhatSetTakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, src, key string
		want           []edit.Leaf
	}{
		"a scalar":                        {"a.yaml", "a: {b: 1.10 }\n", "a.b", []edit.Leaf{{"", 1.1}}},
		"a text that looks like a number": {"a.yaml", "a: \"1.10\"\n", "a", []edit.Leaf{{"", "1.10"}}},
		"a mapping, in its order":         {"a.yml", "a:\n  z: x\n  b: [1, {c: null}]\n", "a", []edit.Leaf{{"z", "x"}, {"b.0", int64(1)}, {"b.1.c", nil}}},
		"names with dots and numbers":     {"a.yaml", "a:\n  b.c/d: x\n  \"7\": y\n", "a", []edit.Leaf{{`b\.c/d`, "x"}, {":7", "y"}}},
		"through an alias":                {"a.yaml", "a: &x {b: 1}\nc: *x\n", "c", []edit.Leaf{{"b", int64(1)}}},
		"an empty mapping":                {"a.yaml", "a: {}\n", "a", nil},
		"JSON":                            {"a.json", `{"a": {"b": [true, "x"]}}`, "a", []edit.Leaf{{"b.0", true}, {"b.1", "x"}}},
		"TOML":                            {"a.toml", "[a]\nb = 'x'\n[a.c]\nd = 1.5\n", "a", []edit.Leaf{{"b", "x"}, {"c.d", 1.5}}},
		"HCL":                             {"a.tfvars", "a = \"x\"\nb = 2\n", "b", []edit.Leaf{{"", int64(2)}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, ok := edit.FormatOf(tc.file)
			if !ok {
				t.Fatalf("%s has no format", tc.file)
			}
			got, err := f.Leaves([]byte(tc.src), tc.key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			for _, l := range got {
				again, err := f.Leaves([]byte(tc.src), edit.JoinKeys(tc.key, l.Key))
				if err != nil || len(again) != 1 || again[0].Value != l.Value {
					t.Errorf("key %s leads to %v, %v", edit.JoinKeys(tc.key, l.Key), again, err)
				}
			}
		})
	}
}

func TestLeavesRefuse(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 []\n"
	for i, names := 0, "abcdefghi"; i < len(names)-1; i++ {
		laughs += string(names[i+1]) + "0: &" + string(names[i+1]) + "0 [" + strings.Repeat("*"+string(names[i])+"0, ", 9) + "]\n"
	}
	tests := map[string]struct {
		file, src, key string
		want           error
	}{
		"a date":                     {"a.yaml", "a: 2024-01-01\n", "a", edit.ErrTarget},
		"a date within":              {"a.toml", "[a]\nb = 2024-01-01\n", "a", edit.ErrTarget},
		"an expression":              {"a.tf", "a = var.x\n", "a", edit.ErrTarget},
		"a merge key":                {"a.yaml", "a: &a {b: 1}\nc:\n  <<: *a\n", "c", edit.ErrTarget},
		"a name that no key reaches": {"a.yaml", "a: {'b\\': 1}\n", "a", edit.ErrTarget},
		"a name that stands twice":   {"a.yaml", "a: {b: 1, b: 2}\n", "a", edit.ErrTarget},
		"a member that stands twice": {"a.json", `{"a": {"b": 1, "b": 2}}`, "a", edit.ErrTarget},
		"much ado about nothing":     {"a.yaml", laughs, "i0", edit.ErrTarget},
		"too many":                   {"a.json", `{"a": [` + strings.Repeat("1,", edit.MaxLeaves) + `1, 2]}`, "a", edit.ErrTarget},
		"a key that is not there":    {"a.yaml", "a: 1\n", "b", edit.ErrNotFound},
		"no such format":             {"a.yaml", "a: [\n", "b", edit.ErrSyntax},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := edit.FormatOf(tc.file)
			got, err := f.Leaves([]byte(tc.src), tc.key)
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
	if _, ok := edit.FormatOf("Dockerfile"); ok {
		t.Error("a Dockerfile has keys")
	}
}

// FuzzLeaves: whatever a file holds, each leaf that is found can be looked up by its own
// key, and nothing else panics or takes long.
func FuzzLeaves(f *testing.F) {
	for _, src := range []string{"a: {b: [1, {c: x}], \"7\": y}\n", "a: &x {b: 1}\nc: *x\n", `{"a": {"b": [true]}}`, "[a]\nb = 'x'\n[[a.c]]\nd = 1\n", "a = 1\nb \"x\" {\n  c = \"y\"\n}\n"} {
		f.Add(src, "a", uint8(0))
		f.Add(src, "b", uint8(3))
	}
	names := []string{"a.yaml", "a.json", "a.toml", "a.tf"}
	f.Fuzz(func(t *testing.T, src, key string, kind uint8) {
		format, _ := edit.FormatOf(names[int(kind)%len(names)])
		found, err := format.Leaves([]byte(src), key)
		if err != nil {
			return
		}
		for _, l := range found[:min(len(found), 20)] {
			again, err := format.Leaves([]byte(src), edit.JoinKeys(key, l.Key))
			if err != nil || len(again) != 1 || again[0].Key != "" || again[0].Value != l.Value {
				t.Fatalf("%q at %q: %q leads to %v, %v; want %v", src, key, l.Key, again, err, l.Value)
			}
		}
	})
}

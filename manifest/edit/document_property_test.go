package edit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/manifest/edit"
)

// TestSetJSONChangesOnlyItsTarget compares with what the standard decoder reads.
func TestSetJSONChangesOnlyItsTarget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := document().Draw(t, "document")
		indent := rapid.SampledFrom([]string{"", "  ", "\t"}).Draw(t, "indent")
		src, err := json.MarshalIndent(doc, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		checkOnlyTarget(t, doc, src, edit.SetJSON, func(src []byte) (v any, err error) { return v, json.Unmarshal(src, &v) })
	})
}

// TestSetTOMLChangesOnlyItsTarget compares with what the library reads.
func TestSetTOMLChangesOnlyItsTarget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := document().Draw(t, "document")
		src, err := toml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		checkOnlyTarget(t, doc, src, edit.SetTOML, func(src []byte) (any, error) {
			var v map[string]any
			err := toml.Unmarshal(src, &v)
			return v, err
		})
	})
}

// TestSetHCLChangesOnlyItsTarget sets every scalar of a file made of blocks and
// compares what is left of the text.
func TestSetHCLChangesOnlyItsTarget(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		blocks := rapid.IntRange(1, 4).Draw(t, "blocks")
		target := rapid.IntRange(0, blocks-1).Draw(t, "target")
		value := rapid.OneOf(rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Bool().AsAny()).Draw(t, "value")
		old := rapid.SampledFrom([]string{`"x"`, "1", "var.x", `"${a}-b"`, "<<E\nx\nE"}).Draw(t, "old")
		render := func(text string) string {
			var b strings.Builder
			for i := range blocks {
				at := old
				if i == target {
					at = text
				}
				fmt.Fprintf(&b, "# block %d\nm \"b%d\" {\n  o = {\n    v = %s\n  } // end\n  w = \"%%{ if x }y%%{ endif }\"\n}\n", i, i, at)
			}
			return b.String()
		}
		key := fmt.Sprintf("m.b%d.o.v", target)
		out, _, err := edit.SetHCL([]byte(render(old)), []edit.Update{{Key: key, Value: value}})
		if err != nil {
			t.Fatal(err)
		}
		head, tail, _ := strings.Cut(render("\x00"), "\x00")
		if !strings.HasPrefix(string(out), head) || !strings.HasSuffix(string(out), tail) {
			t.Fatalf("more than the value changed: %q", out)
		}
		got, err := edit.GetHCL(out, key)
		if err != nil {
			t.Fatal(err)
		}
		if n, isInt := value.(int); isInt {
			value = int64(n)
		}
		if _, isText := value.(string); !isText && got != value {
			t.Fatalf("got %v, want %v", got, value)
		}
	})
}

// checkOnlyTarget sets one scalar of a document: read back, it differs from what
// was written in that place alone.
func checkOnlyTarget(t *rapid.T, doc map[string]any, src []byte,
	set func([]byte, []edit.Update) ([]byte, []edit.Change, error), read func([]byte) (any, error),
) {
	paths := scalarPaths(doc, nil)
	if len(paths) == 0 {
		return
	}
	path := rapid.SampledFrom(paths).Draw(t, "path")
	value := rapid.StringMatching(`[ -~\n\té日]{0,12}`).Draw(t, "value")
	out, _, err := set(src, []edit.Update{{Key: strings.Join(path, "."), Value: value}})
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	before, err := read(src)
	if err != nil {
		t.Fatal(err)
	}
	after, err := read(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(replaced(before, path, value), after); diff != "" {
		t.Fatalf("-want +got:\n%s\nbefore %s\nafter %s", diff, src, out)
	}
}

// document generates maps of maps, lists and scalars.
func document() *rapid.Generator[map[string]any] {
	leaf := rapid.OneOf(rapid.String().AsAny(), rapid.Int32().AsAny(), rapid.Bool().AsAny(), rapid.Float32Range(-9, 9).AsAny())
	name := rapid.StringMatching(`[a-z][a-z0-9é-]{0,5}`)
	inner := rapid.MapOfN(name, leaf, 0, 4)
	table := rapid.MapOfN(name, rapid.OneOf(leaf, inner.AsAny(), rapid.SliceOfN(rapid.Int32(), 0, 4).AsAny(), rapid.SliceOfN(inner, 0, 3).AsAny()), 0, 4)
	return rapid.MapOfN(name, rapid.OneOf(leaf, table.AsAny()), 0, 5)
}

func scalarPaths(v any, at []string) (paths [][]string) {
	below := func(name string, c any) {
		paths = append(paths, scalarPaths(c, append(at[:len(at):len(at)], name))...)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, c := range v {
			below(name, c)
		}
	case []map[string]any:
		for i, c := range v {
			below(fmt.Sprint(i), c)
		}
	case []int32:
		for i, c := range v {
			below(fmt.Sprint(i), c)
		}
	default:
		return [][]string{at}
	}
	return paths
}

func replaced(v any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		v[path[0]] = replaced(v[path[0]], path[1:], value)
	case []any:
		var i int
		_, _ = fmt.Sscan(path[0], &i)
		v[i] = replaced(v[i], path[1:], value)
	}
	return v
}

package edit_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/manifest/edit"
)

func TestMergeYAML(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		docs []string
		want string
	}{
		"later files win, maps merge, lists are replaced": {
			[]string{"# top\na: 1 # one\nb:\n  c: 2\nl: [1, 2]\n", "b:\n  d: 3 # three\nl: [3]\n", "a: 9\n"},
			"# top\na: 9 # one\nb:\n  c: 2\n  d: 3 # three\nl: [3]\n",
		},
		"null deletes":                               {[]string{"a: 1\nb: {c: 1, d: 2}\n", "a: null\nb: {c: ~}\n"}, "b: {d: 2}\n"},
		"$patch: delete deletes":                     {[]string{"a: {x: 1}\nb: 2\n", "a:\n  $patch: delete\n"}, "b: 2\n"},
		"null in the first stays":                    {[]string{"a: null\nb: 1\n", "b: 2\n"}, "a: null\nb: 2\n"},
		"one file stays as it is":                    {[]string{"# c\n\na:   1   # x\r\n"}, "# c\n\na:   1   # x\r\n"},
		"files without content are left out":         {[]string{"", "# nothing\n", "a:   1\n", "---\n"}, "a:   1\n"},
		"nothing gives nothing":                      {[]string{"", "\n"}, ""},
		"no files give nothing":                      {nil, ""},
		"lists of maps are replaced":                 {[]string{"a:\n- name: x\n  v: 1\n", "a:\n- name: x\n  w: 1\n"}, "a:\n- name: x\n  w: 1\n"},
		"lists at the top are replaced":              {[]string{"- 1\n- 2\n", "- 3\n"}, "- 3\n"},
		"words that are booleans to some stay plain": {[]string{"a: yes\nb: 'on'\nc: x\n", "c: off\n"}, "a: yes\nb: 'on'\nc: off\n"},
		"anchors are written out":                    {[]string{"x: &x {a: 1}\ny: *x\nz:\n  <<: *x\n  b: 2\n", "y: {b: 2}\n"}, "x: {a: 1}\ny: {a: 1, b: 2}\nz:\n  b: 2\n  a: 1\n"},
		"an empty document behind the first":         {[]string{"a: 1\n---\n", "b: 2\n"}, "a: 1\nb: 2\n"},
		"a byte order mark goes":                     {[]string{"\ufeffa: 1\n", "b: 2\n"}, "a: 1\nb: 2\n"},
		"lists of known objects are merged by name": {
			[]string{
				"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a # main\n        image: x\n        args: [\"1\", \"2\"]\n      - name: b\n        image: y\n",
				"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: b\n        image: z\n      - name: c\n        image: w\n      - name: a\n        args: [\"3\"]\n",
			},
			"apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a # main\n        image: x\n        args: [\"3\"]\n      - name: b\n        image: z\n      - name: c\n        image: w\n",
		},
		"lists of unknown objects are replaced": {
			[]string{"apiVersion: x/v1\nkind: Foo\nspec:\n  containers:\n  - name: a\n", "apiVersion: x/v1\nkind: Foo\nspec:\n  containers:\n  - name: b\n"},
			"apiVersion: x/v1\nkind: Foo\nspec:\n  containers:\n  - name: b\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := edit.MergeYAML(texts(tt.docs)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func texts(docs []string) (out [][]byte) {
	for _, d := range docs {
		out = append(out, []byte(d))
	}
	return out
}

func TestMergeYAMLRefuses(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n" +
		"d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
	for name, tt := range map[string]struct {
		docs  []string
		index int
		want  string
	}{
		"a map over a scalar":                {[]string{"a: 1\n", "a: {x: 1}\n"}, 1, "cannot be merged"},
		"a scalar over a map":                {[]string{"a: {x: 1}\n", "a: 1\n"}, 1, "cannot be merged"},
		"a list over a map":                  {[]string{"a: {x: 1}\n", "b: 1\n", "a: []\n"}, 2, "cannot be merged"},
		"several documents":                  {[]string{"a: 1\n", "b: 1\n---\nc: 1\n"}, 1, "several documents"},
		"a document behind that is broken":   {[]string{"a: 1\n---\nb: [\n"}, 0, "several documents"},
		"what is not YAML":                   {[]string{"a: 1\n", "b: [\n"}, 1, "not valid YAML"},
		"anchors that multiply":              {[]string{bomb, "z: 1\n"}, 0, "more than 100000 values"},
		"an anchor that stands for a parent": {[]string{"a: &a [*a]\n", "z: 1\n"}, 0, "more than 100000 values"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := edit.MergeYAML(texts(tt.docs)...)
			var at *edit.MergeError
			if got != nil || !errors.As(err, &at) || at.Index != tt.index || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// TestMergeYAMLAgreesWithItsRules compares with the rules for maps, lists and
// scalars in plain words.
func TestMergeYAMLAgreesWithItsRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var docs [][]byte
		var want any
		for range rapid.IntRange(1, 4).Draw(t, "files") {
			doc := values(3).Draw(t, "document")
			src, err := yaml.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, src)
			if want == nil {
				want = doc
			} else {
				want = merged(want, doc)
			}
		}
		out, err := edit.MergeYAML(docs...)
		if err != nil {
			t.Fatalf("%v\n%s", err, docs)
		}
		var got any
		if err := yaml.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s\n%s\n%s", diff, docs, out)
		}
	})
}

// values generates maps in which a name always has the same kind of value.
func values(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		out := map[string]any{"s": "x"}
		if rapid.Bool().Draw(t, "scalar") {
			out["s"] = rapid.StringMatching(`[a-z:# '"-]{0,6}`).Draw(t, "s")
		}
		if rapid.Bool().Draw(t, "list") {
			out["l"] = []any{rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "l")}
		}
		for _, name := range []string{"m", "n"} {
			if depth > 0 && rapid.Bool().Draw(t, name) {
				out[name] = values(depth-1).Draw(t, name)
			}
		}
		return out
	})
}

func merged(base, over any) any {
	b, isMap := base.(map[string]any)
	o, overMap := over.(map[string]any)
	if !isMap || !overMap {
		return over
	}
	out := map[string]any{}
	for k, v := range b {
		out[k] = v
	}
	for k, v := range o {
		if old, ok := out[k]; ok {
			v = merged(old, v)
		}
		out[k] = v
	}
	return out
}

func TestMergeYAMLIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	deployment := []byte("apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - name: a\n")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if out, err := edit.MergeYAML(deployment, deployment); err != nil || string(out) != string(deployment) {
				t.Errorf("got %q, %v", out, err)
			}
		})
	}
	wg.Wait()
}

func FuzzMergeYAML(f *testing.F) {
	for _, pair := range [][2]string{
		{"a: 1 # c\nb: {c: [1]}\n", "b: {c: null, $patch: replace}\n"},
		{"a: &x {b: 1}\nc: *x\n<<: *x\n", "c: {d: on}\n"},
		{"- a: 1\n", "- $patch: delete\n"},
		{"apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}\n", "spec: {containers: [{name: a, $patch: delete}]}\n"},
		{"? [a]\n: |\n  x\n", "!!str a: >-\n  y\n"},
	} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, base, over []byte) {
		out, err := edit.MergeYAML(base, over)
		if err != nil {
			return
		}
		if _, err := edit.MergeYAML(out, []byte("a: 1\n")); errors.Is(err, edit.ErrSyntax) {
			t.Fatalf("%q over %q gives %q, which cannot be read: %v", over, base, out, err)
		}
	})
}

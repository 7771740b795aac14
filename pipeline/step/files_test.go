package step_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config config
		want   []string // what is left beneath src
		err    string
	}{
		{name: "a directory goes with what it holds", config: config{"path": "src/env"}, want: []string{"src/README.md"}},
		{
			name: "a pattern crosses directories", config: config{"path": "src/**/*.md", "pathsAreGlobs": true},
			want: []string{"src/env/prod/kustomization.yaml", "src/env/prod/values.yaml"},
		},
		{
			name: "without pathsAreGlobs a star is a name", config: config{"path": "src/*.md"},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
		},
		{
			name: "strict refuses to find nothing, and removes nothing", config: config{"paths": []any{"src/README.md", "src/absent"}, "strict": true},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  "delete src/absent: file does not exist",
		},
		{
			name: "a literal path has no dot-dot", config: config{"path": "src/../src/env"},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  `must not contain ".."`,
		},
		{
			name: "a pattern has no dot-dot either", config: config{"path": "../src/*", "pathsAreGlobs": true},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  `must not contain ".."`,
		},
		{
			name: "the workspace itself is not deleted", config: config{"path": "./"},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  "the workspace itself cannot be deleted",
		},
		{
			name: "a pattern may match what an earlier one removed", config: config{"paths": []any{"src/env/**", "src/env/prod/*.md"}, "pathsAreGlobs": true},
			want: []string{"src/README.md"},
		},
		{
			name: "strict refuses a pattern without a match", config: config{"path": "src/*.txt", "pathsAreGlobs": true, "strict": true},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  "delete src/*.txt: file does not exist",
		},
		{
			name: "what is not there is no error", config: config{"paths": []any{"src/absent", "src/README.md/x", "src/README.md"}},
			want: []string{"src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
		},
		{
			name: "a malformed pattern is an error", config: config{"path": "src/[", "pathsAreGlobs": true},
			want: []string{"src/README.md", "src/env/prod/kustomization.yaml", "src/env/prod/notes.md", "src/env/prod/values.yaml"},
			err:  "syntax error in pattern",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, promotion()[0], use("delete", tt.config))
			b.upTo(1)
			if res := b.run(1); tt.err != "" {
				if res.Phase != pipeline.Errored || !strings.Contains(res.Message, tt.err) {
					t.Errorf("%s: %s", res.Phase, res.Message)
				}
			} else if res.Phase != pipeline.Succeeded {
				t.Errorf("%s: %s", res.Phase, res.Message)
			}
			if diff := cmp.Diff(tt.want, slices.Sorted(maps.Keys(b.files("src")))); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeleteRemovesALinkAndNotItsTarget(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("delete", config{"path": "src/link"}))
	b.upTo(1)
	if err := b.ws.WriteFile(t.Context(), "src/link", []byte("env"), tree.ModeSymlink); err != nil {
		t.Fatal(err)
	}
	b.want(1, pipeline.Succeeded)
	if _, err := b.ws.Lstat(t.Context(), "src/link"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link is there: %v", err)
	}
	if _, ok := b.files("src")["src/env/prod/values.yaml"]; !ok {
		t.Error("the target is gone")
	}
}

func TestDeleteTellsMalformedConfigAndPatternsApart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		phase  pipeline.Phase
	}{
		"path and paths":      {config{"path": "a", "paths": []any{"b"}}, pipeline.Failed},
		"neither":             {config{}, pipeline.Failed},
		"no paths":            {config{"paths": []any{}}, pipeline.Failed},
		"an empty path":       {config{"paths": []any{""}}, pipeline.Failed},
		"a malformed pattern": {config{"path": "[", "pathsAreGlobs": true}, pipeline.Errored},
	} {
		b := newBench(t, use("delete", tt.config))
		if res := b.want(0, tt.phase); !res.Terminal {
			t.Errorf("%s is tried again: %s", name, res.Message)
		}
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		want   map[string]string // beneath out; the step errs without
		err    string
	}{
		"the destination itself, never into it": {config: config{"inPath": "in/d", "outPath": "out"}, want: map[string]string{"out/f": "new", "out/keep": "old"}},
		"directories merge, files overwrite":    {config: config{"inPath": "in", "outPath": "out"}, want: map[string]string{"out/f": "top", "out/keep": "old", "out/d/f": "new"}},
		"a file":                                {config: config{"inPath": "in/f", "outPath": "out/g/h"}, want: map[string]string{"out/f": "old", "out/keep": "old", "out/g/h": "top"}},
		"a file that is ignored":                {config: config{"inPath": "in/f", "outPath": "out/f", "ignore": "f"}, want: map[string]string{"out/f": "old", "out/keep": "old"}},
		"through a link to what it stands for":  {config: config{"inPath": "in/link", "outPath": "out"}, want: map[string]string{"out/f": "new", "out/keep": "old"}},
		"confined, not rejected":                {config: config{"inPath": "../in/f", "outPath": "/../out/f"}, want: map[string]string{"out/f": "top", "out/keep": "old"}},
		"a file onto a directory":               {config: config{"inPath": "in/f", "outPath": "out"}, err: "is a directory"},
		"a directory onto a file":               {config: config{"inPath": "in", "outPath": "out/f"}, err: "not a directory"},
		"what is not there":                     {config: config{"inPath": "absent", "outPath": "out"}, err: "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("copy", tt.config))
			for p, data := range map[string]string{"in/f": "top", "in/d/f": "new", "out/f": "old", "out/keep": "old"} {
				if err := b.ws.WriteFile(t.Context(), p, []byte(data), 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.ws.WriteFile(t.Context(), "in/link", []byte("d"), tree.ModeSymlink); err != nil {
				t.Fatal(err)
			}
			if tt.err != "" {
				if res := b.want(0, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, tt.err) {
					t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
				}
				return
			}
			b.want(0, pipeline.Succeeded)
			if diff := cmp.Diff(tt.want, b.files("out")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCopyLeavesOutWhatIsIgnored(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("copy", config{"inPath": "src", "outPath": "out", "ignore": "*.md\n!README.md\n"}))
	b.upTo(1)
	b.want(1, pipeline.Succeeded)
	want := []string{"out/README.md", "out/env/prod/kustomization.yaml", "out/env/prod/values.yaml"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(b.files("out")))); diff != "" {
		t.Errorf("what was copied (-want +got):\n%s", diff)
	}
}

func TestGitClearNeedsACheckout(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("git-clear", config{"path": "src/env"}))
	b.upTo(1)
	if res := b.want(1, pipeline.Errored); !strings.Contains(res.Message, "not the path of a checkout") {
		t.Errorf("message %q", res.Message)
	}
}

func TestComposeOutputKeepsTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("compose-output", config{"n": 42, "s": "42", "l": []any{true, nil}}))
	b.want(0, pipeline.Succeeded)
	if got, want := string(b.p.Steps[0].Output), `{"l":[true,null],"n":42,"s":"42"}`; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
}

func TestFailIsTerminal(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("fail", config{"message": "frozen"}))
	if res := b.want(0, pipeline.Failed); !res.Terminal || res.Message != "frozen" {
		t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
	}
}

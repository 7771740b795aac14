package step_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
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

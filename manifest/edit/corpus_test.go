package edit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// corpus lists the files under testdata/yaml with one edit each. The result must
// be the file with old, which stands in it once, replaced by new.
var corpus = []struct {
	file, key string
	value     any
	old, new  string
}{
	{"helm-values", "image.tag", "1.9.3", "\"1.9.2\"", "\"1.9.3\""},
	{"deployment", "spec.template.spec.containers.1.image", "ghcr.io/acme/web:1.9.3@sha256:def", "ghcr.io/acme/web:1.9.2@sha256:abc", "ghcr.io/acme/web:1.9.3@sha256:def"},
	{"annotation-with-dots", "metadata.annotations.argocd-image-updater\\.argoproj\\.io/image-list", "new", "list: old", "list: new"},
	{"compose-anchors", "services.db.image", "db:2", "'db:1'", "'db:2'"},
	{"workflow-on-key", "env.VERSION", "1.9.3", "1.9.2", "1.9.3"},
	{"chart", "dependencies.0.version", "18.2", "~18.1", "\"18.2\""},
	{"argo-application", "spec.source.helm.parameters.0.value", "v2", "value: v1}", "value: v2}"},
	{"values-in-a-block", "spec.helm.values", "image:\n  tag: v2\n", "image:\n        tag: v1   # not ours to parse\n", "image:\n        tag: v2\n"},
	{"windows-newlines", "a.b", "v2", "v1", "v2"},
	{"windows-block", "a.c", "z\nw\n", "x\r\n    y\r\n", "z\r\n    w\r\n"},
	{"mixed-newlines", "c", "v2", "v1", "v2"},
	{"old-mac-newlines", "b", "v2", "v1", "v2"},
	{"no-final-newline", "b", "v2", "v1", "v2"},
	{"no-final-newline-comment", "b", "v2", "v1", "v2"},
	{"byte-order-mark", "a", "v2", "v1", "v2"},
	{"trailing-blanks", "a", "v2", "v1", "v2"},
	{"tabs-before-comment", "a", "v2", "v1", "v2"},
	{"wide-characters", "日本.🚀.2", "v2", "v1", "v2"},
	{"line-separators", "b", "v2", "v1", "v2"},
	{"comment-lookalikes", "a", "v2", "\"v1 # no comment\"", "\"v2\""},
	{"quote-lookalikes", "a", "v2", "it's v1", "v2"},
	{"escaped-quotes", "a", "v2", "\"\\\"v1\\\\\"", "\"v2\""},
	{"doubled-quotes", "a", "v2", "'''v1'''", "'v2'"},
	{"json", "a.b.1.c", "v2", "\"v1\"", "\"v2\""},
	{"json-number", "a", 7, "\"a\":1", "\"a\":7"},
	{"flow-over-lines", "a.c.1", "z", "y ]", "z ]"},
	{"flow-trailing-comma", "a.1", "v2", "v1", "v2"},
	{"flow-plain-over-lines", "a.b", "v2", "one\n  two", "v2"},
	{"flow-single-pair", "a.0.b", "v2", "v1", "v2"},
	{"flow-comma-in-value", "a.b", "x,y", "v1", "\"x,y\""},
	{"plain-over-lines", "a", "v2", "one\n  two\n\n  three", "v2"},
	{"double-quoted-over-lines", "a", "v2", "\"one\\\n  \\ two\n\n  three\"", "\"v2\""},
	{"single-quoted-over-lines", "a", "v2", "'one\n\n  # not a comment\n  two'", "'v2'"},
	{"literal-strip", "a", "v2", "one\n\n  two\n", "v2\n"},
	{"literal-keep", "a", "two\n\n\n", "one", "two"},
	{"literal-deep", "a.0.b.0", "v2\n", "one\n          two\n", "v2\n"},
	{"literal-indicator", "a", "  v2", "  one", "  v2"},
	{"literal-marker-inside", "c", "v2", "v1", "v2"},
	{"folded", "a", "v2", "one\n  two\n\n    three", "v2"},
	{"block-becomes-number", "a", 7, ">\n  one\n  two\n", "7\n"},
	{"anchor-unused", "a", "v2", "\"v1\"", "\"v2\""},
	{"anchor-next-line", "a", "v2", "v1", "v2"},
	{"tag-and-anchor", "b", "v2", "v1b", "v2"},
	{"cloudformation", "Resources.A.Image", "${R}/web:v2", "web:v1", "web:v2"},
	{"empty-then-comment", "a", "v2", "a:", "a: v2"},
	{"empty-then-indented-comment", "a", "v2", "a:", "a: v2"},
	{"empty-sequence-items", "a.1", "v2", "- #", "- v2 #"},
	{"nested-sequences", "0.1.0", "v2", "v1", "v2"},
	{"question-mark-keys", "a", "v2", "v1", "v2"},
	{"value-under-key", "a", "v2", "v1", "v2"},
	{"multi-document", "a", "v2", "a: v1\n", "a: v2\n"},
	{"broken-later-document", "a", "v2", "v1", "v2"},
	{"directive", "a", "v2", "v1", "v2"},
	{"numeric-keys", "8080", "v2", "v1", "v2"},
	{"duplicates-elsewhere", "a", "v2", "v1", "v2"},
	{"number-lookalike-commit", "rev", "1234e56", "abc1234", "\"1234e56\""},
	{"indentless", "a.1.c", "v2", "v1", "v2"},
	{"odd-indentation", "a.b.c", "v2", "v1", "v2"},
	{"colon-keys", "urn\\:x\\:y", "v2", "v1", "v2"},
	{"long-line", "a", "v2", strings.Repeat("x", 3000), "v2"},
}

// corpusErrors lists the files whose edit must be refused, and as what.
var corpusErrors = []struct {
	file, key string
	value     any
	is        error
}{
	{"alias", "b", "v2", ErrTarget},
	{"shared", "a", "v2", ErrTarget},
	{"shared-by-merge", "a.t", "v2", ErrTarget},
	{"billion-laughs", "a.0", "v2", ErrTarget},
	{"duplicate", "a", "v3", ErrTarget},
	{"helm-template", "a", "v2", ErrSyntax},
	{"tab-indentation", "a.b", "v2", ErrSyntax},
	{"conflict-markers", "a", "v3", ErrSyntax},
	{"utf-16", "a", "v2", ErrSyntax},
	{"latin-1", "a", "v2", ErrSyntax},
	{"binary", "a", "v2", ErrSyntax},
}

func readCorpus(t *testing.T, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", "yaml", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestCorpus(t *testing.T) {
	t.Parallel()
	for _, tt := range corpus {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			src := readCorpus(t, tt.file)
			if n := bytes.Count(src, []byte(tt.old)); n != 1 {
				t.Fatalf("%q stands in the file %d times, want once", tt.old, n)
			}
			out, _, err := SetYAML(src, []Update{{Key: tt.key, Value: tt.value}})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(string(src), tt.old, tt.new, 1)
			if diff := cmp.Diff(want, string(out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCorpusErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range corpusErrors {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			out, _, err := SetYAML(readCorpus(t, tt.file), []Update{{Key: tt.key, Value: tt.value}})
			if !errors.Is(err, tt.is) || out != nil {
				t.Errorf("got %q, %v; want %v", out, err, tt.is)
			}
		})
	}
}

func TestCorpusIsListed(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, tt := range corpus {
		listed = append(listed, tt.file+".yaml")
	}
	for _, tt := range corpusErrors {
		listed = append(listed, tt.file+".yaml")
	}
	slices.Sort(listed)
	entries, err := os.ReadDir(filepath.Join("testdata", "yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var present []string
	for _, e := range entries {
		present = append(present, e.Name())
	}
	if diff := cmp.Diff(listed, present); diff != "" {
		t.Errorf("table and folder differ (-listed +present):\n%s", diff)
	}
}

// TestCorpusEveryScalar sets every value of every file to values of every kind.
// Each edit must succeed, be exact, and leave the bytes of no neighbour in its
// span; only shared values may be refused.
func TestCorpusEveryScalar(t *testing.T) {
	t.Parallel()
	values := []any{nil, true, 7, 0.25, "v2", "1.10", "", "a: b # c", "one\ntwo\n", " x\n\n", "it's \"x\"", "\u2028"}
	edits := 0
	for _, tt := range corpus {
		src := readCorpus(t, tt.file)
		s, err := parseSource(src)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range scalarKeys(s.root()) {
			for _, value := range values {
				out, changes, err := SetYAML(src, []Update{{Key: key, Value: value}})
				switch {
				case errors.Is(err, ErrTarget):
					continue
				case errors.Is(err, ErrRefused) && strings.Contains(string(src), "!"):
					continue // a tag forbids the type
				case err != nil:
					t.Errorf("%s: %s to %#v: %v", tt.file, key, value, err)
					continue
				case len(changes) == 0:
					continue
				}
				edits++
				checkSpan(t, src, key)
				before, ok := decodes(src)
				after, _ := decodes(out)
				if ok {
					if diff := differences(leaves(before), leaves(after)); len(diff) != 1 {
						t.Errorf("%s: %s to %#v changed %q", tt.file, key, value, diff)
					}
				}
				if a, b := comments(s.docs[0]), commentsOf(t, out); a != b {
					t.Errorf("%s: %s to %#v: comments were %q, are %q", tt.file, key, value, a, b)
				}
			}
		}
	}
	if edits < 1000 {
		t.Errorf("only %d edits were made", edits)
	}
}

func scalarKeys(root *yaml.Node) (keys []string) {
	var walk func(n *yaml.Node, path []string)
	walk = func(n *yaml.Node, path []string) {
		switch n.Kind {
		case yaml.ScalarNode:
			keys = append(keys, joinKey(path...))
		case yaml.SequenceNode:
			for i, c := range n.Content {
				walk(c, append(slices.Clone(path), strconv.Itoa(i)))
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Kind == yaml.ScalarNode {
					walk(n.Content[i+1], append(slices.Clone(path), n.Content[i].Value))
				}
			}
		default: // an alias, whose value belongs to its anchor
		}
	}
	walk(root, nil)
	return keys
}

// comments returns all comments below a node, sorted, because the parser may
// attach one to another node when a value changes its number of lines.
func comments(n *yaml.Node) string {
	var all []string
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			all = append(all, strings.Fields(c)...)
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(n)
	slices.Sort(all)
	return strings.Join(all, " ")
}

func commentsOf(t *testing.T, src []byte) string {
	t.Helper()
	s, err := parseSource(src)
	if err != nil {
		t.Fatal(err)
	}
	return comments(s.docs[0])
}

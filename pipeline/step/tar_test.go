package step_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// listing is what an archive holds: the mode and the content or target of each name.
func listing(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	r := io.Reader(bytes.NewReader(archive))
	if bytes.HasPrefix(archive, []byte{0x1f, 0x8b}) {
		gz, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = gz
	}
	out := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF { //nolint:errorlint // it is never wrapped
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = h.FileInfo().Mode().String() + " " + string(data) + h.Linkname
	}
}

func TestTar(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config  config
		want    map[string]string
		gzipped bool
	}{
		"a directory": {config{"inPath": "in", "outPath": "out/a.tar"}, map[string]string{
			"a.md": "-rw-r--r-- A", "d/": "drwxr-xr-x ", "d/run": "-rwxr-xr-x R", "d/b.md": "-rw-r--r-- B", "link": "Lrwxrwxrwx d/run",
		}, false},
		"ignore takes patterns with negation": {config{"inPath": "in", "outPath": "out/a.tar", "ignore": "# no\n*.md\n!a.md\nlink\n"}, map[string]string{
			"a.md": "-rw-r--r-- A", "d/": "drwxr-xr-x ", "d/run": "-rwxr-xr-x R",
		}, false},
		"an ignored directory goes with all it holds": {config{"inPath": "in", "outPath": "out/a.tar", "ignore": "d/\n!d/run\n"}, map[string]string{
			"a.md": "-rw-r--r-- A", "link": "Lrwxrwxrwx d/run",
		}, false},
		"a file":                           {config{"inPath": "in/a.md", "outPath": "a.tar"}, map[string]string{"a.md": "-rw-r--r-- A"}, false},
		"compressed when told":             {config{"inPath": "in/a.md", "outPath": "a.tar", "gzip": true}, map[string]string{"a.md": "-rw-r--r-- A"}, true},
		"compressed by name":               {config{"inPath": "in/a.md", "outPath": "a.tar.gz"}, map[string]string{"a.md": "-rw-r--r-- A"}, true},
		"not compressed when told":         {config{"inPath": "in/a.md", "outPath": "a.tgz", "gzip": false}, map[string]string{"a.md": "-rw-r--r-- A"}, false},
		"the archive is no part of itself": {config{"inPath": "in/d", "outPath": "in/d/run"}, map[string]string{"b.md": "-rw-r--r-- B"}, false},
		"nothing":                          {config{"inPath": "in", "outPath": "a.tar", "ignore": "*"}, map[string]string{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("tar", tt.config))
			archiveInput(t, b.ws)
			b.want(0, pipeline.Succeeded)
			archive, err := b.ws.ReadFile(t.Context(), tt.config["outPath"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, listing(t, archive)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := bytes.HasPrefix(archive, []byte{0x1f, 0x8b}); got != tt.gzipped {
				t.Errorf("compressed: %v", got)
			}
		})
	}
}

func archiveInput(t *testing.T, w *tree.Workspace) {
	t.Helper()
	for _, f := range []struct {
		path, data string
		mode       tree.Mode
	}{
		{"in/a.md", "A", 0}, {"in/d/run", "R", tree.ModeExec}, {"in/d/b.md", "B", 0}, {"in/link", "d/run", tree.ModeSymlink},
	} {
		if err := w.WriteFile(t.Context(), f.path, []byte(f.data), f.mode); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTarFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		files  map[string]int
		want   string
	}{
		"without input":        {config{"inPath": "absent", "outPath": "o"}, nil, "archive absent: stat absent: file does not exist"},
		"for a large file":     {config{"inPath": "in", "outPath": "o"}, map[string]int{"in/a": 50<<20 + 1}, "a has 52428801 bytes, more than the limit"},
		"for many large files": {config{"inPath": "in", "outPath": "o"}, map[string]int{"in/a": 50 << 20, "in/b": 50 << 20, "in/c": 1}, "more than 104857600 bytes together"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("tar", tt.config))
			for p, size := range tt.files {
				if err := b.ws.WriteFile(t.Context(), p, make([]byte, size), 0); err != nil {
					t.Fatal(err)
				}
			}
			if res := b.want(0, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, tt.want) {
				t.Errorf("terminal %v, message %q", res.Terminal, res.Message)
			}
			if _, err := b.ws.Stat(t.Context(), "o"); err == nil {
				t.Error("an archive was written")
			}
		})
	}
}

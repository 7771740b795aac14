package step_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// entry is one entry of an archive that a test makes.
type entry struct {
	name, data string
	kind       byte // a file by default
	mode       int64
	link       string
}

func tarball(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.data)), Typeflag: e.kind, Mode: e.mode, Linkname: e.link}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(h); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestUntar(t *testing.T) {
	t.Parallel()
	plain := []entry{{name: "c/"}, {name: "c/a.md", data: "A"}, {name: "c/run", data: "R", mode: 0o755}, {name: "c/d/b", data: "B"}}
	plain[0].kind = tar.TypeDir
	tests := map[string]struct {
		entries []entry
		config  config
		want    map[string]string
	}{
		"files and modes":       {plain, config{}, map[string]string{"c/a.md": "100644 A", "c/run": "100755 R", "c/d/b": "100644 B"}},
		"stripped":              {plain, config{"stripComponents": 1}, map[string]string{"a.md": "100644 A", "run": "100755 R", "d/b": "100644 B"}},
		"stripped further":      {plain, config{"stripComponents": 2}, map[string]string{"b": "100644 B"}},
		"ignore takes patterns": {plain, config{"stripComponents": 1, "ignore": "# no\n*.md\nd/\n"}, map[string]string{"run": "100755 R"}},
		"ignore with negation":  {plain, config{"ignore": "c/*\n!c/run\n"}, map[string]string{"c/run": "100755 R"}},
		"unsafe names are left out": {[]entry{
			{name: "ok", data: "1"},
			{name: "../x", data: "2"},
			{name: "/abs", data: "3"},
			{name: "a/../../x", data: "4"},
			{name: `a\b`, data: "5"},
			{name: ".git/config", data: "6"},
			{name: "a/.GIT/hooks/x", data: "7"},
			{name: "a/..", kind: tar.TypeDir},
		}, config{}, map[string]string{"ok": "100644 1"}},
		"a leading dot is safe": {[]entry{{name: "./", kind: tar.TypeDir}, {name: "./a/b", data: "1"}}, config{}, map[string]string{"a/b": "100644 1"}},
		"links": {[]entry{
			{name: "a/b", data: "1"},
			{name: "l", kind: tar.TypeSymlink, link: "a/b"},
			{name: "up", kind: tar.TypeSymlink, link: "../etc"},
			{name: "abs", kind: tar.TypeSymlink, link: "/etc/passwd"},
			{name: "hard", kind: tar.TypeLink, link: "a/b"},
			{name: "fifo", kind: tar.TypeFifo},
			{name: "git", kind: tar.TypeSymlink, link: ".git/config"},
		}, config{}, map[string]string{"a/b": "100644 1", "l": "120000 a/b"}},
		"nothing is written through a link": {[]entry{
			{name: "d", kind: tar.TypeSymlink, link: "e"}, {name: "d/x", data: "1"}, {name: "d", data: "2"}, {name: "e/y", data: "3"},
		}, config{}, map[string]string{"d": "120000 e", "e/y": "100644 3"}},
		"the last of several wins": {[]entry{{name: "a", data: "1"}, {name: "a", data: "2", mode: 0o700}}, config{}, map[string]string{"a": "100755 2"}},
		"an empty archive":         {nil, config{}, map[string]string{}},
	}
	for name, tt := range tests {
		for _, compressed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, use("untar", cloned(tt.config, "in.bin", "out")))
				data := tarball(t, tt.entries...)
				if compressed {
					data = gzipped(t, data)
				}
				for p, data := range map[string][]byte{"in.bin": data, "out/old": []byte("x")} {
					if err := b.ws.WriteFile(t.Context(), p, data, 0); err != nil {
						t.Fatal(err)
					}
				}
				b.want(0, pipeline.Succeeded)
				if diff := cmp.Diff(tt.want, modes(t, b.ws, "out", "")); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func cloned(c config, in, out string) config {
	made := config{"inPath": in, "outPath": out}
	for k, v := range c {
		made[k] = v
	}
	return made
}

// modes is what a directory holds: the mode and the content or target of each path.
func modes(t *testing.T, w *tree.Workspace, dir, prefix string) map[string]string {
	t.Helper()
	infos, err := w.ReadDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, i := range infos {
		at := dir + "/" + i.Name
		var content string
		switch {
		case i.Mode.IsDir():
			for p, what := range modes(t, w, at, prefix+i.Name+"/") {
				out[p] = what
			}
			continue
		case i.Mode == tree.ModeSymlink:
			content, err = w.Readlink(t.Context(), at)
		default:
			var data []byte
			data, err = w.ReadFile(t.Context(), at)
			content = string(data)
		}
		if err != nil {
			t.Fatal(err)
		}
		out[prefix+i.Name] = i.Mode.String() + " " + content
	}
	return out
}

func TestUntarReplacesACheckoutAndKeepsItOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, promotion()[0], use("untar", config{"inPath": "in.tar", "outPath": "src"}),
		use("git-commit", config{"path": "src", "message": "Replace"}), use("untar", config{"inPath": "in.tar", "outPath": "."}))
	b.upTo(1)
	if err := b.ws.WriteFile(t.Context(), "in.tar", tarball(t, entry{name: "a", data: "1"}), 0); err != nil {
		t.Fatal(err)
	}
	b.want(1, pipeline.Succeeded)
	b.want(2, pipeline.Succeeded)
	if diff := cmp.Diff(map[string]string{"src/a": "1"}, b.files("src")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if res := b.want(3, pipeline.Errored); !strings.Contains(res.Message, "holds the checkout src") {
		t.Errorf("message %q", res.Message)
	}
}

func TestUntarFailsAndWritesNothing(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 50<<20)
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"what is not an archive":     {[]byte(strings.Repeat("nonsense", 100)), "not a tar archive"},
		"broken gzip":                {[]byte("\x1f\x8bnonsense"), "extract in.tar: "},
		"an archive cut short":       {tarball(t, entry{name: "a", data: "12345"}, entry{name: "b", data: strings.Repeat("y", 2000)})[:2000], "unexpected EOF"},
		"a large file":               {gzipped(t, tarball(t, entry{name: "ok", data: "1"}, entry{name: "a", data: large + "x"})), "a has 52428801 bytes, more than the limit"},
		"many large files":           {gzipped(t, tarball(t, entry{name: "a", data: large}, entry{name: "b", data: large}, entry{name: "c", data: "x"})), "more than 104857600 bytes together"},
		"a file beneath a file":      {tarball(t, entry{name: "a", data: "1"}, entry{name: "a/b", data: "2"}), "a/b lies beneath a file"},
		"a file that is a directory": {tarball(t, entry{name: "a/b", data: "1"}, entry{name: "a", kind: tar.TypeDir}, entry{name: "a", data: "2"}), "a file and a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, use("untar", config{"inPath": "in.tar", "outPath": "out"}))
			for p, data := range map[string][]byte{"in.tar": tt.data, "out/old": []byte("x")} {
				if err := b.ws.WriteFile(t.Context(), p, data, 0); err != nil {
					t.Fatal(err)
				}
			}
			if res := b.want(0, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, tt.want) {
				t.Errorf("terminal %v, message %.300q", res.Terminal, res.Message)
			}
			if diff := cmp.Diff(map[string]string{"out/old": "x"}, b.files("out")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTarAndUntarAreInverse(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("tar", config{"inPath": "in", "outPath": "a.tgz"}), use("untar", config{"inPath": "a.tgz", "outPath": "out"}))
	archiveInput(t, b.ws)
	b.upTo(2)
	if diff := cmp.Diff(modes(t, b.ws, "in", ""), modes(t, b.ws, "out", "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzUntar looks for archives that write outside their directory or are written in
// part.
func FuzzUntar(f *testing.F) {
	f.Add(tarball(f, entry{name: "a/b", data: "1"}, entry{name: "../x", data: "2"}, entry{name: "l", kind: tar.TypeSymlink, link: "a"}, entry{name: "l/x", data: "3"}), 0, "")
	f.Add(tarball(f, entry{name: "./a/", kind: tar.TypeDir}, entry{name: "a", data: "1"}), 1, "*.md\n!x")
	f.Add(gzipped(f, tarball(f, entry{name: "a", data: "1", mode: 0o755})), 0, "a/")
	f.Fuzz(func(t *testing.T, data []byte, strip int, ignore string) {
		b := newBench(t, use("untar", config{"inPath": "in", "outPath": "x/out", "stripComponents": strip, "ignore": ignore}))
		for p, data := range map[string][]byte{"in": data, "x/out/old": []byte("x"), "y": []byte("y")} {
			if err := b.ws.WriteFile(t.Context(), p, data, 0); err != nil {
				t.Fatal(err)
			}
		}
		res := b.run(0)
		if strings.HasPrefix(res.Message, "internal error") {
			t.Fatal(res.Message)
		}
		for p, content := range modes(t, b.ws, ".", "") {
			switch {
			case p == "in" || p == "y" && content == "100644 y":
			case !strings.HasPrefix(p, "x/out/"):
				t.Fatalf("%s was written: %q", p, content)
			case res.Phase != pipeline.Succeeded && p != "x/out/old":
				t.Fatalf("%s was written although %s", p, res.Message)
			}
		}
	})
}

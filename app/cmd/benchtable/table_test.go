package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const output = `goos: linux
goarch: amd64
pkg: github.com/kargo-app/kargo/manifest/edit
cpu: Some CPU @ 2.50GHz             
BenchmarkSetYAML-2   	     100	  10000000 ns/op	   8.10 MB/s	 4567890 B/op	   65432 allocs/op
BenchmarkSetYAML-2   	     100	  90000000 ns/op	   8.10 MB/s	 4567890 B/op	   65432 allocs/op
BenchmarkSetYAML-2   	     100	  52300000 ns/op	   8.10 MB/s	 4567890 B/op	   65432 allocs/op
BenchmarkSetJSON-2   	     100	  12345678 ns/op	   8.10 MB/s	 4567890 B/op	   65432 allocs/op
    fleet_test.go:12: a note
PASS
ok  	github.com/kargo-app/kargo/manifest/edit	3.0s
pkg: github.com/kargo-app/kargo/app/e2e
BenchmarkPromoteThreeFiles/files=100-2   	       5	 512000000 ns/op	 77 B/op	 2048 git-down-B/op	 12.40 requests/op	 20.00 cpu-ms/op	 31.00 added-MiB
BenchmarkNew/a|b/c-2  	     100	  523 ns/op	 7 odd/op
PASS
`

const written = `# Benchmarks

Written by ` + "`make bench`" + `, which takes some minutes: 2026-03-09, go1.26.0, linux/amd64, 2 processors (Some CPU @ 2.50GHz), 8.00 GiB of memory.

Times are those of this machine. Bytes, requests and allocations are nearly the same on any. A goal that was missed is in bold.

## Promoting three files

TEXT

| | Time | Processor time | Requests | Git down | Memory added | Goal |
|---|---:|---:|---:|---:|---:|---|
| files: 100 | 512 ms | 20.0 ms | 12.4 | 2.00 KiB | **31.0 MiB** | Requests at most 16, Memory added at most 30.0 MiB |

## Editing one key in a file of 5,000 lines

TEXT

| | Time | Throughput | Allocated | Allocations | Goal |
|---|---:|---:|---:|---:|---|
| YAML | **52.3 ms** | 7.72 MiB/s | 4.36 MiB | 65,432 | Time at most 20.0 ms |
| JSON | 12.3 ms | 7.72 MiB/s | 4.36 MiB | 65,432 |  |

## Others

| | Time | odd/op |
|---|---:|---:|
| app/e2e New/a\|b/c | 523 ns | 7 |
`

func TestResultsBecomeTables(t *testing.T) {
	t.Parallel()
	r, err := read(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	write(&b, r, machine{Date: time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC), Go: "go1.26.0", System: "linux/amd64", Processors: 2, Memory: 8 << 30})
	got := b.String()
	for _, s := range catalog() {
		if s.text != "" {
			got = strings.ReplaceAll(got, s.text, "TEXT")
		}
	}
	if diff := cmp.Diff(written, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFailedRunsLeaveTheTable(t *testing.T) {
	t.Parallel()
	for rule, in := range map[string]string{
		"a benchmark failed":       output + "--- FAIL: BenchmarkNew\n",
		"a package did not build":  output + "FAIL\tgithub.com/kargo-app/kargo/store [build failed]\n",
		"a benchmark panicked":     "panic: oh\n" + output,
		"nothing was measured":     "PASS\n",
		"nothing came in at all":   "",
		"the number is no number":  "BenchmarkX-2 1 abc ns/op\n",
		"a line that is too large": strings.Repeat("x", 2<<20),
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "table.md")
			if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := run([]string{file}, strings.NewReader(in), &bytes.Buffer{}); err == nil {
				t.Error("no error")
			}
			if data, err := os.ReadFile(file); string(data) != "before" {
				t.Errorf("the file holds %q, %v", data, err)
			}
		})
	}
}

func TestRunWritesTheFileAndShowsTheOutput(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "table.md")
	var shown bytes.Buffer
	if err := run([]string{file}, strings.NewReader(output), &shown); err != nil {
		t.Fatal(err)
	}
	if shown.String() != output {
		t.Errorf("shown: %s", shown.String())
	}
	if data, err := os.ReadFile(file); err != nil || !bytes.Contains(data, []byte("| YAML | **52.3 ms** |")) {
		t.Errorf("%s, %v", data, err)
	}
	if err := run(nil, strings.NewReader(output), &shown); err == nil {
		t.Error("no usage")
	}
}

// A benchmark that was renamed must not vanish from its table.
func TestCatalogNamesBenchmarksThatExist(t *testing.T) {
	t.Parallel()
	for _, s := range catalog() {
		for _, b := range s.benchmarks {
			if !exists(t, filepath.Join("../../..", b.pkg), "Benchmark"+b.name) {
				t.Errorf("%s has no Benchmark%s", b.pkg, b.name)
			}
		}
	}
}

func exists(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
				return true
			}
		}
	}
	return false
}

func FuzzRead(f *testing.F) {
	f.Add(output)
	f.Add("BenchmarkX 1 NaN ns/op 1e400 B/op\npkg:\ncpu:")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := read(strings.NewReader(in))
		if err != nil {
			return
		}
		var b bytes.Buffer
		write(&b, r, machine{})
		if !strings.HasPrefix(b.String(), "# Benchmarks") {
			t.Errorf("%q", b.String())
		}
	})
}

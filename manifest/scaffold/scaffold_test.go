package scaffold_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/manifest/scaffold"
)

var update = flag.Bool("update", false, "rewrite the expected files")

// TestRepositories holds what is proposed for a few repositories against what is
// expected: each archive holds a repository and, as "want", the file.
func TestRepositories(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			repo := fstest.MapFS{}
			var want []byte
			keep := archive.Files[:0]
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = f.Data
					continue
				}
				repo[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
				keep = append(keep, f)
			}
			got := propose(t, repo)
			if *update {
				archive.Files = append(keep, txtar.File{Name: "want", Data: got})
				if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// propose looks at a repository and requires the file to be valid.
func propose(t *testing.T, repo fstest.MapFS) []byte {
	t.Helper()
	found, err := scaffold.Look(repo)
	if err != nil {
		t.Fatal(err)
	}
	got := found.Write()
	file, problems := kargofile.Parse(got, kargofile.Options{Repo: "gitops"})
	if file == nil || len(problems) > 0 {
		var b bytes.Buffer
		_ = problems.Render(&b, ".kargo.yaml", got)
		t.Fatalf("the proposed file is not valid:\n%s\n%s", b.String(), got)
	}
	return got
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	repo := fstest.MapFS{
		"env/prod: x\n{/kustomization.yaml": {Data: []byte("images: [{name: ghcr.io/a/b, newTag: \"1.0.0\\n- evil\"}]\n")},
		"env/'quoted'/kustomization.yaml":   {Data: []byte("images: [{name: ghcr.io/a/b, newTag: latest}]\n")},
		"env/UPPER_case/kustomization.yaml": {Data: []byte("images: [{name: ghcr.io/a/b, newTag: v1}]\n")},
		"env/true/kustomization.yaml":       {Data: []byte("images: [{name: ghcr.io/a/b, newTag: 2024-01-01}]\n")},
		"env/test/kustomization.yaml":       {Data: []byte("resources: [../test, ../../env/test]\nimages: 3\n")},
	}
	got := string(propose(t, repo))
	if strings.Contains(got, "evil\n") && !strings.Contains(got, "?- evil") {
		t.Errorf("a line of its own:\n%s", got)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("env/test", "ghcr.io/acme/web", "1.0.0", "values-prod.yaml", "image: {repository: r/x, tag: v1}")
	f.Add("apps/web/overlays/prod", "nginx", "latest", "chart/values.yaml", "a: {b: {image: 'x:1'}}")
	f.Fuzz(func(t *testing.T, dir, image, tag, file, values string) {
		repo := fstest.MapFS{}
		add := func(name, data string) {
			if !fs.ValidPath(name) {
				return // no file system has it
			}
			repo[name] = &fstest.MapFile{Data: []byte(data)}
		}
		add(strings.Trim(dir, "/")+"/kustomization.yaml", "images:\n- name: "+image+"\n  newTag: "+tag+"\n")
		add(strings.Trim(file, "/"), values)
		found, err := scaffold.Look(repo)
		if err != nil {
			return // a file that is a directory, too
		}
		got := found.Write()
		if file, problems := kargofile.Parse(got, kargofile.Options{Repo: "gitops"}); file == nil {
			t.Fatalf("not valid: %v\n%s", problems, got)
		}
	})
}

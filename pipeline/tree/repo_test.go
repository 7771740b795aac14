package tree_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// repo is a repository in memory that counts what is asked of it.
type repo struct {
	mu       sync.Mutex
	objects  map[tree.Hash]tree.Object
	requests int
	read     map[tree.Kind]int
}

func newRepo() *repo {
	return &repo{objects: map[tree.Hash]tree.Object{}, read: map[tree.Kind]int{}}
}

func (r *repo) Objects(_ context.Context, want []tree.Hash) (map[tree.Hash]tree.Object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	out := map[tree.Hash]tree.Object{}
	for _, h := range want {
		o, ok := r.objects[h]
		if !ok {
			return nil, fmt.Errorf("%s: %w", h, tree.ErrNoObject)
		}
		r.read[o.Kind]++
		out[h] = o
	}
	return out, nil
}

func (r *repo) put(k tree.Kind, data []byte) tree.Hash {
	h := tree.HashObject(k, data)
	r.objects[h] = tree.Object{Hash: h, Kind: k, Data: data}
	return h
}

// tree stores files given as path to content; see leaf for the content.
func (r *repo) tree(files map[string]string) tree.Hash {
	var entries []tree.Entry
	dirs := map[string]map[string]string{}
	for p, content := range files {
		if dir, rest, ok := strings.Cut(p, "/"); ok {
			if dirs[dir] == nil {
				dirs[dir] = map[string]string{}
			}
			dirs[dir][rest] = content
			continue
		}
		mode, data := leaf(content)
		if mode == tree.ModeSubmodule {
			entries = append(entries, tree.Entry{Name: p, Mode: mode, Hash: tree.HashObject(tree.Blob, []byte(data))})
			continue
		}
		entries = append(entries, tree.Entry{Name: p, Mode: mode, Hash: r.put(tree.Blob, []byte(data))})
	}
	for name, sub := range dirs {
		entries = append(entries, tree.Entry{Name: name, Mode: tree.ModeDir, Hash: r.tree(sub)})
	}
	slices.SortFunc(entries, func(a, b tree.Entry) int {
		return strings.Compare(sortKey(a), sortKey(b))
	})
	return r.put(tree.Tree, tree.EncodeTree(entries))
}

func sortKey(e tree.Entry) string {
	if e.Mode.IsDir() {
		return e.Name + "/"
	}
	return e.Name
}

// leaf reads the notation of test files: "-> x" is a link, "+x y" an executable
// with content y, "@" a submodule.
func leaf(content string) (tree.Mode, string) {
	if target, ok := strings.CutPrefix(content, "-> "); ok {
		return tree.ModeSymlink, target
	}
	if data, ok := strings.CutPrefix(content, "+x "); ok {
		return tree.ModeExec, data
	}
	if content == "@" {
		return tree.ModeSubmodule, content
	}
	return tree.ModeFile, content
}

// store adds what Build returned, as a push would.
func (r *repo) store(t *testing.T, objects []tree.Object) {
	t.Helper()
	for _, o := range objects {
		if got := tree.HashObject(o.Kind, o.Data); got != o.Hash {
			t.Errorf("object %s is named %s", got, o.Hash)
		}
		if _, ok := r.objects[o.Hash]; ok {
			t.Errorf("%v %s is sent although the repository has it", o.Kind, o.Hash)
		}
		r.objects[o.Hash] = o
	}
}

// files reads a tree back in the notation of leaf; a missing object fails.
func (r *repo) files(t *testing.T, root tree.Hash) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(h tree.Hash, at string)
	walk = func(h tree.Hash, at string) {
		if h == tree.EmptyTree {
			return
		}
		o, ok := r.objects[h]
		if !ok {
			t.Fatalf("tree %s at %q is missing", h, at)
		}
		entries, err := tree.DecodeTree(o.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			p := path.Join(at, e.Name)
			switch e.Mode {
			case tree.ModeDir:
				walk(e.Hash, p)
			case tree.ModeSubmodule:
				out[p] = "@"
			default:
				blob, ok := r.objects[e.Hash]
				if !ok {
					t.Fatalf("blob of %q is missing", p)
				}
				prefix := map[tree.Mode]string{tree.ModeSymlink: "-> ", tree.ModeExec: "+x "}[e.Mode]
				out[p] = prefix + string(blob.Data)
			}
		}
	}
	walk(root, "")
	return out
}

// gitTree is what the git program names the tree of these files.
func gitTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("", "init", "-q", "--bare")
	var index bytes.Buffer
	for _, p := range slices.Sorted(maps.Keys(files)) {
		mode, data := leaf(files[p])
		fmt.Fprintf(&index, "%s %s\t%s\x00", mode, run(data, "hash-object", "-w", "--stdin"), p)
	}
	run(index.String(), "update-index", "-z", "--index-info")
	return run("", "write-tree")
}

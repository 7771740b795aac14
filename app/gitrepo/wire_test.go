package gitrepo

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/tree"
)

func blob(content string) Object {
	return Object{Hash: hashObject(TypeBlob, []byte(content)), Type: TypeBlob, Data: []byte(content)}
}

func sorted(objects []Object) []Object {
	return slices.SortedFunc(slices.Values(objects), func(a, b Object) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
}

func TestPackRoundTrip(t *testing.T) {
	t.Parallel()
	commit, err := EncodeCommit(Commit{Tree: tree.EmptyTree, Message: "m\n", Author: Signature{Name: "A\n<b>", Email: "a@b"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Object{blob(""), blob("hello"), commit, {Hash: tree.EmptyTree, Type: TypeTree}}
	pack, err := encodePack(append(want, blob("hello")))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodePack(pack, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	equal := cmp.Comparer(bytes.Equal)
	if diff := cmp.Diff(sorted(want), sorted(got), equal); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if _, err := encodePack([]Object{{Hash: tree.Hash{1}, Type: TypeBlob}}); err == nil {
		t.Error("packed an object under a wrong name")
	}
	if c, err := decodeCommit(commit); err != nil || c.Author.Name != "Ab" || c.Message != "m\n" {
		t.Errorf("commit = %+v, %v", c, err)
	}
}

// deltaPack is a pack with a chain of deltas, made by git.
func deltaPack(tb testing.TB) ([]byte, []Object) {
	tb.Helper()
	dir := tb.TempDir()
	run := func(stdin string, args ...string) []byte {
		tb.Helper()
		cmd := exec.CommandContext(tb.Context(), "git", append([]string{"-C", dir}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			tb.Fatalf("git %v: %v", args, err)
		}
		return out
	}
	run("", "init", "-q", "--bare")
	var names strings.Builder
	var want []Object
	for _, tail := range [...]string{"a\n", "b\n", "c\n"} {
		content := strings.Repeat("a line that many versions share\n", 50) + tail
		names.Write(run(content, "hash-object", "-w", "--stdin"))
		want = append(want, blob(content))
	}
	return run(names.String(), "pack-objects", "--stdout", "--delta-base-offset", "-q"), want
}

func TestPackDeltas(t *testing.T) {
	t.Parallel()
	pack, want := deltaPack(t)
	got, err := decodePack(pack, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if _, err := decodePack(pack, 2000); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a delta's result above the limit: %v, want ErrTooLarge", err)
	}
	pack[len(pack)-1] ^= 1
	if _, err := decodePack(pack, 1<<20); err == nil {
		t.Error("accepted a wrong checksum")
	}
}

// FuzzAnswers feeds what a server may send to every parser.
func FuzzAnswers(f *testing.F) {
	pack, _ := deltaPack(f)
	hash := strings.Repeat("1", 40)
	for _, seed := range [][]byte{
		pack,
		[]byte("001e# service=git-upload-pack\n0000000eversion 2\n0015agent=git/2.39.5\n0000"),
		[]byte("0052" + hash + " HEAD\x00symref=HEAD:refs/heads/main ofs-delta\n0000"),
		[]byte("0044" + hash + " refs/heads/main symref-target:x\n0000"),
		[]byte("000dpackfile\n0009\x01PACK0000"),
		[]byte("0008NAK\nPACK"),
		[]byte("000eunpack ok\n0017ok refs/heads/main\n0000"),
		[]byte("0011ERR no\x1bthing\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if objects, err := decodePack(data, 1<<16); err == nil {
			for _, o := range objects {
				if hashObject(o.Type, o.Data) != o.Hash {
					t.Errorf("object %s has another name", o.Hash)
				}
			}
		}
		_, _, _ = parseAdvertisement(data)
		if refs, err := parseRefs(data); err == nil && len(refs)*len("0006x ") > len(data) {
			t.Error("references out of nothing")
		}
		caps := &capabilities{values: map[string]string{"report-status": "", "side-band-64k": ""}}
		if pack, err := unpackV2(data); err == nil && len(pack) > len(data) {
			t.Error("pack larger than its answer")
		}
		if pack, err := unpackV0(caps)(data); err == nil && len(pack) > len(data) {
			t.Error("pack larger than its answer")
		}
		err := parseReport(data, caps, []RefUpdate{{Name: "refs/heads/main"}})
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\x00") {
			t.Errorf("error repeats control characters: %q", err)
		}
		_, _ = decodeCommit(Object{Type: TypeCommit, Data: data})
		_, _ = decodeTag(Object{Type: TypeTag, Data: data})
	})
}

func TestStaleReasons(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]bool{
		"failed to update ref":               true,
		"non-fast-forward":                   true,
		"cannot lock ref 'refs/heads/main'":  true,
		"reference already exists":           true,
		"protected branch hook declined":     false,
		"pre-receive hook declined":          false,
		"shallow update not allowed":         false,
		"deny updating a hidden ref":         false,
		"atomic push failure":                false,
		"deletion of the current branch":     false,
		"missing necessary objects":          false,
		"funny refname":                      false,
		"the server did not report on it":    false,
		"cannot lock ref: is at a but wants": true,
	} {
		if got := isStale(reason); got != want {
			t.Errorf("%q: stale = %v, want %v", reason, got, want)
		}
	}
}

func TestCacheForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := newCache(3 * (entryCost + 10))
	objects := []Object{blob("0123456780"), blob("0123456781"), blob("0123456782"), blob("0123456783")}
	for _, o := range objects[:3] {
		c.put(o)
	}
	c.get(objects[0].Hash)
	c.put(objects[3])
	for i, want := range [...]bool{true, false, true, true} {
		if _, ok := c.get(objects[i].Hash); ok != want {
			t.Errorf("object %d cached = %v, want %v", i, ok, want)
		}
	}
	if c.size > c.limit {
		t.Errorf("holds %d bytes, limit %d", c.size, c.limit)
	}
}

package gitrepo_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// promote changes three files of one branch and pushes another.
func promote(tb testing.TB, r *gitrepo.Repository, branch, version string) tree.Hash {
	tb.Helper()
	ctx := tb.Context()
	c := checkout(tb, r, "main")
	paths := []string{filePath(3, "kustomization"), filePath(30, "values"), filePath(100, "service")}
	if err := c.FS.Prefetch(ctx, paths...); err != nil {
		tb.Fatal(err)
	}
	for _, p := range paths {
		data, err := c.FS.ReadFile(ctx, p)
		if err != nil {
			tb.Fatal(err)
		}
		edited := strings.ReplaceAll(string(data), "1.0.0", version)
		if err := c.FS.WriteFile(ctx, p, []byte(edited), 0); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := c.Commit(ctx, "promote", nil); err != nil {
		tb.Fatal(err)
	}
	head, err := publish(tb, r, c, branch, tree.Hash{})
	if err != nil {
		tb.Fatal(err)
	}
	return head
}

func TestThreeFileChangeInFiftyThousandFiles(t *testing.T) {
	t.Parallel()
	o := newOrigin(t, nil)
	o.fill(50_000)
	r := o.open(gitrepo.Options{})
	promote(t, r, "promotion", "2.0.0")

	cold := r.Traffic()
	t.Logf("cold: %+v", cold)
	if cold.BytesDown > 20_000 {
		t.Errorf("downloaded %d bytes, want at most 20,000", cold.BytesDown)
	}
	if cold.Requests > 12 {
		t.Errorf("made %d requests, want at most 12", cold.Requests)
	}
	stat := o.git("diff", "--shortstat", "main", "promotion")
	if stat != "3 files changed, 3 insertions(+), 3 deletions(-)" {
		t.Errorf("diff: %s", stat)
	}
	// The pack holds exactly three blobs, their trees, and the commit.
	if n := len(strings.Fields(o.git("rev-list", "--objects", "--no-object-names", "promotion", "^main"))); n > 1+3+1+1+3+3+3 {
		t.Errorf("%d new objects", n)
	}
	o.fsck()

	promote(t, r, "promotion-2", "3.0.0")
	warm := r.Traffic().Sub(cold)
	t.Logf("warm: %+v", warm)
	if warm.BytesDown > 10_000 {
		t.Errorf("downloaded %d bytes warm, want at most 10,000", warm.BytesDown)
	}
	if warm.Requests > 3 {
		t.Errorf("made %d requests warm, want the branch and the push", warm.Requests)
	}
}

// BenchmarkPathWalk reports what a cold three-file change costs by repository
// size: neither bytes nor requests may grow with the number of files.
func BenchmarkPathWalk(b *testing.B) {
	for _, n := range [...]int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprintf("files=%d", n), func(b *testing.B) {
			o := newOrigin(b, nil)
			o.fill(n)
			b.ReportAllocs()
			var down, requests int64
			i := 0
			for b.Loop() {
				r := o.open(gitrepo.Options{})
				promote(b, r, fmt.Sprintf("promotion-%d", i), "2.0.0")
				t := r.Traffic()
				down, requests = down+t.BytesDown, requests+t.Requests
				i++
			}
			b.ReportMetric(float64(down)/float64(i), "down-B/op")
			b.ReportMetric(float64(requests)/float64(i), "requests/op")
		})
	}
}

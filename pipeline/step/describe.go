package step

import (
	"context"
	"path"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Difference is what differs between two trees.
type Difference struct {
	Files []FileChange
	// Diff is the unified diff of all files.
	Diff string
}

// Describe compares two trees without any bound on the size of the answer; what
// git-commit records is bounded.
func Describe(ctx context.Context, f *tree.FS, from, to tree.Hash) (Difference, error) {
	return DescribeUnder(ctx, f, "", from, to)
}

// DescribeUnder is [Describe] with the paths that the files have when the trees lie
// in a directory.
func DescribeUnder(ctx context.Context, f *tree.FS, dir string, from, to tree.Hash) (Difference, error) {
	changes, err := f.Diff(ctx, from, to)
	if err != nil {
		return Difference{}, err
	}
	blobs, err := readTexts(ctx, f, changes)
	if err != nil {
		return Difference{}, err
	}
	var d Difference
	var text strings.Builder
	for _, c := range changes {
		c.Path = path.Join(dir, c.Path)
		file, diff := describeFile(c, blobs)
		d.Files = append(d.Files, file)
		text.WriteString(diff)
	}
	d.Diff = text.String()
	return d, nil
}

// readTexts reads both sides of every changed file in one batch.
func readTexts(ctx context.Context, f *tree.FS, changes []tree.Change) (map[tree.Hash][]byte, error) {
	var want []tree.Hash
	for _, c := range changes {
		if hasText(c.OldMode) {
			want = append(want, c.Old)
		}
		if hasText(c.NewMode) {
			want = append(want, c.New)
		}
	}
	return f.Blobs(ctx, want...)
}

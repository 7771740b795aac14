package step

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// rendersFile reports whether an output path means one file of all manifests, and not a
// directory.
func rendersFile(outPath string) bool {
	ext := path.Ext(outPath)
	return ext == ".yaml" || ext == ".yml"
}

// writeRendered writes one file, or files beneath a directory, which exists afterwards
// even when there are none.
func writeRendered(ctx context.Context, w *tree.Workspace, dir string, files map[string][]byte) error {
	if err := w.MkdirAll(ctx, dir); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteFile(ctx, path.Join(dir, name), files[name], 0); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

package tree_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// A promotion edits one file of a checkout and commits it; publishing sends the
// blob and the trees above it, whatever else the repository holds.
func Example() {
	ctx := context.Background()
	repository := newRepo()
	root := repository.tree(map[string]string{"env/test/values.yaml": "tag: v1\n", "env/prod/values.yaml": "tag: v1\n"})

	w := tree.NewWorkspace()
	src := tree.NewCheckout("https://github.com/acme/gitops", "main", tree.Hash{1}, repository, root)
	err := errors.Join(
		w.Mount(ctx, "src", src),
		w.WriteFile(ctx, "src/env/test/values.yaml", []byte("tag: v2\n"), 0),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	commit, err := src.Commit(ctx, "Promote test to v2", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	changes, err := src.FS.Diff(ctx, commit.ParentTree, commit.Tree)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range changes {
		fmt.Println(c.Path, c.NewMode)
	}
	fmt.Println(len(commit.Objects), "new objects")
	// Output:
	// env/test/values.yaml 100644
	// 4 new objects
}

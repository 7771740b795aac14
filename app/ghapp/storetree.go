package ghapp

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const (
	// maxInline is the largest file that is sent inside a tree.
	maxInline = 1 << 20
	// maxTreeBytes and maxTreeEntries bound one request to create a tree; GitHub
	// gives up after ten seconds.
	maxTreeBytes   = 8 << 20
	maxTreeEntries = 1000
)

// treeEntry is one entry of a request to create a tree: exactly one of content
// and sha, where a sha of null deletes.
type treeEntry struct {
	Path    string  `json:"path"`
	Mode    string  `json:"mode"`
	Type    string  `json:"type"`
	Content *string `json:"content,omitempty"`
	SHA     *string `json:"sha,omitempty"`
}

type deletion struct {
	Path string  `json:"path"`
	Mode string  `json:"mode"`
	Type string  `json:"type"`
	SHA  *string `json:"sha"`
}

// storeTree makes the commit's root tree exist and checks that it is the one
// that was computed here.
func (r *rest) storeTree(ctx context.Context, fs *tree.FS, p tree.Commit) error {
	changes, err := fs.Diff(ctx, p.ParentTree, p.Tree)
	if err != nil {
		return err
	}
	if len(changes) > maxTreeEntries {
		// Whole directories in one entry where that is possible.
		if changes, err = fs.Patch(ctx, p.ParentTree, p.Tree); err != nil {
			return err
		}
	}
	base := p.ParentTree
	for _, batch := range batches(changes, blobsOf(p)) {
		entries := make([]any, 0, len(batch))
		for _, ch := range batch {
			e, err := r.entry(ctx, ch, blobsOf(p))
			if err != nil {
				return fmt.Errorf("%s: %w", ch.Path, err)
			}
			entries = append(entries, e)
		}
		if base, err = r.createTree(ctx, base, entries); err != nil {
			return err
		}
	}
	if base != p.Tree {
		return fmt.Errorf("create tree: GitHub made %s where %s was meant", base, p.Tree)
	}
	return nil
}

func (r *rest) createTree(ctx context.Context, base tree.Hash, entries []any) (tree.Hash, error) {
	body := struct {
		BaseTree string `json:"base_tree,omitempty"`
		Tree     []any  `json:"tree"`
	}{Tree: entries}
	if !base.IsZero() && base != tree.EmptyTree {
		body.BaseTree = base.String()
	}
	var made struct {
		SHA string `json:"sha"`
	}
	_, err := r.do(ctx, http.MethodPost, r.path("/git/trees"), body, &made)
	if status(err) == http.StatusConflict {
		return tree.Hash{}, &pipeline.UserError{
			Message: fmt.Sprintf("repository %s/%s is empty", r.owner, r.name), Hint: "push a first commit to it", Err: err,
		}
	}
	if err != nil {
		return tree.Hash{}, fmt.Errorf("create tree: %w", err)
	}
	return tree.ParseHash(made.SHA)
}

// blobsOf returns the contents that came with a commit.
func blobsOf(p tree.Commit) map[tree.Hash][]byte {
	out := map[tree.Hash][]byte{}
	for _, o := range p.Objects {
		if o.Kind == tree.Blob {
			out[o.Hash] = o.Data
		}
	}
	return out
}

// batches splits changes into requests. Deletions are a request of their own
// where a file takes the place of a directory or the other way round, because
// GitHub does not say in which order it applies entries.
func batches(changes []tree.Change, blobs map[tree.Hash][]byte) [][]tree.Change {
	var gone, rest []tree.Change
	for _, c := range changes {
		if c.Deleted() {
			gone = append(gone, c)
		} else {
			rest = append(rest, c)
		}
	}
	if !collide(gone, rest) {
		gone, rest = nil, changes
	}
	var out [][]tree.Change
	for _, part := range [...][]tree.Change{gone, rest} {
		size, from := 0, 0
		for i, c := range part {
			n := len(blobs[c.New])
			if i > from && (i-from == maxTreeEntries || size+n > maxTreeBytes) {
				out = append(out, part[from:i])
				size, from = 0, i
			}
			size += n
		}
		if from < len(part) {
			out = append(out, part[from:])
		}
	}
	return out
}

// collide reports whether something added lies below something deleted, or the
// reverse.
func collide(gone, added []tree.Change) bool {
	if len(gone) == 0 || len(added) == 0 {
		return false
	}
	paths := func(changes []tree.Change) (self, above map[string]bool) {
		self, above = map[string]bool{}, map[string]bool{}
		for _, c := range changes {
			self[c.Path] = true
			for i, b := range []byte(c.Path) {
				if b == '/' {
					above[c.Path[:i]] = true
				}
			}
		}
		return self, above
	}
	goneSelf, goneAbove := paths(gone)
	addedSelf, addedAbove := paths(added)
	for p := range goneSelf {
		if addedAbove[p] {
			return true
		}
	}
	for p := range addedSelf {
		if goneAbove[p] {
			return true
		}
	}
	return false
}

func (r *rest) entry(ctx context.Context, c tree.Change, blobs map[tree.Hash][]byte) (any, error) {
	if c.Deleted() {
		return deletion{Path: c.Path, Mode: c.OldMode.String(), Type: kind(c.OldMode)}, nil
	}
	e := treeEntry{Path: c.Path, Mode: c.NewMode.String(), Type: kind(c.NewMode)}
	sha := c.New.String()
	data, isNew := blobs[c.New]
	switch {
	case !isNew:
		// The repository has it already: a move, a copy, a change of mode.
		e.SHA = &sha
	case inline(data):
		content := string(data)
		e.Content = &content
	default:
		if err := r.createBlob(ctx, c.New, data); err != nil {
			return nil, err
		}
		e.SHA = &sha
	}
	return e, nil
}

// inline reports whether content may stand in the request. An empty one could be
// taken for a missing one, and NUL is not text to GitHub.
func inline(data []byte) bool {
	return len(data) > 0 && len(data) <= maxInline && utf8.Valid(data) && !strings.ContainsRune(string(data), 0)
}

func (r *rest) createBlob(ctx context.Context, want tree.Hash, data []byte) error {
	body := struct {
		Content  string `json:"content"`
		Encoding string `json:"encoding"`
	}{base64.StdEncoding.EncodeToString(data), "base64"}
	var made struct {
		SHA string `json:"sha"`
	}
	if _, err := r.do(ctx, http.MethodPost, r.path("/git/blobs"), body, &made); err != nil {
		return fmt.Errorf("create blob: %w", err)
	}
	if made.SHA != want.String() {
		return fmt.Errorf("create blob: GitHub made %s where %s was meant", made.SHA, want)
	}
	return nil
}

func kind(m tree.Mode) string {
	switch m {
	case tree.ModeDir:
		return "tree"
	case tree.ModeSubmodule:
		return "commit"
	default:
		return "blob"
	}
}

package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// planFile finds out what a file item has to do.
func (p *patchItem) planFile(ctx context.Context) error {
	want, err := p.from.Entry(ctx)
	switch {
	case err != nil:
		return at(p.File.From, err)
	case want.Mode.IsDir():
		return fmt.Errorf("%s is a directory: promote it as one", p.File.From)
	case !want.Mode.IsRegular():
		return fmt.Errorf("%s is no file", p.File.From)
	}
	u := &patchUnit{item: p, path: p.to.Path, want: fileState(want.Mode, want.Hash)}
	work, err := entryOrNone(ctx, p.to.Place)
	if err != nil {
		return at(p.File.To, err)
	}
	if work.Mode != 0 && !work.Mode.IsRegular() {
		return fmt.Errorf("%s is no file", p.File.To)
	}
	head, err := entryOrNone(ctx, p.to.head())
	if err != nil {
		return at(p.File.To, err)
	}
	u.work, u.head = fileState(work.Mode, work.Hash), fileState(head.Mode, head.Hash)
	u.change = tree.Change{Path: ".", OldMode: work.Mode, Old: work.Hash, NewMode: want.Mode, New: want.Hash}
	p.units = []*patchUnit{u}
	return nil
}

// at makes an error speak of a path of the workspace.
func at(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// entryOrNone describes a place; the zero value stands for nothing.
func entryOrNone(ctx context.Context, p tree.Place) (tree.Info, error) {
	info, err := p.Entry(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotDir) {
		return tree.Info{}, nil
	}
	return info, err
}

// planDirectory finds out what a directory item has to do.
func (p *patchItem) planDirectory(ctx context.Context) error {
	switch want, err := p.from.Entry(ctx); {
	case err != nil:
		return at(p.Directory.From, err)
	case !want.Mode.IsDir():
		return fmt.Errorf("%s is no directory", p.Directory.From)
	}
	ignored := p.Directory.ignored()
	work, err := tree.Mirror(ctx, p.to.Place, p.from.Place, ignored)
	if err != nil {
		return at(p.Directory.To, err)
	}
	head, err := tree.Mirror(ctx, p.to.head(), p.from.Place, ignored)
	if err != nil {
		return at(p.Directory.To, err)
	}
	byPath := map[string]*patchUnit{}
	for _, c := range work {
		byPath[c.Path] = &patchUnit{
			item: p, path: path.Join(p.to.Path, c.Path), change: c,
			want: fileState(c.NewMode, c.New), head: fileState(c.NewMode, c.New), work: fileState(c.OldMode, c.Old),
		}
	}
	for _, c := range head {
		u, ok := byPath[c.Path]
		if !ok {
			u = &patchUnit{item: p, path: path.Join(p.to.Path, c.Path), want: fileState(c.NewMode, c.New), work: fileState(c.NewMode, c.New)}
			byPath[c.Path] = u
		}
		u.head = fileState(c.OldMode, c.Old)
	}
	for _, u := range byPath {
		p.units = append(p.units, u)
	}
	slices.SortFunc(p.units, func(a, b *patchUnit) int { return strings.Compare(a.path, b.path) })
	return nil
}

// relative is the path of a file beneath the target of its item, "." for the target.
func (u *patchUnit) relative() string {
	rel := u.path
	if root := u.item.to.Path; root != "." {
		rel = strings.TrimPrefix(rel[len(root):], "/")
	}
	if rel == "" {
		return "."
	}
	return rel
}

// source is the path in the source's repository.
func (u *patchUnit) source() string {
	if u.key != "" {
		return u.item.from.Path
	}
	return path.Join(u.item.from.Path, u.relative())
}

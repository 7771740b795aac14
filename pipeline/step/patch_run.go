package step

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// patching is one pass over a patch step.
type patching struct {
	env    Env
	config PatchConfig
	items  []*patchItem
	prior  PatchOutput
	out    PatchOutput
}

// patchItem is one item with what it has to do.
type patchItem struct {
	PatchItem
	from, to patchPlace
	units    []*patchUnit
}

// patchUnit is the smallest thing that is promoted and can drift: a value or a file.
type patchUnit struct {
	item *patchItem
	// path is that of the file in the target's repository.
	path, key string
	// want is what the source has, head what the target had when it was checked out,
	// work what it has by now, after the steps before this one.
	want, head, work patchState
	// change is what is to be done to a file.
	change tree.Change
	// before is an adoption of what the target has, nil for none.
	before *PatchAdoption
	// published are the states that the Stage may have published last.
	published []patchState
	kept      bool
}

// patchPlace is a path of the workspace.
type patchPlace struct {
	tree.Place
	// checkout is nil for scratch; mount is where it is mounted.
	checkout *tree.Checkout
	mount    string
}

func runPatch(ctx context.Context, env Env, c PatchConfig) (PatchOutput, error) {
	r := &patching{env: env, config: c}
	if env.Prior != nil {
		prior, err := recorded[PatchOutput](env)
		if err != nil {
			return PatchOutput{}, err
		}
		r.prior = prior
	}
	if err := r.plan(ctx); err != nil {
		return PatchOutput{}, fmt.Errorf("patch: %w", err)
	}
	if env.Replaying {
		r.keep(r.prior.Adopted)
		if err := r.write(ctx); err != nil {
			return PatchOutput{}, fmt.Errorf("patch: %w", err)
		}
		return r.prior, nil
	}
	r.out.Targets = r.targets()
	if err := r.settle(ctx); err != nil {
		return r.out, err
	}
	if err := r.write(ctx); err != nil {
		return PatchOutput{}, fmt.Errorf("patch: %w", err)
	}
	r.describe()
	return r.out, nil
}

// plan finds out what every item has to do, before anything is written.
func (r *patching) plan(ctx context.Context) error {
	for i, item := range r.config.Items {
		p := &patchItem{PatchItem: item}
		var err error
		switch {
		case item.String != nil:
			err = r.place(p, item.String.From, item.String.To)
		case item.File != nil:
			err = r.place(p, item.File.From, item.File.To)
		default:
			err = r.place(p, item.Directory.From, item.Directory.To)
		}
		if err == nil {
			err = p.plan(ctx)
		}
		if err != nil {
			return fmt.Errorf("items[%d]: %w", i, err)
		}
		r.items = append(r.items, p)
	}
	return nil
}

func (r *patching) place(p *patchItem, from, to string) (err error) {
	if p.from, err = placeOf(r.env.Workspace, from); err != nil {
		return err
	}
	p.to, err = placeOf(r.env.Workspace, to)
	return err
}

func placeOf(ws *tree.Workspace, p string) (patchPlace, error) {
	c, rel := ws.CheckoutOf(p)
	at := patchPlace{Place: tree.Place{FS: ws.Scratch(), Path: rel}, checkout: c}
	if c != nil {
		at.FS = c.FS
	}
	for _, m := range ws.Mounts() {
		if other, _ := ws.CheckoutOf(m); other == c && c != nil {
			at.mount = m
		}
		if clean := tree.Clean(p); m != clean && beneath(clean, m) {
			return at, fmt.Errorf("%s holds the checkout %s: give a path within one", p, m)
		}
	}
	return at, nil
}

// head is the place as it was checked out.
func (p patchPlace) head() tree.Place {
	if p.checkout == nil {
		return p.Place
	}
	return tree.Place{FS: p.checkout.HeadFiles(), Path: p.Path}
}

func (p *patchItem) plan(ctx context.Context) error {
	switch {
	case p.String != nil:
		return p.planValues(ctx)
	case p.File != nil:
		return p.planFile(ctx)
	default:
		return p.planDirectory(ctx)
	}
}

// targets says where the items go.
func (r *patching) targets() []PatchTarget {
	out := make([]PatchTarget, len(r.items))
	for i, item := range r.items {
		out[i] = item.target()
	}
	return out
}

func (p *patchItem) target() PatchTarget {
	t := PatchTarget{Path: p.to.Path}
	if p.to.checkout != nil {
		t.Checkout, t.Repo, t.Branch = p.to.mount, repoName(p.to.checkout.RepoURL), p.to.checkout.Branch
	}
	if p.String != nil {
		t.Key = p.String.target()
	}
	return t
}

// write makes the targets what they are to be.
func (r *patching) write(ctx context.Context) error {
	if err := r.writeValues(ctx); err != nil {
		return err
	}
	for _, item := range r.items {
		if item.String != nil {
			continue
		}
		var changes []tree.Change
		for _, u := range item.units {
			if !u.kept && u.work != u.want {
				changes = append(changes, u.change)
			}
		}
		if err := item.to.Take(ctx, item.from.FS, changes); err != nil {
			return err
		}
	}
	return nil
}

// keep leaves alone what was adopted.
func (r *patching) keep(adopted []PatchAdoption) {
	byPlace := make(map[PatchAdoption]bool, len(adopted))
	for _, a := range adopted {
		byPlace[PatchAdoption{Repo: a.Repo, Branch: a.Branch, Path: a.Path, Key: a.Key}] = true
	}
	for _, item := range r.items {
		for _, u := range item.units {
			u.kept = byPlace[u.adoption()]
		}
	}
}

// adoption is the record of an adoption of this unit, without what was adopted.
func (u *patchUnit) adoption() PatchAdoption {
	t := u.item.target()
	return PatchAdoption{Repo: t.Repo, Branch: t.Branch, Path: u.path, Key: u.key}
}

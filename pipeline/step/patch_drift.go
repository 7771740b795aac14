package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// drifted is one unit that was edited by hand.
type drifted struct {
	*patchUnit
	policy    OnDrift
	baselines []patchBaseline
	report    PatchDrift
}

// maxAdopted bounds what is recorded one by one.
const maxAdopted = 1000

// settle decides what becomes of every unit. An error ends the pass.
func (r *patching) settle(ctx context.Context) error {
	found, err := r.drift(ctx)
	if err != nil {
		return fmt.Errorf("patch: look for drift: %w", err)
	}
	if len(found) == 0 {
		return r.bounded()
	}
	if err := r.investigate(ctx, found); err != nil {
		return fmt.Errorf("patch: look for who edited the target: %w", err)
	}
	r.out.Drift = make([]PatchDrift, 0, min(len(found), maxDrift))
	show := func() {
		r.out.Drift, r.out.DriftOmitted = r.out.Drift[:0], max(0, len(found)-maxDrift)
		for _, d := range found[:min(len(found), maxDrift)] {
			d.report.Action = d.policy
			r.out.Drift = append(r.out.Drift, d.report)
		}
	}
	show()
	var refused, asked []*drifted
	for _, d := range found {
		switch d.policy {
		case driftFail:
			refused = append(refused, d)
		case driftAsk:
			asked = append(asked, d)
		case driftOverwrite, driftAdopt:
		}
	}
	if len(refused) > 0 {
		return r.refuse(refused)
	}
	by := ""
	if len(asked) > 0 {
		decision, err := r.ask(ctx, asked)
		if err != nil {
			return err
		}
		by = r.out.DecidedBy
		for _, d := range asked {
			d.policy = decision
		}
		show()
	}
	for _, d := range found {
		if d.policy == driftAdopt {
			r.adopt(d, by)
		}
	}
	return r.bounded()
}

// maxDrift bounds what the output tells of drift.
const maxDrift = 20

// adopt keeps what a unit holds.
func (r *patching) adopt(d *drifted, by string) {
	a := d.adoption()
	a.Adopted, a.Promoted, a.In, a.By = d.head.digest(), d.want.digest(), r.env.Promotion.ID, by
	a.Was = d.report.Published
	if len(d.report.Commits) > 0 {
		a.Commit = &d.report.Commits[0]
	}
	d.kept = true
	r.out.Adopted = append(r.out.Adopted, a)
}

func (r *patching) bounded() error {
	if n := len(r.out.Adopted); n > maxAdopted {
		return &FailedError{Terminal: true, Err: fmt.Errorf(
			"patch: %d files that were edited by hand would be kept, more than the %d that can be remembered; add them to ignore, or overwrite them", n, maxAdopted)}
	}
	return nil
}

// drift finds the units that were edited by hand.
func (r *patching) drift(ctx context.Context) ([]*drifted, error) {
	known := map[PatchTarget][]patchBaseline{}
	var found []*drifted
	for _, item := range r.items {
		var units []*patchUnit
		for _, u := range item.units {
			if u.head != u.want {
				units = append(units, u)
			}
		}
		switch {
		case len(units) == 0:
			continue
		case item.to.checkout == nil:
			r.out.Note = r.unpublished()
			continue
		}
		t := item.target()
		t.Path, t.Key = "", "" // what all items in a checkout share
		baselines, ok := known[t]
		if !ok {
			var err error
			if baselines, err = r.baselines(ctx, t, item.to.checkout.RepoURL); err != nil {
				return nil, err
			}
			known[t] = baselines
		}
		managed, err := item.compare(ctx, units, baselines)
		if err != nil {
			return nil, err
		}
		switch {
		case len(managed) == 0:
			r.out.Note = r.unpublished()
		case r.out.Since == "":
			r.out.Since = managed[len(managed)-1].promotion
		}
		for _, u := range units {
			switch u.verdict(len(managed) > 0) {
			case patchKeep:
				u.kept = true
				r.out.Adopted = append(r.out.Adopted, *u.before)
			case patchDrifted:
				found = append(found, &drifted{patchUnit: u, policy: r.policy(item), baselines: managed})
			case patchSame, patchWrite:
			}
		}
	}
	return found, nil
}

// unpublished says why a target has no past.
func (r *patching) unpublished() string {
	if r.env.Past == nil {
		return "earlier Promotions are not known here, so that nothing counts as edited by hand"
	}
	return fmt.Sprintf("%s promotes some of this for the first time, so that nothing there counts as edited by hand", r.env.Promotion.Stage.Name)
}

// compare fills in what was published of the units, and returns the baselines that have
// to do with the item.
func (p *patchItem) compare(ctx context.Context, units []*patchUnit, baselines []patchBaseline) ([]patchBaseline, error) {
	var managed []patchBaseline
	for _, b := range baselines {
		if !b.manages(p) {
			continue
		}
		managed = append(managed, b)
		states, err := b.recall(ctx, p, units)
		if err != nil {
			return nil, fmt.Errorf("read what %s published: %w", b.promotion, err)
		}
		for _, u := range units {
			u.published = append(u.published, states[u])
			u.remember(b.adopted)
		}
	}
	return managed, nil
}

// remember finds an earlier adoption of what the target has. That of a newer Promotion
// comes first and stays.
func (u *patchUnit) remember(adopted []PatchAdoption) {
	if u.before != nil {
		return
	}
	for _, a := range adopted {
		place := PatchAdoption{Repo: a.Repo, Branch: a.Branch, Path: a.Path, Key: a.Key}
		if place == u.adoption() && a.Adopted == u.head.digest() {
			u.before = &a
			return
		}
	}
}

func (r *patching) policy(item *patchItem) OnDrift {
	switch {
	case item.OnDrift != "":
		return item.OnDrift
	case r.config.OnDrift != "":
		return r.config.OnDrift
	default:
		return driftAsk
	}
}

// fingerprint stands for drift as it was shown.
func fingerprint(found []*drifted) string {
	var all []byte
	for _, d := range found {
		a := d.adoption()
		all = fmt.Appendf(all, "%q %q %q %q %s %s %t\n", a.Repo, a.Branch, a.Path, a.Key, d.head.digest(), d.want.digest(), d.before != nil)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:12])
}

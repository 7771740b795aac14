package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/store"
)

// Proposal is the configuration at a commit that need not be on the default
// branch.
type Proposal struct {
	// Root is the .kargo.yaml; its Path is empty when there is none.
	Root     Checked
	Included []Checked
	// Fingerprint is equal for equal files.
	Fingerprint string
}

// Propose reads the configuration at a commit. With a Fingerprint that is the same
// as unlike's nothing but the Fingerprint is filled in: then nothing is proposed.
func Propose(ctx context.Context, files Files, steps kargofile.StepChecker, rec store.RepoRecord, commit string, unlike Proposal) (Proposal, error) {
	if commit == "" {
		return Proposal{}, nil
	}
	data, blob, err := files.Config(ctx, rec, commit)
	if err != nil {
		return Proposal{}, fmt.Errorf("read %s: %w", rootFile, err)
	}
	if blob == "" {
		return Proposal{}, nil
	}
	r := &Reconciler{Files: files, Steps: steps}
	l := look{head: commit, root: r.parse(rec, FileRef{rootFile, blob}, "", data)}
	refs, err := r.includes(ctx, rec, &l)
	if err != nil {
		return Proposal{}, err
	}
	var print strings.Builder
	for _, ref := range append([]FileRef{{rootFile, blob}}, refs...) {
		fmt.Fprintf(&print, "%s %q\n", ref.Blob, ref.Path)
	}
	p := Proposal{Fingerprint: print.String()}
	if p.Fingerprint == unlike.Fingerprint {
		return p, nil
	}
	if _, err := r.readIncluded(ctx, rec, &l, refs); err != nil {
		return Proposal{}, err
	}
	p.Root, p.Included = l.root, l.included
	return p, nil
}

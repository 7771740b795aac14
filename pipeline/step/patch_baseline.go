package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Past is what is kept of the Promotions of a Stage.
type Past interface {
	// Earlier returns those before the given one, in whatever phase, newest first and
	// at most limit.
	Earlier(ctx context.Context, p *pipeline.Promotion, limit int) ([]pipeline.Promotion, error)
}

const (
	// maxPast bounds how far back what the Stage published is looked for.
	maxPast = 20
	// maxBaselines bounds how many versions of a target may be the one that was
	// published last, because of some it is not known whether they were merged.
	maxBaselines = 5
)

// patchBaseline is what a Promotion published in one checkout.
type patchBaseline struct {
	promotion string
	started   time.Time
	commit    string
	// merged is the commit on the target's branch, empty when it is not known.
	merged string
	// landed is true when it surely came to the branch of the target.
	landed  bool
	files   *tree.FS
	targets []PatchTarget
	adopted []PatchAdoption
}

// baselines are what the Stage may have published last in a checkout, newest first: the
// last of which it is known that it came to the branch, and those after it.
func (r *patching) baselines(ctx context.Context, t PatchTarget, repoURL string) ([]patchBaseline, error) {
	if r.env.Past == nil || repoURL == "" {
		return nil, nil
	}
	past, err := r.env.Past.Earlier(ctx, r.env.Promotion, maxPast)
	if err != nil {
		return nil, fmt.Errorf("look for earlier promotions: %w", err)
	}
	// What an earlier start of this one published counts too.
	past = append([]pipeline.Promotion{*r.env.Promotion}, past...)
	var out []patchBaseline
	for i := range past {
		b, ok := published(&past[i], t)
		if !ok {
			continue
		}
		if ok, err = r.open(ctx, &b, repoURL); err != nil {
			return nil, err
		}
		if ok {
			out = append(out, b)
		}
		if b.landed || len(out) == maxBaselines {
			break
		}
	}
	return out, nil
}

// published finds out what a Promotion published in a checkout.
func published(p *pipeline.Promotion, t PatchTarget) (b patchBaseline, ok bool) {
	b = patchBaseline{promotion: p.ID, started: p.StartedAt}
	patched := -1
	for j, s := range p.Steps {
		spec := p.Stage.Steps[j]
		var out PatchOutput
		if spec.Uses == "patch" && json.Unmarshal(s.Output, &out) == nil {
			for _, other := range out.Targets {
				if other.Branch == t.Branch && strings.EqualFold(other.Repo, t.Repo) && other.Checkout == t.Checkout {
					patched = j
					b.targets = append(b.targets, other)
				}
			}
			b.adopted = append(b.adopted, out.Adopted...)
			continue
		}
		if patched < 0 || !ofCheckout(spec, t.Checkout) {
			continue
		}
		var done PushOutput
		if json.Unmarshal(s.Output, &done) != nil || done.Commit == "" {
			continue
		}
		switch {
		case pipeline.IsPush(spec.Uses) && s.Phase != pipeline.Skipped && strings.EqualFold(done.Repo, t.Repo) && done.Branch != "":
			b.commit, b.landed = done.Commit, done.Branch == t.Branch
		case spec.Uses == "git-commit" && s.Phase == pipeline.Skipped && b.commit == "":
			// There was nothing to publish: the branch held it already.
			b.commit, b.landed = done.Commit, true
		}
	}
	if b.commit == "" {
		return b, false
	}
	if pull := p.Pull(); !b.landed && pull.Merged && strings.EqualFold(pull.Repo, t.Repo) {
		b.landed, b.merged = true, p.MergeCommit()
	}
	return b, true
}

// ofCheckout reports whether a step that commits or pushes is about a checkout. An
// expression may mean any.
func ofCheckout(spec pipeline.StepSpec, mount string) bool {
	p, ok := spec.Config["path"].(string)
	return ok && (hasExpression(p) || tree.Clean(p) == mount)
}

// open makes the files of a baseline readable. What was pushed may be gone with its
// branch; then what was merged has to do.
func (r *patching) open(ctx context.Context, b *patchBaseline, repoURL string) (bool, error) {
	for _, commit := range []string{b.commit, b.merged} {
		if commit == "" {
			continue
		}
		co, err := r.env.Git.Checkout(ctx, repoURL, Ref{Commit: commit})
		switch {
		case err == nil:
			b.files = co.FS
			return true, nil
		case !errors.Is(err, ErrNotFound):
			return false, fmt.Errorf("read commit %s of %s: %w", pipeline.Short(commit), b.promotion, err)
		}
	}
	r.env.Log.InfoContext(ctx, "what was published is gone", "promotion", b.promotion, "commit", b.commit)
	return false, nil
}

// manages reports whether the Promotion published what an item is promoted to.
func (b *patchBaseline) manages(item *patchItem) bool {
	for _, t := range b.targets {
		own := item.target()
		switch {
		case t.Path == own.Path && t.Key == own.Key:
			return true
		case t.Key != "" && own.Key != "" && t.Path == own.Path && strings.HasPrefix(own.Key, t.Key+"."):
			return true // a value of those that were promoted together
		case t.Key == "" && own.Key == "" && beneath(t.Path, own.Path):
			return true
		}
	}
	return false
}

// recall reads what the Promotion published of units of one item.
func (b *patchBaseline) recall(ctx context.Context, item *patchItem, units []*patchUnit) (map[*patchUnit]patchState, error) {
	out := make(map[*patchUnit]patchState, len(units))
	at := tree.Place{FS: b.files, Path: item.to.Path}
	switch {
	case item.String != nil:
		all, err := leavesAt(ctx, at, item.String.To, item.String.target())
		if err != nil && !unreadable(err) {
			return nil, err
		}
		for _, u := range units {
			out[u] = all.states[strings.TrimPrefix(strings.TrimPrefix(u.key, item.String.target()), ".")]
		}
	case item.File != nil:
		info, err := entryOrNone(ctx, at)
		if err != nil {
			return nil, err
		}
		for _, u := range units {
			out[u] = fileState(info.Mode, info.Hash)
		}
	default:
		paths := make([]string, len(units))
		for i, u := range units {
			paths[i] = u.relative()
		}
		found, err := at.Entries(ctx, paths)
		if err != nil {
			return nil, err
		}
		for i, u := range units {
			if info := found[paths[i]]; !info.Mode.IsDir() {
				out[u] = fileState(info.Mode, info.Hash)
			}
		}
	}
	return out, nil
}

// content reads a file as the Promotion published it; nil when it was not there.
func (b *patchBaseline) content(ctx context.Context, u *patchUnit) ([]byte, error) {
	data, err := b.files.ReadFile(ctx, path.Clean(u.path))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, tree.ErrNotDir) || errors.Is(err, tree.ErrIsDir) {
		return nil, nil
	}
	return data, err
}

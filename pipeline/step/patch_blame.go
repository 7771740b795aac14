package step

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kargo-app/kargo/pipeline"
)

// PathCommits tells who changed a path of a repository.
type PathCommits interface {
	// PathCommits returns the newest commits up to head that changed a path, newest
	// first, made at or after a time; at most [MaxPathCommits].
	PathCommits(ctx context.Context, repoURL, head, path string, since time.Time) ([]PathCommit, error)
}

// MaxPathCommits is how far back commits to a path are looked at.
const MaxPathCommits = 30

// PathCommit is a commit that changed a path.
type PathCommit struct {
	ID, URL, Message string
	// Author is the login, or the name of who has none.
	Author string
	At     time.Time
}

const (
	// maxBlamed bounds for how much drift it is looked up who did it.
	maxBlamed = 10
	// maxCulprits bounds how many commits are named for one value or file.
	maxCulprits = 3
	// maxDriftDiff bounds the diff of an edited file, in bytes, maxDriftDiffs how many
	// there are.
	maxDriftDiff  = 2 << 10
	maxDriftDiffs = 5
)

// investigate finds out what was edited, and by whom.
func (r *patching) investigate(ctx context.Context, found []*drifted) error {
	for i, d := range found {
		d.tell()
		if i < maxDriftDiffs && d.key == "" {
			if err := d.compare(ctx); err != nil {
				return err
			}
		}
		if i < maxBlamed {
			if err := r.blame(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell fills in what the report says without looking anywhere.
func (d *drifted) tell() {
	was := d.was()
	d.report = PatchDrift{Path: d.path, Key: d.key}
	if d.key != "" {
		d.report.Published, d.report.Found, d.report.Promoted = was.value(), d.head.value(), d.want.value()
	}
	if d.before != nil {
		d.report.Before, d.report.Published = d.before.In, d.before.Was
	}
	if d.key != "" {
		return
	}
	d.report.Found = "edited"
	if d.before == nil {
		d.report.Published = "file"
	}
	switch {
	case d.before != nil:
		d.report.Found = "kept as edited"
	case was == "":
		d.report.Published, d.report.Found = "nothing", "added"
	case d.head == "":
		d.report.Found = "deleted"
	}
	switch {
	case d.want == "":
		d.report.Promoted = "deleted"
	case d.head == "":
		d.report.Promoted = "added"
	default:
		d.report.Promoted = "replaced"
	}
}

// was is what the Stage published last. Of what is newer among the baselines it is not
// known that it came to the branch.
func (d *drifted) was() patchState { return d.published[len(d.published)-1] }

// compare shows what was edited in a file.
func (d *drifted) compare(ctx context.Context) error {
	last := d.baselines[len(d.baselines)-1]
	before, err := last.content(ctx, d.patchUnit)
	if err != nil {
		return err
	}
	now := patchBaseline{files: d.item.to.head().FS}
	after, err := now.content(ctx, d.patchUnit)
	if err != nil {
		return err
	}
	if isBinary(before) || isBinary(after) || len(before) > maxCompared || len(after) > maxCompared {
		return nil
	}
	name := quotePath(d.path)
	diff := udiff.Unified("a/"+name, "b/"+name, validText(before), validText(after))
	if len(diff) > maxDriftDiff {
		diff = diff[:strings.LastIndexByte(diff[:maxDriftDiff], '\n')+1]
	}
	d.report.Diff = diff
	return nil
}

// blame names the commits that edited a unit since it was published.
func (r *patching) blame(ctx context.Context, d *drifted) error {
	co := d.item.to.checkout
	if d.before != nil && d.before.Commit != nil {
		d.report.Commits = []PatchCommit{*d.before.Commit}
		return nil
	}
	if r.env.PathCommits == nil || co.Head.IsZero() {
		return nil
	}
	started := d.baselines[len(d.baselines)-1].started
	if !started.IsZero() {
		started = started.Add(-clockSkew)
	}
	all, err := r.env.PathCommits.PathCommits(ctx, co.RepoURL, co.Head.String(), d.path, started)
	if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
		return err
	}
	if err != nil {
		r.env.Log.InfoContext(ctx, "who edited a target is not known", "path", d.path, "err", err)
		return nil
	}
	since, own := sinceBaselines(all, d.baselines)
	if len(since) == 0 {
		since = own
	}
	if since, err = r.narrow(ctx, d, since); err != nil {
		return err
	}
	for _, c := range since[:min(len(since), maxCulprits)] {
		subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
		d.report.Commits = append(d.report.Commits, PatchCommit{
			ID: c.ID, URL: c.URL, Author: c.Author, At: c.At, Subject: truncate(oneLine(subject), maxCommitSubject),
		})
	}
	return nil
}

// clockSkew is how far the clocks of those who commit may be behind.
const clockSkew = time.Hour

// maxCommitSubject bounds the first line of a message, in characters.
const maxCommitSubject = 100

// sinceBaselines returns the commits that are newer than what the Stage published: those
// of people, and those of other Promotions.
func sinceBaselines(all []PathCommit, baselines []patchBaseline) (people, promotions []PathCommit) {
	own := map[string]bool{}
	for _, b := range baselines {
		own[b.promotion] = true
		own[b.commit] = true
		own[b.merged] = true
	}
	for _, c := range all {
		by := promotionOf(c.Message)
		switch {
		case own[c.ID], by != "" && own[by]:
			return people, promotions
		case by != "":
			promotions = append(promotions, c)
		default:
			people = append(people, c)
		}
	}
	return people, promotions
}

// promotionOf is the Promotion that a commit message names in a trailer.
func promotionOf(message string) string {
	for line := range strings.Lines(message) {
		if id, ok := strings.CutPrefix(strings.TrimSpace(line), "Kargo-Promotion: "); ok {
			return id
		}
	}
	return ""
}

// narrow keeps of the commits to a file those that made what is there of what was
// published: not those before, and, where it is about one value, none that changed others.
func (r *patching) narrow(ctx context.Context, d *drifted, commits []PathCommit) ([]PathCommit, error) {
	if len(commits) < 2 {
		return commits, nil
	}
	commits = commits[:min(len(commits), maxNarrowed)]
	states := []patchState{d.head} // the newest commit left what is there
	for _, c := range commits[1:] {
		at, err := r.env.Git.Checkout(ctx, d.item.to.checkout.RepoURL, Ref{Commit: c.ID})
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", pipeline.Short(c.ID), err)
		}
		b := patchBaseline{files: at.FS}
		found, err := b.recall(ctx, d.item, []*patchUnit{d.patchUnit})
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", pipeline.Short(c.ID), err)
		}
		states = append(states, found[d.patchUnit])
		if found[d.patchUnit] == d.was() {
			break
		}
	}
	var out []PathCommit
	for i, s := range states {
		older := d.was()
		if i+1 < len(states) {
			older = states[i+1]
		}
		if s != older {
			out = append(out, commits[i])
		}
	}
	if len(out) == 0 {
		return commits, nil
	}
	return out, nil
}

// maxNarrowed bounds how many commits to a file are looked into.
const maxNarrowed = 6

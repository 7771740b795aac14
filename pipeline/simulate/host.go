package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// host is a Git host with pull requests, checks and reviews, and without files:
// what steps do to those is scripted.
type host struct {
	w        *world
	pulls    []*pull
	branches map[string]string
	// required are the checks that every pull request needs, by name.
	required []string
}

type pull struct {
	step.PullRequest
	repoURL string
	checks  map[string]string
	// reviews are those in force, by login.
	reviews map[string]bool
}

func newHost(w *world) *host {
	h := &host{w: w, branches: map[string]string{}}
	for _, name := range w.sc.RequiredChecks {
		h.required = append(h.required, name)
	}
	return h
}

func (h *host) byNumber(number int) (*pull, error) {
	if number < 1 || number > len(h.pulls) {
		return nil, fmt.Errorf("pull request #%d: %w", number, step.ErrNotFound)
	}
	return h.pulls[number-1], nil
}

// ofPromotion returns the pull request that a Promotion opened last.
func (h *host) ofPromotion(id string) *pull {
	pr := h.w.promotion(id)
	if pr == nil {
		return nil
	}
	p, err := h.byNumber(pr.Pull().Number)
	if err != nil {
		return nil
	}
	return p
}

// changed wakes what waits for something to happen to a pull request.
func (h *host) changed(p *pull) {
	h.w.signal(pipeline.PullEvent(h.w.s.Repo, p.Number))
	h.w.signal(pipeline.CommitEvent(p.Head))
}

// ByHead implements [step.PullRequests].
func (h *host) ByHead(_ context.Context, _, head, base string) (step.PullRequest, error) {
	var best *pull
	rank := func(p *pull) int {
		switch {
		case p.Open:
			return 3
		case p.Merged:
			return 2
		}
		return 1
	}
	for _, p := range h.pulls {
		if p.HeadRef == head && p.Base == base && (best == nil || rank(p) >= rank(best)) {
			best = p
		}
	}
	if best == nil {
		return step.PullRequest{}, fmt.Errorf("pull request from %s: %w", head, step.ErrNotFound)
	}
	return best.PullRequest, nil
}

// Get implements [step.PullRequests].
func (h *host) Get(_ context.Context, _ string, number int) (step.PullRequest, error) {
	p, err := h.byNumber(number)
	if err != nil {
		return step.PullRequest{}, err
	}
	return p.PullRequest, nil
}

// Create implements [step.PullRequests].
func (h *host) Create(ctx context.Context, repoURL string, n step.NewPullRequest) (step.PullRequest, error) {
	if old, err := h.ByHead(ctx, repoURL, n.Head, n.Base); err == nil && old.Open {
		return old, nil
	}
	number := len(h.pulls) + 1
	head, ok := h.branches[n.Head]
	if !ok {
		head = commitID("branch", n.Head)
	}
	mergeable := true
	p := &pull{repoURL: repoURL, checks: map[string]string{}, reviews: map[string]bool{}}
	p.PullRequest = step.PullRequest{
		Number: number, URL: fmt.Sprintf("%s/%s/pull/%d", serverURL, h.w.s.Repo, number), Open: true, Draft: n.Draft,
		Title: n.Title, Body: n.Body, Head: head, HeadRef: n.Head, Base: n.Base, Mergeable: &mergeable, State: "clean",
	}
	for _, name := range h.required {
		p.checks[name] = "pending"
	}
	h.pulls = append(h.pulls, p)
	return p.PullRequest, nil
}

// Merge implements [step.PullRequests].
func (h *host) Merge(_ context.Context, _ string, number int, m step.MergeRequest) (string, error) {
	p, err := h.byNumber(number)
	switch {
	case err != nil:
		return "", err
	case p.Head != m.SHA:
		return "", step.ErrHeadMoved
	case !p.Open:
		return "", &step.NotMergeableError{Message: "it is closed"}
	}
	h.merge(p)
	return p.MergeCommit, nil
}

func (h *host) merge(p *pull) {
	p.Open, p.Merged = false, true
	p.MergeCommit = commitID("merge", p.Head)
	h.changed(p)
}

// Close implements [step.PullRequests].
func (h *host) Close(_ context.Context, _ string, number int, _ string) error {
	p, err := h.byNumber(number)
	if err != nil {
		return err
	}
	if p.Open {
		p.Open = false
		h.changed(p)
	}
	return nil
}

// RequiredChecks implements [step.Gates].
func (h *host) RequiredChecks(_ context.Context, _, _, sha string) ([]step.Check, error) {
	for _, p := range h.pulls {
		if p.Head != sha {
			continue
		}
		var out []step.Check
		for name, state := range p.checks {
			out = append(out, step.Check{Name: name, State: state})
		}
		slices.SortFunc(out, func(a, b step.Check) int { return strings.Compare(a.Name, b.Name) })
		return out, nil
	}
	return nil, nil
}

// Approvals implements [step.Gates].
func (h *host) Approvals(_ context.Context, _ string, number int, _ string, _ []string) ([]pipeline.Actor, error) {
	p, err := h.byNumber(number)
	if err != nil {
		return nil, err
	}
	var out []pipeline.Actor
	for login, approves := range p.reviews {
		if approves {
			out = append(out, h.w.person(login))
		}
	}
	slices.SortFunc(out, func(a, b pipeline.Actor) int { return strings.Compare(a.Login, b.Login) })
	return out, nil
}

// errNoFiles is what a step gets that is run for real and asks for files.
var errNoFiles = errors.New("a simulation has no files: script what the step answers")

// Checkout implements [step.Git].
func (h *host) Checkout(context.Context, string, step.Ref) (*tree.Checkout, error) {
	return nil, errNoFiles
}

// Commit implements [step.Git].
func (h *host) Commit(context.Context, *tree.Checkout) (string, error) { return "", errNoFiles }

// Push implements [step.Git].
func (h *host) Push(context.Context, *tree.Checkout, step.PushRequest) (step.PushResult, error) {
	return step.PushResult{}, errNoFiles
}

// Start implements [step.Git].
func (h *host) Start(context.Context, string, string, string) (*tree.Checkout, error) {
	return nil, errNoFiles
}

// DeleteBranch implements [step.Git].
func (h *host) DeleteBranch(_ context.Context, _, branch string) error {
	delete(h.branches, branch)
	return nil
}

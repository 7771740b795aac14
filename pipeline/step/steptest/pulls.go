package steptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Pulls is the pull requests of all repositories of a World, under one sequence
// of numbers.
type Pulls struct {
	world    *World
	byNumber map[int]*request

	// Computing is how many more times Get answers that mergeability is unknown.
	Computing int
	// State, when not empty, is reported as the state of every open pull request
	// without conflict, such as blocked or behind.
	State string
	// Refuse, when not nil, is what Merge answers.
	Refuse error
	// Comments are those that Close left, by number.
	Comments map[int][]string
}

type request struct {
	pr    step.PullRequest
	repo  *repository
	asked step.NewPullRequest
	by    step.MergeRequest
}

var _ step.PullRequests = (*Pulls)(nil)

// ByHead implements step.PullRequests.
func (p *Pulls) ByHead(ctx context.Context, repoURL, head, base string) (step.PullRequest, error) {
	if err := errors.Join(ctx.Err(), p.world.fault("by-head", false)); err != nil {
		return step.PullRequest{}, err
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	if q := p.byHead(repoURL, head, base); q != nil {
		return p.describe(q), nil
	}
	return step.PullRequest{}, step.ErrNotFound
}

func (p *Pulls) byHead(repoURL, head, base string) *request {
	r, _ := p.world.repo(repoURL)
	var best *request
	rank := func(q *request) int {
		switch {
		case q.pr.Open:
			return 2
		case q.pr.Merged:
			return 1
		}
		return 0
	}
	for _, n := range slices.Sorted(maps.Keys(p.byNumber)) {
		q := p.byNumber[n]
		if q.repo == r && q.pr.HeadRef == head && q.pr.Base == base && (best == nil || rank(q) >= rank(best)) {
			best = q
		}
	}
	return best
}

// Get implements step.PullRequests.
func (p *Pulls) Get(ctx context.Context, _ string, number int) (step.PullRequest, error) {
	if err := errors.Join(ctx.Err(), p.world.fault("get", false)); err != nil {
		return step.PullRequest{}, err
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	q, ok := p.byNumber[number]
	if !ok {
		return step.PullRequest{}, step.ErrNotFound
	}
	pr := p.describe(q)
	if pr.Open && p.Computing > 0 {
		p.Computing--
		pr.Mergeable, pr.State = nil, "unknown"
	}
	return pr, nil
}

// describe reads the state of a pull request from the branches.
func (p *Pulls) describe(q *request) step.PullRequest {
	pr := q.pr
	if !pr.Open {
		return pr
	}
	if tip, ok := q.repo.branches[pr.HeadRef]; ok {
		pr.Head = tip.String()
	}
	_, err := p.combined(q)
	mergeable := err == nil
	pr.Mergeable = &mergeable
	switch {
	case !mergeable:
		pr.State = "dirty"
	case pr.Draft:
		pr.State = "draft"
	case p.State != "":
		pr.State = p.State
	default:
		pr.State = "clean"
	}
	return pr
}

// combined is the base branch with the changes of the pull request on top.
func (p *Pulls) combined(q *request) (*tree.Checkout, error) {
	ctx := context.Background()
	r := q.repo
	head, base := r.branches[q.pr.HeadRef], r.branches[q.pr.Base]
	start := r.mergeBase(base, head)
	c := tree.NewCheckout(r.url, q.pr.Base, start, r, r.commits[start].tree)
	changes, err := c.FS.Diff(ctx, c.FS.Base(), r.commits[head].tree)
	if err != nil {
		return nil, err
	}
	contents, err := c.FS.Contents(ctx, changes)
	if err != nil {
		return nil, err
	}
	for _, ch := range changes {
		if ch.Deleted() {
			err = c.FS.RemoveAll(ctx, ch.Path)
		} else {
			err = c.FS.WriteFile(ctx, ch.Path, contents[ch.New], ch.NewMode)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, c.Rebase(ctx, base, r.commits[base].tree)
}

// Create implements step.PullRequests.
func (p *Pulls) Create(ctx context.Context, repoURL string, n step.NewPullRequest) (step.PullRequest, error) {
	if err := errors.Join(ctx.Err(), p.world.fault("create", false)); err != nil {
		return step.PullRequest{}, err
	}
	pr, err := p.create(repoURL, n)
	if err != nil {
		return step.PullRequest{}, err
	}
	return pr, p.world.fault("create", true)
}

func (p *Pulls) create(repoURL string, n step.NewPullRequest) (step.PullRequest, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	r, ok := p.world.repo(repoURL)
	if !ok {
		return step.PullRequest{}, step.ErrNotFound
	}
	head, base := r.branches[n.Head], r.branches[n.Base]
	if head.IsZero() || base.IsZero() {
		return step.PullRequest{}, fmt.Errorf("branch %s or %s: %w", n.Head, n.Base, step.ErrNotFound)
	}
	if q := p.byHead(repoURL, n.Head, n.Base); q != nil && q.pr.Open {
		q.asked.Labels = union(q.asked.Labels, n.Labels)
		q.asked.Reviewers = union(q.asked.Reviewers, n.Reviewers)
		q.asked.TeamReviewers = union(q.asked.TeamReviewers, n.TeamReviewers)
		q.asked.Assignees = union(q.asked.Assignees, n.Assignees)
		return p.describe(q), nil
	}
	if r.mergeBase(base, head) == head {
		return step.PullRequest{}, step.ErrNoDifference
	}
	number := len(p.byNumber) + 1
	q := &request{repo: r, asked: n, pr: step.PullRequest{
		Number: number, URL: fmt.Sprintf("%s/pull/%d", strings.TrimSuffix(r.url, ".git"), number),
		Open: true, Draft: n.Draft, Title: n.Title, Body: n.Body,
		HeadRef: n.Head, Base: n.Base,
	}}
	p.byNumber[number] = q
	return p.describe(q), nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// Merge implements step.PullRequests.
func (p *Pulls) Merge(ctx context.Context, _ string, number int, m step.MergeRequest) (string, error) {
	if err := errors.Join(ctx.Err(), p.world.fault("merge", false)); err != nil {
		return "", err
	}
	if p.Refuse != nil {
		return "", p.Refuse
	}
	sha, err := p.merge(number, m)
	if err != nil {
		return "", err
	}
	return sha, p.world.fault("merge", true)
}

func (p *Pulls) merge(number int, m step.MergeRequest) (string, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	q, ok := p.byNumber[number]
	if !ok {
		return "", step.ErrNotFound
	}
	pr := p.describe(q)
	switch {
	case !pr.Open:
		return "", &step.NotMergeableError{Message: "Pull Request is not mergeable"}
	case m.SHA != "" && m.SHA != pr.Head:
		return "", step.ErrHeadMoved
	case pr.State == "dirty" || pr.State == "draft":
		return "", &step.NotMergeableError{Message: "Pull Request is not mergeable"}
	}
	c, err := p.combined(q)
	if err != nil {
		return "", err
	}
	message := strings.TrimSpace(m.Title + "\n\n" + m.Message)
	if _, err := c.Commit(context.Background(), message, nil); err != nil {
		return "", err
	}
	id := p.world.storePending(q.repo, c)
	q.repo.branches[pr.Base] = id
	q.by, q.pr.Head = m, pr.Head
	q.pr.Open, q.pr.Merged, q.pr.MergeCommit = false, true, id.String()
	return id.String(), nil
}

// Close implements step.PullRequests.
func (p *Pulls) Close(ctx context.Context, _ string, number int, why string) error {
	if err := errors.Join(ctx.Err(), p.world.fault("close", false)); err != nil {
		return err
	}
	p.world.mu.Lock()
	if q, ok := p.byNumber[number]; ok && q.pr.Open {
		q.pr.Head = p.describe(q).Head
		q.pr.Open = false
		if p.Comments == nil {
			p.Comments = map[int][]string{}
		}
		p.Comments[number] = append(p.Comments[number], why)
	}
	p.world.mu.Unlock()
	return p.world.fault("close", true)
}

// All returns every pull request in the order of creation.
func (p *Pulls) All() []step.PullRequest {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	var out []step.PullRequest
	for _, n := range slices.Sorted(maps.Keys(p.byNumber)) {
		out = append(out, p.describe(p.byNumber[n]))
	}
	return out
}

// Asked returns what a pull request was opened with.
func (p *Pulls) Asked(number int) step.NewPullRequest {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.byNumber[number].asked
}

// MergedBy returns what a pull request was merged with.
func (p *Pulls) MergedBy(number int) step.MergeRequest {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.byNumber[number].by
}

// Retarget changes the base of a pull request, as a person would.
func (p *Pulls) Retarget(number int, base string) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	q := p.byNumber[number]
	q.repo.branches[base] = cmp.Or(q.repo.branches[base], q.repo.branches[q.pr.Base])
	q.pr.Base = base
}

// SetDraft converts a pull request to a draft or back, as a person would.
func (p *Pulls) SetDraft(number int, draft bool) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.byNumber[number].pr.Draft = draft
}

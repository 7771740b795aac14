package promotion

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// abort carries out a requested abort unless the pull request has been merged
// meanwhile, in which case the Promotion goes on to its end.
func (x *execution) abort(ctx context.Context) (bool, error) {
	p := x.p
	url, number, err := x.opened(ctx)
	if err != nil {
		return false, fmt.Errorf("abort %s: %w", p.ID, err)
	}
	if number != 0 {
		if err := x.e.Ports.Pulls.Close(ctx, url, number, p.AbortRequested); err != nil {
			return false, fmt.Errorf("abort %s: close pull request %d: %w", p.ID, number, err)
		}
		// Looked at after it was closed, because a person may merge until then.
		pr, err := x.e.Ports.Pulls.Get(ctx, url, number)
		if err != nil {
			return false, fmt.Errorf("abort %s: read pull request %d: %w", p.ID, number, err)
		}
		if pr.Merged {
			x.log.InfoContext(ctx, "abort comes too late", "pr", number)
			return false, nil
		}
	}
	if i := p.Next(); p.Phase == pipeline.Running && i >= 0 {
		if err := x.release(ctx, i); err != nil {
			return false, fmt.Errorf("abort %s: %w", p.ID, err)
		}
	}
	end(p, x.e.Ports.Now())
	x.log.InfoContext(ctx, "promotion aborted", "reason", p.AbortRequested, "as", string(p.Phase))
	if err := x.l.Finish(ctx, *p); err != nil {
		return false, fmt.Errorf("abort %s: %w", p.ID, err)
	}
	return true, nil
}

// end ends a Promotion, and the step it was in, in the phase that was asked for.
func end(p *pipeline.Promotion, now time.Time) {
	i, running := p.Next(), p.Phase == pipeline.Running
	p.Abort(now, p.AbortRequested)
	if !p.AbortAs.Terminal() {
		return
	}
	p.Phase = p.AbortAs
	if running && i >= 0 {
		p.Steps[i].Phase = p.AbortAs
	}
}

// opened returns the pull request of the Promotion and its repository, number 0
// for none. It looks for one that was opened just before a crash kept it from
// being recorded.
func (x *execution) opened(ctx context.Context) (url string, number int, err error) {
	p := x.p
	if pull := p.Pull(); pull.Number != 0 {
		return x.e.pullURL(p, pull), pull.Number, nil
	}
	i := p.Next()
	if p.Phase != pipeline.Running || i < 0 || p.Stage.Steps[i].Uses != "git-open-pr" || p.Steps[i].Attempts == 0 {
		return "", 0, nil
	}
	if err := x.collect(ctx); err != nil {
		return "", 0, err
	}
	env, err := x.exprEnv(ctx, i)
	var bad *evaluationError
	switch {
	case errors.As(err, &bad):
		return "", 0, nil // nor could the step use it
	case err != nil:
		return "", 0, err
	}
	config, err := env.config(p.Stage.Steps[i])
	if err != nil {
		return "", 0, nil //nolint:nilerr // as above
	}
	text := func(key string) string { s, _ := config[key].(string); return s }
	pr, err := x.e.Ports.Pulls.ByHead(ctx, text("repoURL"), text("sourceBranch"), text("targetBranch"))
	switch {
	case errors.Is(err, step.ErrNotFound):
		return "", 0, nil
	case err != nil:
		return "", 0, fmt.Errorf("find pull request: %w", err)
	}
	return text("repoURL"), pr.Number, nil
}

package promotion

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// Ledger is the durable record of one Stage, held under one lease. Every write
// fails once the lease has moved on.
type Ledger interface {
	// Promotions returns, oldest first, those that are not terminal and those
	// whose end is not reported yet.
	Promotions(ctx context.Context) ([]pipeline.Promotion, error)
	// Save records a Promotion that goes on.
	Save(ctx context.Context, p pipeline.Promotion) error
	// Finish records a terminal Promotion together with what follows from it:
	// on success its Freight becomes current and a hold is set or cleared.
	Finish(ctx context.Context, p pipeline.Promotion) error
	// Reported records that the end of a Promotion was published.
	Reported(ctx context.Context, id string) error
	// Current returns the Freight of a Warehouse that is current in the Stage,
	// nil for none.
	Current(ctx context.Context, warehouse string) (*pipeline.Freight, error)
}

// Reporter brings what the world sees of a Promotion up to date. It must be
// idempotent.
type Reporter interface {
	Report(ctx context.Context, p *pipeline.Promotion) error
}

// Engine runs Promotions.
type Engine struct {
	Steps    *step.Registry
	Ports    step.Ports
	Reporter Reporter
	// ServerURL is the Git host, "https://github.com".
	ServerURL string
	// PublicURL is where people reach this server, empty when it is not known.
	PublicURL string
	// DefaultBranch returns a repository's default branch.
	DefaultBranch func(ctx context.Context, r pipeline.Repo) (string, error)
	// StepTimeout bounds one pass over one step; it must be shorter than the
	// lease. Zero means five minutes.
	StepTimeout time.Duration
	Log         *slog.Logger
}

// maxRewinds bounds how often a Promotion starts over because its base moved.
const maxRewinds = 10

// Advance moves the Promotions of one Stage as far as they go now and returns
// when to look again, zero for "not before something happens". Promotions run
// strictly one after the other, in the order in which they were created.
func (e *Engine) Advance(ctx context.Context, l Ledger) (time.Time, error) {
	var next time.Time
	for {
		all, err := l.Promotions(ctx)
		if err != nil {
			return time.Time{}, fmt.Errorf("load promotions: %w", err)
		}
		var run *pipeline.Promotion
		for i := range all {
			p := &all[i]
			switch {
			case p.Phase.Terminal():
				if at := e.reportEnd(ctx, l, p); !at.IsZero() {
					next = earlier(next, at)
				}
			case run == nil || (p.Phase == pipeline.Running && run.Phase == pipeline.Pending):
				run = p
			}
		}
		if run == nil {
			return next, nil
		}
		done, wake, err := e.run(ctx, l, run)
		if err != nil {
			return time.Time{}, err
		}
		if !done {
			return earlier(next, wake), nil
		}
		next = time.Time{}
	}
}

// reportEnd publishes the end of a Promotion; it returns when to try again if
// that did not work.
func (e *Engine) reportEnd(ctx context.Context, l Ledger, p *pipeline.Promotion) time.Time {
	err := e.tidy(ctx, p)
	if err == nil {
		err = e.Reporter.Report(ctx, p)
	}
	if err == nil {
		err = l.Reported(ctx, p.ID)
	}
	if err == nil {
		return time.Time{}
	}
	return e.retryReport(p, err)
}

func (e *Engine) retryReport(p *pipeline.Promotion, err error) time.Time {
	after, transient := pipeline.IsTransient(err)
	log := e.Log.With("repo", p.Repo.String(), "stage", p.Stage.Name, "promotion", p.ID)
	if transient {
		log.Info("report delayed", "err", err)
		return e.Ports.Now().Add(max(after, 2*time.Second))
	}
	log.Error("report not published", "err", err)
	return e.Ports.Now().Add(e.Ports.PollInterval)
}

// tidy removes what a finished Promotion left behind: its branch, and its pull
// request when that turned out to be unnecessary.
func (e *Engine) tidy(ctx context.Context, p *pipeline.Promotion) error {
	pull := p.Pull()
	if pull.Number == 0 || p.Phase == pipeline.Failed || p.Phase == pipeline.Errored {
		return nil
	}
	repoURL := e.repoURL(p)
	if !pull.Merged {
		why := cmp.Or(p.Message, "the base branch holds the same content by now")
		if err := e.Ports.Pulls.Close(ctx, repoURL, pull.Number, why); err != nil {
			return fmt.Errorf("close pull request %d: %w", pull.Number, err)
		}
	}
	if branch := p.OwnBranch(); branch != "" {
		if err := e.Ports.Git.DeleteBranch(ctx, repoURL, branch); err != nil {
			return fmt.Errorf("delete branch %s: %w", branch, err)
		}
	}
	return nil
}

// run advances one Promotion. done means that it is terminal and recorded.
func (e *Engine) run(ctx context.Context, l Ledger, p *pipeline.Promotion) (done bool, wake time.Time, err error) {
	x := &execution{e: e, l: l, p: p, log: e.Log.With("repo", p.Repo.String(), "stage", p.Stage.Name, "promotion", p.ID)}
	if p.AbortRequested != "" {
		aborted, err := x.abort(ctx)
		if err != nil || aborted {
			return aborted, time.Time{}, err
		}
	}
	if p.Phase == pipeline.Pending {
		previous, err := l.Current(ctx, p.Freight.Warehouse)
		if err != nil {
			return false, time.Time{}, fmt.Errorf("load current freight: %w", err)
		}
		p.Start(e.Ports.Now(), previous)
		if err := l.Save(ctx, *p); err != nil {
			return false, time.Time{}, fmt.Errorf("start %s: %w", p.ID, err)
		}
		x.log.Info("promotion started", "freight", p.Freight.ID, "reason", p.Reason)
	}
	for {
		i := p.Next()
		if i < 0 {
			return true, time.Time{}, x.finish(ctx)
		}
		if err := x.step(ctx, i); err != nil {
			return false, time.Time{}, err
		}
		s := p.Steps[i]
		if s.Phase.Terminal() || s.Phase == "" {
			continue
		}
		wake := s.WakeAt
		if err := e.Reporter.Report(ctx, p); err != nil {
			wake = earlier(wake, e.retryReport(p, err))
		}
		return false, wake, nil
	}
}

// execution is one pass over one Promotion.
type execution struct {
	e   *Engine
	l   Ledger
	p   *pipeline.Promotion
	log *slog.Logger
	// ws is nil until a step needs the Workspace; built says which steps have
	// left their result in it.
	ws    *tree.Workspace
	built int
}

// step runs step i once and records the outcome.
func (x *execution) step(ctx context.Context, i int) error {
	p, now := x.p, x.e.Ports.Now
	spec := p.Stage.Steps[i]
	s := &p.Steps[i]
	env, err := x.exprEnv(ctx, i)
	if err != nil {
		return err
	}
	if s.Attempts == 0 || s.Phase == "" {
		run, why, err := condition(p, i, env)
		if err != nil {
			p.Begin(i, now())
			p.Apply(i, pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: "if: " + err.Error()}, now())
			return x.save(ctx)
		}
		if !run {
			p.Skip(i, now(), why)
			return x.save(ctx)
		}
	}
	attempt, prior := s.Attempts+1, s.Output
	p.Begin(i, now())
	if err := x.save(ctx); err != nil {
		return err
	}
	res, err := x.run(ctx, i, attempt, prior, env)
	var rewind *step.RewindError
	switch {
	case errors.As(err, &rewind):
		return x.rewind(ctx, i, rewind)
	case err != nil:
		return fmt.Errorf("step %s of %s: %w", spec.As, p.ID, err)
	}
	p.Apply(i, res, now())
	level := slog.LevelInfo
	if res.Transient {
		level = slog.LevelWarn
	}
	x.log.Log(ctx, level, "step", "step", spec.As, "attempt", attempt, "phase", string(p.Steps[i].Phase), "message", p.Steps[i].Message)
	return x.save(ctx)
}

// run makes everything ready for step i and runs it.
func (x *execution) run(ctx context.Context, i, attempt int, prior []byte, env exprEnv) (pipeline.StepResult, error) {
	spec := x.p.Stage.Steps[i]
	def, ok := x.e.Steps.Lookup(spec.Uses)
	if !ok {
		return failedResult(fmt.Errorf("unknown step %q", spec.Uses)), nil
	}
	config, err := env.config(spec)
	if err != nil {
		return failedResult(err), nil
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(x.e.StepTimeout, 5*time.Minute))
	defer cancel()
	if def.Kind() != step.Remote {
		if res, err := x.workspace(ctx, i); err != nil || res != nil {
			return deref(res), err
		}
	}
	res, err := def.Run(ctx, x.stepEnv(i, attempt, prior, false), config)
	if err != nil {
		return res, err
	}
	if def.Kind() == step.Workspace && (res.Phase == pipeline.Succeeded || res.Phase == pipeline.Skipped) {
		x.built = i + 1
	} else if def.Kind() == step.Workspace {
		x.ws = nil // a half-done step may have left anything
	}
	return res, nil
}

// workspace rebuilds the Workspace up to step i by replaying the Workspace steps
// before it. A result other than nil stands for step i itself, which cannot run
// now.
func (x *execution) workspace(ctx context.Context, i int) (*pipeline.StepResult, error) {
	if x.ws == nil {
		x.ws, x.built = tree.NewWorkspace(), 0
	}
	for ; x.built < i; x.built++ {
		j := x.built
		s, spec := x.p.Steps[j], x.p.Stage.Steps[j]
		def, ok := x.e.Steps.Lookup(spec.Uses)
		if !ok || def.Kind() != step.Workspace || s.Attempts == 0 || (s.Phase != pipeline.Succeeded && s.Phase != pipeline.Skipped) {
			continue
		}
		env, err := x.exprEnv(ctx, j)
		if err != nil {
			return nil, err
		}
		config, err := env.config(spec)
		if err != nil {
			return nil, fmt.Errorf("replay %s: %w", spec.As, err)
		}
		res, err := def.Run(ctx, x.stepEnv(j, s.Attempts, s.Output, true), config)
		switch {
		case err != nil:
			return nil, err
		case res.Phase == pipeline.Succeeded || res.Phase == pipeline.Skipped:
		default:
			x.ws = nil
			res.Message = fmt.Sprintf("replay of %s: %s", spec.As, res.Message)
			return &res, nil
		}
	}
	return nil, nil //nolint:nilnil // "ready" has neither a result nor an error
}

func (x *execution) stepEnv(i, attempt int, prior []byte, replaying bool) step.Env {
	return step.Env{
		Ports: x.e.Ports, Promotion: x.p, Index: i, Workspace: x.ws,
		Attempt: attempt, Prior: prior, Replaying: replaying,
		Log: x.log.With("step", x.p.Stage.Steps[i].As),
	}
}

// rewind starts over from the first step that reads a repository.
func (x *execution) rewind(ctx context.Context, i int, why *step.RewindError) error {
	p, now := x.p, x.e.Ports.Now()
	first := -1
	for j := range p.Stage.Steps[:i+1] {
		if p.Stage.Steps[j].Uses == "git-clone" {
			first = j
			break
		}
	}
	if first < 0 || p.Rewinds >= maxRewinds {
		p.Apply(i, pipeline.StepResult{
			Phase: pipeline.Failed, Terminal: true,
			Message: fmt.Sprintf("%s (after %d new starts); close the pull request and promote again", why.Reason, p.Rewinds),
		}, now)
		return x.save(ctx)
	}
	x.log.Info("promotion starts over", "reason", why.Reason)
	p.Rewind(first, why.Reason)
	x.ws = nil
	return x.save(ctx)
}

// abort carries out a requested abort unless the pull request has been merged
// meanwhile, in which case the Promotion goes on to its end.
func (x *execution) abort(ctx context.Context) (bool, error) {
	p := x.p
	if pull := p.Pull(); pull.Number != 0 {
		pr, err := x.e.Ports.Pulls.Get(ctx, x.e.repoURL(p), pull.Number)
		if err != nil {
			return false, fmt.Errorf("abort %s: %w", p.ID, err)
		}
		if pr.Merged {
			x.log.Info("abort comes too late", "pr", pull.Number)
			return false, nil
		}
		if err := x.e.Ports.Pulls.Close(ctx, x.e.repoURL(p), pull.Number, p.AbortRequested); err != nil {
			return false, fmt.Errorf("abort %s: %w", p.ID, err)
		}
	} else if err := x.adoptForAbort(ctx); err != nil {
		return false, err
	}
	p.Abort(x.e.Ports.Now(), p.AbortRequested)
	x.log.Info("promotion aborted", "reason", p.AbortRequested)
	if err := x.l.Finish(ctx, *p); err != nil {
		return false, fmt.Errorf("abort %s: %w", p.ID, err)
	}
	return true, nil
}

// adoptForAbort closes a pull request that was opened just before a crash kept
// it from being recorded.
func (x *execution) adoptForAbort(ctx context.Context) error {
	branch := x.p.OwnBranch()
	i := x.p.Next()
	if branch == "" || i < 0 || x.p.Stage.Steps[i].Uses != "git-open-pr" || x.p.Steps[i].Attempts == 0 {
		return nil
	}
	base, err := x.e.DefaultBranch(ctx, x.p.Repo)
	if err != nil {
		return fmt.Errorf("abort %s: %w", x.p.ID, err)
	}
	pr, err := x.e.Ports.Pulls.ByHead(ctx, x.e.repoURL(x.p), branch, base)
	switch {
	case errors.Is(err, step.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("abort %s: %w", x.p.ID, err)
	case pr.Open:
		return x.e.Ports.Pulls.Close(ctx, x.e.repoURL(x.p), pr.Number, x.p.AbortRequested)
	}
	return nil
}

func (x *execution) finish(ctx context.Context) error {
	x.p.Finish(x.e.Ports.Now())
	if err := x.l.Finish(ctx, *x.p); err != nil {
		return fmt.Errorf("finish %s: %w", x.p.ID, err)
	}
	x.log.Info("promotion ended", "phase", string(x.p.Phase), "message", x.p.Message)
	return nil
}

func (x *execution) save(ctx context.Context) error {
	if err := x.l.Save(ctx, *x.p); err != nil {
		return fmt.Errorf("record %s: %w", x.p.ID, err)
	}
	return nil
}

// repoURL is the clone URL of the Promotion's own repository.
func (e *Engine) repoURL(p *pipeline.Promotion) string {
	return e.ServerURL + "/" + p.Repo.String() + ".git"
}

func failedResult(err error) pipeline.StepResult {
	return pipeline.StepResult{Phase: pipeline.Errored, Terminal: true, Message: err.Error()}
}

func deref(r *pipeline.StepResult) pipeline.StepResult {
	if r == nil {
		return pipeline.StepResult{}
	}
	return *r
}

// earlier returns the earlier of two times, ignoring zero ones.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// DefaultTimeout is how long a step that is not done is looked at again.
const DefaultTimeout = 30 * time.Second

// Options say what is tried, and on what.
type Options struct {
	Dir     string
	Steps   Steps
	Context Context
	// DryRun leaves the directory and all Git repositories as they are.
	DryRun bool
	// Timeout bounds the waiting for steps that are not done.
	Timeout time.Duration
	// Ports are those that do not depend on the directory; Git, Pulls, Gates,
	// Histories, Notes and PollInterval are set here.
	Ports step.Ports
	// ServerURL is the Git host, Credentials are for the repositories behind HTTP.
	ServerURL   string
	Credentials gitrepo.CredentialsFunc
	// Sleep waits in earnest.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
}

// pollInterval is what a step without one of its own waits for; patience looks again
// sooner.
const pollInterval = 10 * time.Second

// faults is how often in a row the outside may fail before a step is Errored.
const faults = 3

// Run tries the steps. What became of them is in the Result; the error is about the
// directory.
func Run(ctx context.Context, o Options) (Result, error) {
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = root.Close() }()
	registry, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return Result{}, err
	}
	t := &trial{o: o, dir: directory{root}}
	p := o.Context.promotion(o.Steps, t.repo())
	t.notes = newNotes(p.Collection)
	t.begin, t.before, err = t.load(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("read %s: %w", o.Dir, err)
	}
	remote := gitrepo.New(gitrepo.Options{AllowHTTP: func(string) bool { return true }, Credentials: o.Credentials})
	ports := o.Ports
	repositories := newGit(remote, ports.Now, o.DryRun)
	ports.Git, ports.Tags = repositories, tags{repositories}
	ports.Pulls, ports.Gates, ports.Histories = refusedHost{}, refusedHost{}, refusedHost{}
	ports.Notes, ports.PollInterval = t.notes, pollInterval
	engine := &promotion.Engine{
		Steps: registry, Ports: ports, ServerURL: o.ServerURL, Log: o.Log,
		DefaultBranch: func(context.Context, pipeline.Repo) (string, error) {
			return cmp.Or(o.Context.github("defaultBranch"), "main"), nil
		},
	}
	if o.Context.env.Secrets != nil {
		engine.Secrets = secrets(o.Context.env.Secrets)
	}
	patience := patience{now: ports.Now, sleep: o.Sleep, deadline: ports.Now().Add(o.Timeout)}
	ws, err := (&promotion.Trial{
		Engine: engine, Begin: t.workspace, Context: o.Context.given, Wait: patience.wait, Faults: faults,
	}).Run(ctx, &p)
	if err != nil {
		return Result{}, err
	}
	return t.result(ctx, &p, ws)
}

type trial struct {
	o     Options
	dir   directory
	notes *notes
	// begin is the Workspace that was loaded first, until it is used; before is the
	// tree of its files.
	begin  *tree.Workspace
	before tree.Hash
}

// repo is the repository that the steps believe to run in.
func (t *trial) repo() pipeline.Repo {
	if owner, name, ok := strings.Cut(t.o.Context.github("repository"), "/"); ok {
		return pipeline.Repo{Owner: owner, Name: name}
	}
	name := "trial"
	if abs, err := filepath.Abs(t.o.Dir); err == nil {
		name = filepath.Base(abs)
	}
	return pipeline.Repo{Owner: "local", Name: name}
}

func (t *trial) load(ctx context.Context) (*tree.Workspace, tree.Hash, error) {
	ws, err := t.dir.load(ctx)
	if err != nil {
		return nil, tree.Hash{}, err
	}
	before, _, err := ws.Scratch().Build(ctx)
	return ws, before, err
}

// workspace gives the Workspace that was loaded first, then new ones.
func (t *trial) workspace(ctx context.Context) (*tree.Workspace, error) {
	if ws := t.begin; ws != nil {
		t.begin = nil
		return ws, nil
	}
	ws, before, err := t.load(ctx)
	if err == nil && before != t.before {
		err = errors.New("somebody changed files while the steps ran")
	}
	return ws, err
}

func (t *trial) result(ctx context.Context, p *pipeline.Promotion, ws *tree.Workspace) (Result, error) {
	res := Result{
		Phase: p.Phase, Message: p.Message, Steps: make([]StepResult, len(p.Steps)),
		Metadata: t.notes.set, Aliases: t.notes.named,
	}
	for i, s := range p.Steps {
		out, err := output(s.Output)
		if err != nil {
			return Result{}, fmt.Errorf("output of %s: %w", p.Stage.Steps[i].As, err)
		}
		phase := cmp.Or(s.Phase, pipeline.Pending)
		if phase == pipeline.Running {
			res.Message = fmt.Sprintf("step %d (%s) is not done: %s", i+1, p.Stage.Steps[i].As, s.Message)
		}
		res.Steps[i] = StepResult{As: p.Stage.Steps[i].As, Uses: p.Stage.Steps[i].Uses, Phase: phase, Output: out, Message: s.Message}
	}
	if err := t.describe(ctx, ws, &res); err != nil {
		return Result{}, fmt.Errorf("compare the files: %w", err)
	}
	if t.o.DryRun {
		return res, nil
	}
	if err := t.write(ctx, ws); err != nil {
		return Result{}, fmt.Errorf("write the files: %w", err)
	}
	return res, nil
}

// describe says what became of the files, those of checkouts against the commit
// that was checked out or pushed last.
func (t *trial) describe(ctx context.Context, ws *tree.Workspace, res *Result) error {
	after, _, err := ws.Scratch().Build(ctx)
	if err != nil {
		return err
	}
	if err := t.add(ctx, res, ws.Scratch(), "", t.before, after); err != nil {
		return err
	}
	for _, at := range ws.Mounts() {
		c, err := ws.Checkout(at)
		if err != nil {
			return err
		}
		now, _, err := c.FS.Build(ctx)
		if err != nil {
			return err
		}
		if err := t.add(ctx, res, c.FS, at, c.HeadTree(), now); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) add(ctx context.Context, res *Result, f *tree.FS, at string, before, after tree.Hash) error {
	d, err := step.DescribeUnder(ctx, f, at, before, after)
	if err != nil {
		return err
	}
	res.Files = append(res.Files, d.Files...)
	res.Diff += d.Diff
	return nil
}

// write makes the directory hold what the Workspace holds.
func (t *trial) write(ctx context.Context, ws *tree.Workspace) error {
	after, _, err := ws.Scratch().Build(ctx)
	if err != nil {
		return err
	}
	if err := t.dir.store(ctx, ws.Scratch(), ".", t.before, after); err != nil {
		return err
	}
	if err := t.dir.tidy(ctx, ws.Scratch()); err != nil {
		return err
	}
	for _, at := range ws.Mounts() {
		c, err := ws.Checkout(at)
		if err != nil {
			return err
		}
		now, _, err := c.FS.Build(ctx)
		if err != nil {
			return err
		}
		if err := t.dir.mkdir(at); err != nil {
			return err
		}
		if err := t.dir.store(ctx, c.FS, at, tree.Hash{}, now); err != nil {
			return err
		}
	}
	return nil
}

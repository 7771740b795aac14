package renderer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/kargo-app/kargo/manifest/render"
)

// DefaultMemory is how many bytes a rendering may occupy by default.
const DefaultMemory = 1 << 30

// grace is how much longer than a child itself its parent waits.
const grace = 5 * time.Second

// Options configure a Renderer.
type Options struct {
	// Program is started for each rendering, with Args, and has to call [Serve]. Empty
	// means the running program.
	Program string
	Args    []string
	// Memory is how many bytes a rendering may occupy, 0 for [DefaultMemory].
	Memory int64
	// AtOnce is how many renderings run at the same time, 0 for as many as there are
	// processors; more wait for their turn.
	AtOnce int
	// MaxTime bounds a rendering, 0 for [render.MaxTime], which it cannot exceed.
	MaxTime time.Duration
}

// Renderer renders in processes of their own.
type Renderer struct {
	o     Options
	turns chan struct{}
}

// New returns a Renderer.
func New(o Options) *Renderer {
	o.Program = cmp.Or(o.Program, self())
	o.Memory = cmp.Or(o.Memory, DefaultMemory)
	o.MaxTime = cmp.Or(o.MaxTime, render.MaxTime+grace)
	return &Renderer{o: o, turns: make(chan struct{}, cmp.Or(o.AtOnce, runtime.NumCPU()))}
}

// self is the running program, the very file where the system can name it, so that an
// update of the program on disk does not mix versions.
func self() string {
	const link = "/proc/self/exe"
	if _, err := os.Readlink(link); err == nil {
		return link
	}
	if p, err := os.Executable(); err == nil {
		return p
	}
	return os.Args[0]
}

// Kustomize is [render.Kustomize].
func (r *Renderer) Kustomize(ctx context.Context, files fs.FS, k render.Kustomization) (render.Build, error) {
	h := &host{files: files, charts: k.Charts, remotes: k.Remotes}
	k.Charts, k.Remotes = nil, nil
	o, err := r.run(ctx, h, job{Kustomization: &k})
	return value(o.Build), err
}

// Helm is [render.Helm].
func (r *Renderer) Helm(ctx context.Context, files fs.FS, t render.Template) (render.Release, error) {
	charts := t.Charts
	t.Charts = nil
	o, err := r.run(ctx, &host{files: files, charts: charts}, job{Template: &t})
	return value(o.Release), err
}

// UpdateDependencies is [render.UpdateDependencies].
func (r *Renderer) UpdateDependencies(ctx context.Context, files fs.FS, u render.Update) (render.Updated, error) {
	charts := u.Charts
	u.Charts = nil
	o, err := r.run(ctx, &host{files: files, charts: charts}, job{Update: &u})
	return value(o.Updated), err
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// run has a child do a job, and returns when the child is gone.
func (r *Renderer) run(ctx context.Context, h *host, j job) (outcome, error) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, r.o.MaxTime, fmt.Errorf("rendering took more than %s", r.o.MaxTime))
	defer cancel()
	j.Charts, j.Remotes, j.Memory = h.charts != nil, h.remotes != nil, uint64(r.o.Memory) //nolint:gosec // positive

	cmd := exec.CommandContext(ctx, r.o.Program, r.o.Args...)
	cmd.Env = []string{}
	stderr := &head{left: 64 << 10}
	cmd.Stderr = stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return outcome{}, fmt.Errorf("start the renderer: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return outcome{}, fmt.Errorf("start the renderer: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return outcome{}, fmt.Errorf("start the renderer: %w", err)
	}
	o, talkErr := talk(ctx, h, j, in, out)
	if talkErr == nil {
		// It has nothing to do any more but to end.
		_ = cmd.Process.Kill()
	}
	_ = in.Close()
	waitErr := cmd.Wait()
	switch {
	case talkErr == nil && o.Fault != nil:
		return outcome{}, o.Fault.in(h.given)
	case talkErr == nil:
		return o, nil
	case ctx.Err() != nil:
		return outcome{}, context.Cause(ctx)
	}
	return outcome{}, r.ended(waitErr, talkErr, stderr.String())
}

// talk sends the job and answers questions until the outcome comes.
func talk(ctx context.Context, h *host, j job, in io.Writer, out io.Reader) (outcome, error) {
	w := bufio.NewWriter(in)
	enc, dec := gob.NewEncoder(w), gob.NewDecoder(out)
	send := func(v any) error {
		if err := enc.Encode(v); err != nil {
			return err
		}
		return w.Flush()
	}
	if err := send(j); err != nil {
		return outcome{}, err
	}
	for {
		var s said
		if err := dec.Decode(&s); err != nil {
			return outcome{}, err
		}
		switch {
		case s.Outcome != nil:
			return *s.Outcome, nil
		case s.Question == nil:
			return outcome{}, errQuestion
		}
		if err := send(h.answer(ctx, s.Question)); err != nil {
			return outcome{}, err
		}
	}
}

// ended says why a child ended without an outcome.
func (r *Renderer) ended(wait, talk error, stderr string) error {
	var exit *exec.ExitError
	switch {
	case wait == nil:
		return errors.New("the renderer ended without a result")
	case !errors.As(wait, &exit):
		return fmt.Errorf("the renderer cannot be understood: %w", talk)
	case exit.ExitCode() == exitMemory:
		return fmt.Errorf("it takes more than %d MiB of memory to render", r.o.Memory>>20)
	case exit.ExitCode() < 0:
		return fmt.Errorf("the renderer was stopped (%w): the machine may be short of memory", exit)
	}
	for line := range strings.Lines(stderr) {
		for _, word := range []string{"fatal error: ", "panic: "} {
			if what, ok := strings.CutPrefix(strings.TrimSpace(line), word); ok {
				return fmt.Errorf("the renderer crashed: %s", what)
			}
		}
	}
	return fmt.Errorf("the renderer ended without a result (%w)", exit)
}

// head keeps the first bytes that are written to it.
type head struct {
	bytes.Buffer
	left int
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	kept := min(h.left, len(p))
	h.left -= kept
	h.Buffer.Write(p[:kept])
	return len(p), nil
}

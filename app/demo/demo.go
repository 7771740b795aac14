package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options are what Run needs.
type Options struct {
	// Addr is where the page is served. With Fallback a free port is taken when it
	// is in use.
	Addr     string
	Fallback bool
	// Once plays the scenario to its end and stops; Timeout bounds that.
	Once    bool
	Timeout time.Duration
	// DataDir keeps what the demo stores, and must be empty or missing; by default
	// a temporary directory is removed at the end.
	DataDir string
	// Out receives the timeline. Watched says that it is a terminal on which lines
	// can be overwritten, Color that it may be coloured.
	Out            io.Writer
	Watched, Color bool
	// Log receives the log of the server and the simulator.
	Log *slog.Logger
}

// errFinished ends everything else when the scenario is over.
var errFinished = errors.New("finished")

// Run runs the demo until ctx ends, or with Options.Once until the scenario is
// over. It returns nil when it was stopped, and with Once only when everything
// came out as promised. Everything it started has ended when it returns.
func Run(ctx context.Context, o Options) (err error) {
	dir, remove, err := dataDir(o.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	page, fell, err := listen(ctx, o.Addr, o.Fallback)
	if err != nil {
		return err
	}
	pageURL := "http://" + page.Addr().String()
	w, err := newWorld(ctx, dir, pageURL, o.Log)
	if err != nil {
		return errors.Join(err, page.Close())
	}
	t := &terminal{out: o.Out, watched: o.Watched, color: o.Color}
	defer t.finish()
	if fell {
		t.line("%s is in use, so the page has another address.", o.Addr)
	}
	t.line("Demo ready → %s\nGit clone  → git clone %s\n", pageURL, w.github.CloneURL(configRepo))

	watch := newObserver(w, t.facts)
	view, err := newPage(w, watch)
	if err != nil {
		return errors.Join(err, page.Close())
	}
	play := &script{world: w, observer: watch, terminal: t}
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return w.run(running) })
	group.Go(func() error { return watch.run(running) })
	group.Go(func() error { return serve(running, page, view) })
	group.Go(func() error {
		if o.Once {
			return play.once(running, o.Timeout)
		}
		return play.forever(running)
	})
	err = group.Wait()
	switch {
	case errors.Is(err, errFinished):
		return nil
	case ctx.Err() != nil && o.Once:
		return errors.New("stopped before the scenario was over")
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// once plays everything and ends with errFinished.
func (s *script) once(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%s passed", timeout))
	defer cancel()
	for _, part := range []func(context.Context) error{s.opening, s.whole} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	if err := s.summarize(); err != nil {
		return err
	}
	return errFinished
}

// forever plays the part that needs nobody and then says what is left to do.
func (s *script) forever(ctx context.Context) error {
	err := s.opening(ctx)
	if err == nil {
		var number int
		if number, err = s.staged(ctx); err == nil {
			s.terminal.line("\nprod waits for you: comment \"/promote prod\" on %s/?pr=%d as ana, then approve as ben. Ctrl-C stops.\n", s.world.pageURL, number)
			<-ctx.Done()
		}
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was told to stop
	}
	return err
}

// dataDir prepares the directory for everything that is stored; remove undoes
// what it made unless the directory was asked for.
func dataDir(dir string) (name string, remove func() error, err error) {
	if dir == "" {
		if name, err = os.MkdirTemp("", "kargo-demo-"); err != nil {
			return "", nil, err
		}
		return name, func() error { return os.RemoveAll(name) }, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, err
	}
	if len(entries) > 0 {
		return "", nil, fmt.Errorf("%s is not empty: the demo starts from nothing", dir)
	}
	return dir, func() error { return nil }, nil
}

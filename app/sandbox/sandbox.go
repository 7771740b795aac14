package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental/sysfs"
	"github.com/tetratelabs/wazero/sys"

	"github.com/kargo-app/kargo/pipeline/step"
)

// atOnce is how many programs run at the same time; more wait for their turn.
const atOnce = 2

// Sandbox runs programs.
type Sandbox struct {
	turns    chan struct{}
	programs programs
}

var _ step.Sandbox = (*Sandbox)(nil)

// New returns a Sandbox. It holds compiled programs until Close.
func New() *Sandbox {
	return &Sandbox{turns: make(chan struct{}, atOnce)}
}

// Close lets go of all compiled programs. Programs must not run any more.
func (s *Sandbox) Close(ctx context.Context) error { return s.programs.close(ctx) }

// outputError stops a program that writes too much.
type outputError struct{ limit int }

func (e *outputError) Error() string {
	return fmt.Sprintf("it wrote more than %d bytes to standard output", e.limit)
}

var errTimeout = errors.New("time is up")

// Run implements [step.Sandbox].
func (s *Sandbox) Run(ctx context.Context, p step.Program) (step.ProgramResult, error) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return step.ProgramResult{}, context.Cause(ctx)
	}
	prog, err := s.programs.get(ctx, p.Module, p.MemoryMiB)
	if err != nil {
		if ctx.Err() != nil {
			return step.ProgramResult{}, context.Cause(ctx)
		}
		return step.ProgramResult{}, &step.ProgramError{Err: fmt.Errorf("it is no WebAssembly program that can be run here: %s", firstLine(err))}
	}
	defer s.programs.release(prog) //nolint:contextcheck // it is given back whatever became of the context

	within, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	within, cancel := context.WithTimeoutCause(within, p.Timeout, errTimeout)
	defer cancel()

	stdout := &capped{limit: p.MaxOutput, full: func() { stop(&outputError{p.MaxOutput}) }}
	stderr := &capped{limit: p.MaxErrors}
	files := newFileSystem(within, p.Files, func(err error) { stop(err) })
	config := wazero.NewModuleConfig().WithName("").WithArgs(append([]string{"program"}, p.Args...)...).
		WithStdin(strings.NewReader(string(p.Stdin))).WithStdout(stdout).WithStderr(stderr).
		WithFSConfig(wazero.NewFSConfig().(sysfs.FSConfig).WithSysFSMount(files, "/"))
	for _, key := range slices.Sorted(maps.Keys(p.Env)) {
		config = config.WithEnv(key, p.Env[key])
	}
	config = new(clock).install(config)
	module, err := prog.runtime.InstantiateModule(within, prog.compiled, config)
	if module != nil {
		_ = module.Close(context.WithoutCancel(ctx)) // it ran to its end
	}
	res := step.ProgramResult{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	flushErr := files.flush()
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	var exit *sys.ExitError
	switch cause := context.Cause(within); {
	case files.fault() != nil:
		return res, files.fault()
	case cause != nil:
		return res, stopped(cause, p, res)
	case errors.As(err, &exit):
		res.ExitCode = exit.ExitCode()
	case err != nil:
		return res, &step.ProgramError{Err: fmt.Errorf("it crashed: %s", firstLine(err)), Stderr: res.Stderr}
	}
	if res.ExitCode == 0 && flushErr != nil {
		return res, flushErr
	}
	return res, nil
}

// stopped says why a program was stopped.
func stopped(cause error, p step.Program, res step.ProgramResult) error {
	out := &step.ProgramError{Err: cause, Stderr: res.Stderr}
	if errors.Is(cause, errTimeout) {
		out.TimedOut = true
		out.Err = fmt.Errorf("it ran for more than %s; give it more with timeout", p.Timeout)
	}
	return out
}

// firstLine is the part of wazero's errors that does not show its insides.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

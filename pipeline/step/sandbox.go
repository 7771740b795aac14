package step

import (
	"context"
	"errors"
	"time"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Sandbox runs programs that pipelines bring along, which may be hostile.
type Sandbox interface {
	// Run runs a WebAssembly program (WASI preview 1) to its end. It sees Files as its
	// file system, Stdin, Args and Env, and nothing else: no network, a clock that
	// stands at a fixed time and moves with each look at it, and random numbers that are
	// the same each time. So it does the same each time.
	//
	// A *ProgramError means that the program cannot be run or did what it may not; the
	// errors of Files and of ctx are returned as they are. Whatever the error, Files may
	// hold half of what the program meant to write.
	Run(ctx context.Context, p Program) (ProgramResult, error)
}

// Program is a program to run in a Sandbox, and its limits.
type Program struct {
	// Module is the WebAssembly binary.
	Module []byte
	Files  *tree.Workspace
	Stdin  []byte
	// Args come after the program's name, Env is its whole environment.
	Args []string
	Env  map[string]string
	// Timeout bounds the run, without the time that compiling the program takes.
	Timeout time.Duration
	// MemoryMiB bounds the program's memory.
	MemoryMiB int
	// MaxOutput bounds standard output, in bytes; more is an error. What is written to
	// standard error beyond MaxErrors is dropped.
	MaxOutput, MaxErrors int
}

// ProgramResult is what a program that came to its end left beside files.
type ProgramResult struct {
	ExitCode       uint32
	Stdout, Stderr []byte
}

// ProgramError says why a program did not come to its end.
type ProgramError struct {
	Err error
	// Stderr is what it had written to standard error.
	Stderr []byte
	// TimedOut is true when it ran into its Timeout, which may not happen again.
	TimedOut bool
}

// Error implements error.
func (e *ProgramError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ProgramError) Unwrap() error { return e.Err }

var errNoSandbox = &PermanentError{errors.New("programs cannot be run here")}

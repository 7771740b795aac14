package step

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/kargo-app/kargo/pipeline"
)

// RunConfig configures run.
type RunConfig struct {
	Module   string            `json:"module,omitempty" doc:"path of the WebAssembly module in the workspace; give this or imageRef"`
	ImageRef string            `json:"imageRef,omitempty" doc:"OCI artifact whose layer is the module, by digest: REPOSITORY@sha256:..."`
	Input    json.RawMessage   `json:"input,omitempty" doc:"what the program reads as JSON from standard input; default {}"`
	Args     []string          `json:"args,omitempty" doc:"arguments of the program"`
	Env      map[string]string `json:"env,omitempty" doc:"environment variables of the program, which has no others"`
	Timeout  pipeline.Duration `json:"timeout,omitempty" doc:"how long the program may run; default 30s, at most 4m"`
	Memory   *int              `json:"memoryMiB,omitempty" doc:"memory that the program may have, in MiB; default 256, at most 512"`
}

// Bounds of run.
const (
	defaultRunTimeout = 30 * time.Second
	maxRunTimeout     = 4 * time.Minute // within the time of one pass over a step
	defaultRunMemory  = 256
	maxRunMemory      = 512
	// maxModule bounds a module, in bytes.
	maxModule = 32 << 20
	maxInput  = 1 << 20
	maxStdout = 256 << 10
	maxStderr = 4 << 10
)

func run() Definition {
	return Define("run", Workspace, Doc{
		Summary: `Runs a WebAssembly program (WASI preview 1) of your own on the files of the workspace.

The program comes from the workspace or, by digest, from a registry; its artifact's first layer is
the module. It reads ` + "`input`" + ` as one JSON value from standard input and finds the workspace as its
root and working directory, to read and to write. What it writes to standard output, one
JSON object or nothing, is the output of the step (at most 256 KiB). Standard error is the message
when it fails (the first 4 KiB).

It has no network, no secrets, no environment but ` + "`env`" + `, a clock that starts at the same
time whenever it runs, and random numbers that are always the same, because it is run
again to rebuild the workspace after a restart and must then do the same. It may write 256 MiB; files that it makes are not executable.

Exit code 0 is success. Any other fails the step, which is tried again as ` + "`retry`" + ` says. A
module that is none, a crash, too much output and output that is no JSON object are errors
for good, because the same would happen again; running out of time is an error that is
tried again. Files that a program wrote before it failed are gone. Go builds such programs with
` + "`GOOS=wasip1 GOARCH=wasm go build`" + `. This step is ours; Kargo's custom steps run containers.`,
		Example: `
uses: run
as: notes
config:
  module: src/tools/notes.wasm
  input:
    version: ${{ ctx.targetFreight.version }}
`,
	}, runProgram)
}

// Validate implements the rules over several fields.
func (c RunConfig) Validate() error {
	timeout := time.Duration(c.Timeout)
	switch {
	case countSet(c.Module, c.ImageRef) != 1:
		return errors.New("give one of module and imageRef")
	case timeout < 0 || timeout > maxRunTimeout:
		return fmt.Errorf("timeout must be positive and at most %s", maxRunTimeout)
	case c.Memory != nil && (*c.Memory < 1 || *c.Memory > maxRunMemory):
		return fmt.Errorf("memoryMiB must be from 1 to %d", maxRunMemory)
	case len(c.Input) > maxInput:
		return fmt.Errorf("input has more than %d bytes", maxInput)
	case slices.ContainsFunc(c.Args, hasNUL):
		return errors.New("args must not hold a NUL")
	}
	for key, value := range c.Env {
		if key == "" || strings.Contains(key, "=") || hasNUL(key) || hasNUL(value) {
			return fmt.Errorf("env: %q is not the name of a variable, or its value holds a NUL", key)
		}
	}
	if c.ImageRef != "" && !byDigest(c.ImageRef) {
		return errors.New("imageRef must name a digest, REPOSITORY@sha256:...: a tag could mean another program tomorrow")
	}
	return nil
}

func hasNUL(s string) bool { return strings.ContainsRune(s, 0) }

func runProgram(ctx context.Context, env Env, c RunConfig) (map[string]any, error) {
	if env.Sandbox == nil {
		return nil, errNoSandbox
	}
	module, err := c.load(ctx, env)
	if err != nil {
		return nil, err
	}
	p := Program{
		Module: module, Files: env.Workspace, Stdin: []byte("{}"), Args: c.Args, Env: c.Env,
		Timeout: defaultRunTimeout, MemoryMiB: defaultRunMemory, MaxOutput: maxStdout, MaxErrors: maxStderr,
	}
	if len(c.Input) > 0 {
		p.Stdin = c.Input
	}
	if c.Timeout > 0 {
		p.Timeout = time.Duration(c.Timeout)
	}
	if c.Memory != nil {
		p.MemoryMiB = *c.Memory
	}
	res, err := env.Sandbox.Run(ctx, p)
	var stopped *ProgramError
	switch {
	case errors.As(err, &stopped) && stopped.TimedOut:
		return nil, withStderr(err, stopped.Stderr)
	case errors.As(err, &stopped):
		return nil, &PermanentError{withStderr(err, stopped.Stderr)}
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", c.name(), err)
	case res.ExitCode != 0:
		return nil, &FailedError{Err: failure(res)}
	}
	if said := readable(res.Stderr); said != "" {
		env.Log.InfoContext(ctx, "program", "stderr", said)
	}
	out, err := object(res.Stdout)
	if err != nil {
		return nil, &PermanentError{fmt.Errorf("standard output of %s is not one JSON object: %w", c.name(), err)}
	}
	return out, nil
}

// load reads the module.
func (c RunConfig) load(ctx context.Context, env Env) ([]byte, error) {
	if c.Module != "" {
		data, err := env.Workspace.ReadFile(ctx, c.Module)
		if err != nil {
			return nil, fmt.Errorf("module: %w", err)
		}
		if len(data) > maxModule {
			return nil, &PermanentError{fmt.Errorf("module %s has more than %d MiB", c.Module, maxModule>>20)}
		}
		return data, nil
	}
	if env.Artifacts == nil {
		return nil, errNoArtifacts
	}
	data, err := env.Artifacts.Layer(ctx, env.Promotion.Repo, Layer{Ref: c.ImageRef, MaxBytes: maxModule})
	if err != nil {
		return nil, fmt.Errorf("module: %w", err)
	}
	return data, nil
}

func (c RunConfig) name() string {
	if c.Module != "" {
		return c.Module
	}
	return c.ImageRef
}

func failure(res ProgramResult) error {
	if said := readable(res.Stderr); said != "" {
		return errors.New(said)
	}
	return fmt.Errorf("the program ended with exit code %d and said nothing on standard error", res.ExitCode)
}

func withStderr(err error, stderr []byte) error {
	if said := readable(stderr); said != "" {
		return fmt.Errorf("%w; it said: %s", err, said)
	}
	return err
}

// readable is text of a program without what controls a terminal.
func readable(b []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), "")))
}

// object reads one JSON object; nothing at all is none.
func object(data []byte) (map[string]any, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		return nil, err
	}
	if out == nil {
		return nil, errors.New("it is null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows it")
	}
	return out, nil
}

package step_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

const moduleDigest = "ghcr.io/acme/notes@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestRunTellsWhatBecameOfTheProgram(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config   config
		res      step.ProgramResult
		err      error
		phase    pipeline.Phase
		terminal bool
		message  string
		output   string
	}{
		"one object on standard output is the output": {
			res: step.ProgramResult{Stdout: []byte(`{"n": 12345678901234567890}` + "\n")}, phase: pipeline.Succeeded, output: `{"n":12345678901234567890}`,
		},
		"nothing on it is no output": {res: step.ProgramResult{Stdout: []byte(" \n")}, phase: pipeline.Succeeded},
		"anything else is an error for good": {
			res: step.ProgramResult{Stdout: []byte(`[1]`)}, phase: pipeline.Errored, terminal: true, message: "standard output of src/README.md is not one JSON object",
		},
		"and so are two objects": {
			res: step.ProgramResult{Stdout: []byte(`{} {}`)}, phase: pipeline.Errored, terminal: true, message: "something follows it",
		},
		"an exit code fails with what it said": {
			res: step.ProgramResult{ExitCode: 3, Stderr: []byte("no such stage\x1b[31m\n")}, phase: pipeline.Failed, message: "no such stage[31m",
		},
		"or with the code": {
			res: step.ProgramResult{ExitCode: 3}, phase: pipeline.Failed, message: "the program ended with exit code 3",
		},
		"a crash is an error for good": {
			err: &step.ProgramError{Err: errors.New("it crashed: unreachable"), Stderr: []byte("panic: boom")}, phase: pipeline.Errored, terminal: true,
			message: "it crashed: unreachable; it said: panic: boom",
		},
		"too much time is one that is tried again": {
			err: &step.ProgramError{Err: errors.New("it ran for more than 30s"), TimedOut: true}, phase: pipeline.Errored, message: "it ran for more than 30s",
		},
		"what kept files from being read is what it is": {
			err: &pipeline.TransientError{Err: errors.New("HTTP 503")}, phase: pipeline.Running, message: "HTTP 503",
		},
		"a module that does not exist": {
			config: config{"module": "src/nothing.wasm"}, phase: pipeline.Errored, message: "module: read src/nothing.wasm: file does not exist",
		},
		"an artifact that does not exist": {
			config: config{"imageRef": moduleDigest}, phase: pipeline.Errored, message: "not found",
		},
		"a tag is no program": {
			config: config{"imageRef": "ghcr.io/acme/notes:1"}, phase: pipeline.Failed, terminal: true, message: "imageRef must name a digest",
		},
		"neither": {config: config{}, phase: pipeline.Failed, terminal: true, message: "give one of module and imageRef"},
		"too long": {
			config: config{"module": "a", "timeout": "5m"}, phase: pipeline.Failed, terminal: true, message: "timeout must be positive and at most 4m0s",
		},
		"too much": {
			config: config{"module": "a", "memoryMiB": 4096}, phase: pipeline.Failed, terminal: true, message: "memoryMiB must be from 1 to 512",
		},
		"a variable without a name": {
			config: config{"module": "a", "env": config{"A=B": "c"}}, phase: pipeline.Failed, terminal: true, message: `env: "A=B" is not the name of a variable`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tt.config
			if c == nil {
				c = config{"module": "src/README.md"}
			}
			b := newBench(t, promotion()[0], use("run", c))
			b.world.Sandbox.Program = func(context.Context, step.Program) (step.ProgramResult, error) { return tt.res, tt.err }
			b.upTo(1)
			res := b.run(1)
			if res.Phase != tt.phase || res.Terminal != tt.terminal || !strings.Contains(res.Message, tt.message) || string(res.Output) != tt.output {
				t.Errorf("got %s, terminal %v, output %s: %s", res.Phase, res.Terminal, res.Output, res.Message)
			}
		})
	}
}

func TestRunGivesTheProgramItsConfig(t *testing.T) {
	t.Parallel()
	var got step.Program
	b := newBench(t, use("run", config{
		"imageRef": moduleDigest, "input": config{"a": 1}, "args": []any{"x"}, "env": config{"K": "V"}, "timeout": "10s", "memoryMiB": 16,
	}))
	b.world.Artifacts.Layers[moduleDigest] = []byte("\x00asm")
	b.world.Sandbox.Program = func(_ context.Context, p step.Program) (step.ProgramResult, error) {
		got = p
		return step.ProgramResult{}, nil
	}
	if res := b.run(0); res.Phase != pipeline.Succeeded {
		t.Fatal(res.Message)
	}
	if got.Files != b.ws {
		t.Error("the program does not see the workspace")
	}
	got.Files = nil
	want := step.Program{
		Module: []byte("\x00asm"), Stdin: []byte(`{"a":1}`), Args: []string{"x"}, Env: map[string]string{"K": "V"},
		Timeout: 10 * time.Second, MemoryMiB: 16, MaxOutput: 256 << 10, MaxErrors: 4 << 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package sandbox_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/sandbox"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/tree"
)

// built are the programs of the tests, each built once.
type built struct {
	once sync.Once
	data []byte
	err  error
}

var hostile, example built

// program builds a Go program as its README says.
func (b *built) program(t *testing.T, dir string) []byte {
	t.Helper()
	b.once.Do(func() {
		tmp, err := os.MkdirTemp("", "kargo-wasm") //nolint:usetesting // it is built once for all tests
		if err != nil {
			b.err = err
			return
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		out := filepath.Join(tmp, "program.wasm")
		cmd := exec.Command("go", "build", "-o", out, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOWORK=off")
		if text, err := cmd.CombinedOutput(); err != nil {
			b.err = errors.New(err.Error() + ": " + string(text))
			return
		}
		b.data, b.err = os.ReadFile(out)
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.data
}

func module(t *testing.T) []byte {
	t.Helper()
	return hostile.program(t, "testdata/hostile")
}

type bench struct {
	t   *testing.T
	box *sandbox.Sandbox
	ws  *tree.Workspace
}

func newBench(t *testing.T, files map[string]string) *bench {
	t.Helper()
	b := &bench{t: t, box: shared(t), ws: tree.NewWorkspace()}
	for name, data := range files {
		if err := b.ws.WriteFile(t.Context(), name, []byte(data), 0); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

var (
	boxOnce sync.Once
	box     *sandbox.Sandbox
)

// shared is one Sandbox for all tests, so that each program is compiled once.
func shared(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	boxOnce.Do(func() { box = sandbox.New() })
	return box
}

func (b *bench) run(args ...string) (step.ProgramResult, error) {
	b.t.Helper()
	return b.box.Run(b.t.Context(), step.Program{
		Module: module(b.t), Files: b.ws, Stdin: []byte(`{"a":1}`), Args: args, Env: map[string]string{"B": "2", "A": "1"},
		Timeout: time.Minute, MemoryMiB: 64, MaxOutput: 4096, MaxErrors: 100,
	})
}

func (b *bench) files() map[string]string {
	b.t.Helper()
	out := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		infos, err := b.ws.ReadDir(b.t.Context(), dir)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, i := range infos {
			p := filepath.ToSlash(filepath.Join(dir, i.Name))
			switch {
			case i.Mode.IsDir():
				walk(p)
			default:
				data, err := b.ws.ReadFile(b.t.Context(), p)
				if err != nil {
					b.t.Fatal(err)
				}
				out[p] = string(data)
			}
		}
	}
	walk(".")
	return out
}

func TestProgramSeesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"dir/file": "hello"})
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"its input", `{"a":1}`, []string{"stdin"}},
		{"its environment and no other", "A=1 B=2", []string{"env"}},
		{"the files of the workspace", "hello", []string{"read", "dir/file"}},
		{"which is its root", "hello", []string{"read", "/dir/file"}},
		{"and all there is above it", "hello", []string{"read", "../../../dir/file"}},
	} {
		res, err := b.run(tt.args...)
		if err != nil || res.ExitCode != 0 || string(res.Stdout) != tt.want {
			t.Errorf("%s: %q, exit code %d, %v (%s)", tt.name, res.Stdout, res.ExitCode, err, res.Stderr)
		}
	}
}

func TestProgramWorksOnFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"gone/x": "", "kept": "k"})
	res, err := b.run("work")
	if err != nil || res.ExitCode != 0 {
		t.Fatalf("exit code %d, %v: %s", res.ExitCode, err, res.Stderr)
	}
	if want := ". kept link log moved moved/c moved/c/one moved/run"; string(res.Stdout) != want {
		t.Errorf("it saw %q, want %q", res.Stdout, want)
	}
	got := b.files()
	for name, data := range map[string]string{"kept": "k", "log": "x", "moved/c/one": "1", "moved/run": "#!", "link": "#!"} {
		if got[name] != data {
			t.Errorf("%s = %q, want %q", name, got[name], data)
		}
	}
	if names := slices.Sorted(maps.Keys(got)); len(names) != 5 {
		t.Errorf("files %v", names)
	}
	if i, err := b.ws.Lstat(t.Context(), "link"); err != nil || i.Mode != tree.ModeSymlink {
		t.Errorf("mode %v, %v", i.Mode, err)
	}
}

func TestHostileProgramsAreStopped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"output without end":         {[]string{"output"}, "it wrote more than 4096 bytes to standard output"},
		"a file without end":         {[]string{"fill"}, "it wrote more than 256 MiB to files"},
		"files without end":          {[]string{"open"}, "it opened more than 1024 files at once"},
		"memory without end":         {[]string{"memory"}, ""},
		"a crash":                    {[]string{"panic"}, ""},
		"a path outside":             {[]string{"read", "/etc/passwd"}, ""},
		"a path up and outside":      {[]string{"read", "../../../../etc/passwd"}, ""},
		"Git's own files":            {[]string{"write", ".git/config", "x"}, ""},
		"a link outside":             {[]string{"read", "escape"}, ""},
		"the network":                {[]string{"dial"}, ""},
		"a directory that is a file": {[]string{"write", "file/x", "x"}, ""},
	} {
		if name == "a file without end" && testing.Short() {
			continue // with the race detector it takes more than the minute it has
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, map[string]string{"file": ""})
			if err := b.ws.WriteFile(t.Context(), "escape", []byte("/../../etc/passwd"), tree.ModeSymlink); err != nil {
				t.Fatal(err)
			}
			res, err := b.run(tt.args...)
			var stopped *step.ProgramError
			switch {
			case tt.want == "":
				if err != nil || res.ExitCode == 0 {
					t.Errorf("exit code %d, error %v", res.ExitCode, err)
				}
			case !errors.As(err, &stopped) || stopped.TimedOut || err.Error() != tt.want:
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if len(res.Stderr) > 100 || len(res.Stdout) > 4096 {
				t.Errorf("kept %d bytes of output and %d of errors", len(res.Stdout), len(res.Stderr))
			}
		})
	}
}

func TestTimeIsLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	p := step.Program{Module: module(t), Files: b.ws, Args: []string{"loop"}, Timeout: 50 * time.Millisecond, MemoryMiB: 64, MaxOutput: 10, MaxErrors: 10}
	_, err := b.box.Run(t.Context(), p)
	var stopped *step.ProgramError
	if !errors.As(err, &stopped) || !stopped.TimedOut || !strings.Contains(err.Error(), "it ran for more than 50ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.Timeout = time.Minute
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := b.box.Run(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestSleepTakesNoTimeAndChanceIsTheSame(t *testing.T) {
	t.Parallel()
	var said []string
	for range 2 {
		b := newBench(t, nil)
		res, err := b.run("dice")
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, string(res.Stdout))
	}
	if said[0] != said[1] || said[0] == "" {
		t.Errorf("said %q, then %q", said[0], said[1])
	}
	// An hour of sleep is over at once.
	if res, err := newBench(t, nil).run("sleep"); err != nil || string(res.Stdout) != "{}" {
		t.Errorf("after an hour: %q, %v", res.Stdout, err)
	}
}

func TestExitCodeAndErrorsAreKept(t *testing.T) {
	t.Parallel()
	res, err := newBench(t, nil).run("exit", "sorry")
	if err != nil || res.ExitCode != 7 || string(res.Stderr) != "sorry" {
		t.Errorf("exit code %d, %q, %v", res.ExitCode, res.Stderr, err)
	}
	res, err = newBench(t, nil).run("errors")
	if err != nil || res.ExitCode != 3 || len(res.Stderr) != 100 {
		t.Errorf("exit code %d, %d bytes, %v", res.ExitCode, len(res.Stderr), err)
	}
}

func TestWhatIsNoProgramIsRefused(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("#!/bin/sh"), "an empty module": []byte("\x00asm\x01\x00\x00\x00"),
		"half a program": module(t)[:1000],
	} {
		_, err := shared(t).Run(t.Context(), step.Program{Module: data, Files: tree.NewWorkspace(), Timeout: time.Minute, MemoryMiB: 1})
		var stopped *step.ProgramError
		if !errors.As(err, &stopped) || !strings.HasPrefix(err.Error(), "it is no WebAssembly program that can be run here: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExampleDoesWhatItsReadmeSays(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"src/PROMOTIONS.md": "- prod: 1.9.2\n"})
	run := func() string {
		t.Helper()
		res, err := b.box.Run(t.Context(), step.Program{
			Module: example.program(t, "../../deploy/examples/wasm-step"), Files: b.ws,
			Stdin:   []byte(`{"file": "src/PROMOTIONS.md", "stage": "prod", "version": "1.9.3"}`),
			Timeout: time.Minute, MemoryMiB: 256, MaxOutput: 1 << 16, MaxErrors: 100,
		})
		if err != nil || res.ExitCode != 0 {
			t.Fatalf("exit code %d, %v: %s", res.ExitCode, err, res.Stderr)
		}
		return strings.TrimSpace(string(res.Stdout))
	}
	for range 2 {
		if diff := cmp.Diff(`{"commitMessage":"Note 1.9.3 in src/PROMOTIONS.md","lines":2}`, run()); diff != "" {
			t.Error(diff)
		}
		data, err := b.ws.ReadFile(t.Context(), "src/PROMOTIONS.md")
		if err != nil || string(data) != "- prod: 1.9.3\n- prod: 1.9.2\n" {
			t.Errorf("file %q, %v", data, err)
		}
	}
}

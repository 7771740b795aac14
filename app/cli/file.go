package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline/step"
)

const (
	defaultFile = ".kargo.yaml"
	// standardInput is the file name that means it, stdinName what it is called.
	standardInput = "-"
	stdinName     = "<stdin>"
)

// source is a .kargo.yaml as it was read.
type source struct {
	// name is what people call it.
	name string
	data []byte
	// file is nil when the problems make it unusable.
	file     *kargofile.File
	problems kargofile.Problems
}

// load reads and parses a .kargo.yaml.
func (e *env) load(name string) (source, error) {
	data, err := e.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return source{}, fmt.Errorf("%w\nrun kargo in the repository's root, or name the file", err)
	}
	if err != nil {
		return source{}, err
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return source{}, err
	}
	s := source{name: displayName(name), data: data}
	dir := filepath.Dir(name)
	s.file, s.problems = kargofile.Parse(data, kargofile.Options{Repo: app.RepositoryName(dir), DefaultBranch: app.DefaultBranch(dir), Steps: steps})
	return s, nil
}

// loadValid is load for commands that need a valid file. They do not mention
// warnings, which kargo validate is for.
func (e *env) loadValid(name string) (*kargofile.File, error) {
	s, err := e.load(name)
	if err != nil {
		return nil, err
	}
	if s.file == nil {
		return nil, e.invalid(s)
	}
	return s.file, nil
}

// invalid prints what is wrong with a file and returns the error that says so
// with its exit code alone.
func (e *env) invalid(s source) error {
	if err := s.problems.Render(e.errOut, s.name, s.data); err != nil {
		return err
	}
	return &exitError{code: exitInvalid, err: s.problems, quiet: true}
}

// readFile reads a file, or standard input for "-".
func (e *env) readFile(name string) ([]byte, error) {
	if name == standardInput {
		return io.ReadAll(e.in)
	}
	return os.ReadFile(name)
}

func displayName(name string) string {
	if name == standardInput {
		return stdinName
	}
	return name
}

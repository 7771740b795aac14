// Command wasm-step is a promotion step of one's own: it puts a line about a
// promotion at the top of a file of the workspace. See the README beside it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// input is what the step's config says under input.
type input struct {
	// File is a path in the workspace.
	File string `json:"file"`
	// Stage and Version say what was promoted where.
	Stage   string `json:"stage"`
	Version string `json:"version"`
}

// output is what later steps read as outputs.ALIAS.
type output struct {
	CommitMessage string `json:"commitMessage"`
	Lines         int    `json:"lines"`
}

func main() {
	out, err := run()
	if err != nil {
		// Standard error is the step's message, and any other exit code than 0 fails it.
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Standard output is the step's output: one JSON object, nothing else.
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (output, error) {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return output{}, fmt.Errorf("read input: %w", err)
	}
	if in.File == "" || in.Version == "" {
		return output{}, errors.New("input needs file and version")
	}
	old, err := os.ReadFile(in.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return output{}, err
	}
	line := fmt.Sprintf("- %s: %s\n", in.Stage, in.Version)
	text := line + strings.TrimPrefix(string(old), line) // a step may run twice
	if err := os.WriteFile(in.File, []byte(text), 0o644); err != nil {
		return output{}, err
	}
	return output{
		CommitMessage: fmt.Sprintf("Note %s in %s", in.Version, in.File),
		Lines:         strings.Count(text, "\n"),
	}, nil
}

package forge

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitProgram is the installed git.
type gitProgram struct {
	path    string
	backend string // git-http-backend
}

// errNoGit tells the user what to do about it.
var errNoGit = errors.New("forge: git is not installed or not in PATH; the simulator serves repositories with git http-backend")

func findGit() (gitProgram, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return gitProgram{}, errNoGit
	}
	out, err := gitProgram{path: path}.command("--exec-path").Output()
	if err != nil {
		return gitProgram{}, fmt.Errorf("git --exec-path: %w", err)
	}
	backend, err := exec.LookPath(filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"))
	if err != nil {
		return gitProgram{}, fmt.Errorf("forge: this git has no git-http-backend (%w); install the full git package", err)
	}
	return gitProgram{path: path, backend: backend}, nil
}

// command prepares a run of git. It has no context, because a change to a repository is made whole or not at all, whoever
// stops waiting for it.
func (p gitProgram) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...) //nolint:noctx // see above
	cmd.Env = p.env()
	return cmd
}

// env keeps the user's git configuration and hooks out of the simulator.
func (gitProgram) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}
}

const updateHook = `#!/bin/sh
for ref in $FORGE_PROTECTED; do
	if [ "$ref" = "$1" ]; then
		echo "error: GH006: Protected branch update failed for $1." >&2
		exit 1
	fi
done
`

// writeHooks puts the hook that enforces branch protection into dir. Only pushes to protected branches are pointed at it.
func writeHooks(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("write git hooks: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "update"), []byte(updateHook), 0o755); err != nil { //nolint:gosec // git runs it
		return fmt.Errorf("write git hooks: %w", err)
	}
	return nil
}

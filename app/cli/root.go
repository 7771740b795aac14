package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline"
)

// Exit codes.
const (
	exitOK = iota
	exitFailure
	exitUsage
	exitInvalid
)

// env is the process as commands see it.
type env struct {
	in          io.Reader
	out, errOut io.Writer
	getenv      func(string) string
}

// exitError carries an exit code. Its message was printed already when quiet.
type exitError struct {
	code  int
	err   error
	quiet bool
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageErrorf(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// Run runs the command line and returns the exit code. It stops when ctx ends.
func Run(ctx context.Context, args []string, getenv func(string) string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot(&env{in: in, out: out, errOut: errOut, getenv: getenv}) //nolint:contextcheck // commands have it from cobra
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		exit = &exitError{code: exitFailure, err: err}
	}
	if !exit.quiet {
		// An error may quote what a registry, a repository or a file said.
		_, _ = fmt.Fprintf(errOut, "kargo: %s\n", printableText(exit.err.Error()))
	}
	return exit.code
}

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:           "kargo",
		Short:         "Continuous promotion for GitOps on GitHub",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       Version(),
		Args:          cobra.ArbitraryArgs,
		RunE:          groupRun,
	}
	root.SetVersionTemplate("kargo {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageErrorf("%w\nusage: %s", err, cmd.UseLine())
	})
	root.AddCommand(serveCommand(e), demoCommand(e), validateCommand(e), planCommand(e), discoverCommand(e), evalCommand(e), importCommand(e), initCommand(e),
		simulateCommand(e), auditCommand(e), credentialsCommand(e), secretsCommand(e), stepCommand(e), webhooksCommand(e), renderCommand(e))
	root.InitDefaultCompletionCmd()
	root.SetHelpCommand(helpCommand(root))
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, groupRun
		}
	}
	return root
}

// groupRun runs a command that only holds others.
func groupRun(cmd *cobra.Command, a []string) error {
	if len(a) == 0 {
		return cmd.Help()
	}
	return unknownCommand(cmd, a[0])
}

// helpCommand is cobra's, but for a topic that does not exist.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(_ *cobra.Command, a []string) error {
			cmd, rest, err := root.Find(a)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, a[len(a)-max(1, len(rest))])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// unknownCommand says which commands there are.
func unknownCommand(parent *cobra.Command, got string) error {
	var names []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	if m := pipeline.DidYouMean(got, names); m != "" {
		return usageErrorf("unknown command %q; did you mean %q?", got, m)
	}
	return usageErrorf("unknown command %q; commands: %s", got, strings.Join(names, ", "))
}

// args wraps a cobra argument check so that its complaint is a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return usageErrorf("%w\nusage: %s", err, cmd.UseLine())
		}
		return nil
	}
}

// Version is the module version that the binary was built from.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/app/trial"
	"github.com/kargo-app/kargo/pipeline"
)

// Exit codes of step run. Wrong usage must not look like a step that Errored.
const (
	exitStepFailed  = 1
	exitStepErrored = 2
	exitStepFile    = 3
	exitStepRunning = 4
	exitStepUsage   = 64
)

type stepRunFlags struct {
	uses, config, steps, context, output string
	dryRun                               bool
	timeout                              time.Duration
}

func stepRunCommand(e *env) *cobra.Command {
	var f stepRunFlags
	cmd := &cobra.Command{
		Use:   "run (--uses NAME [--config FILE] | --steps FILE) [flags] DIR",
		Short: "Run a promotion step, or a list of them, on the files of a directory",
		Long: `Runs one step, or with --steps a whole list with its variables, conditions, retries and
outputs, as a server would, and writes the resulting files back into DIR.

--config FILE holds what stands under config, or one whole entry of a list of steps.
--steps FILE holds a list of steps, {vars, steps, tasks}, or a Stage, Promotion or
PromotionTask of Kargo. --context FILE says what expressions see, in the form that kargo
eval reads: ctx (project, stage, promotion, targetFreight), vars, outputs, secrets, freight
(a list of {name, alias, origin: {kind, name}, images, commits, charts}), freightMetadata
and more; its vars win over those of the list, and secrets are masked in what is printed.
All are YAML or JSON, and - is standard input.

Git repositories are read and pushed to for real, at http://, https:// or file:// addresses
or paths of this machine. What needs a GitHub App, such as a pull request, is refused. What
is noted about Freight is printed. A step that is not done is looked at again until --timeout.
--dry-run shows what would change in DIR, and changes neither DIR nor a Git repository; steps
that talk to other services do so nevertheless. They may reach this machine and private networks,
or with KARGO_OUTBOUND_ALLOW what it lists.

Prints {"phase", "output", "message"}; for a list, output holds those of the steps by alias,
and steps has each one. Exit codes: 0 Succeeded or Skipped, 1 Failed or Aborted, 2 Errored, 3 a
file that cannot be read, 4 a step that is not done, 64 wrong usage.` + environmentHelp,
		Example: `  kargo step run --uses yaml-update --config config.yaml --dry-run -o text .
  kargo step run --steps steps.yaml --context context.yaml /tmp/workdir`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, a []string) error { return e.stepRun(cmd, a, f) },
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return stepUsagef("%w\nusage: %s", err, cmd.UseLine())
	})
	flags := cmd.Flags()
	flags.StringVar(&f.uses, "uses", "", "the step to run")
	flags.StringVar(&f.config, "config", "", "YAML or JSON file with the step's config")
	flags.StringVar(&f.steps, "steps", "", "YAML or JSON file with a list of steps")
	flags.StringVar(&f.context, "context", "", "YAML or JSON file with what expressions see")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would change instead of changing it")
	flags.DurationVar(&f.timeout, "timeout", trial.DefaultTimeout, "how long to wait for steps that are not done")
	flags.StringVarP(&f.output, "output", "o", "json", "json or text")
	return cmd
}

func stepUsagef(format string, args ...any) error {
	return &exitError{code: exitStepUsage, err: fmt.Errorf(format, args...)}
}

func stepFileError(name string, err error) error {
	return &exitError{code: exitStepFile, err: fmt.Errorf("%s: %w", displayName(name), err)}
}

func (e *env) stepRun(cmd *cobra.Command, a []string, f stepRunFlags) error {
	if err := f.check(cmd, a); err != nil {
		return err
	}
	o, err := e.trialOptions(f)
	if err != nil {
		return err
	}
	o.Dir = a[0]
	if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
		if err == nil {
			err = fmt.Errorf("%s is no directory", o.Dir)
		}
		return stepUsagef("%w", err)
	}
	local := e.localOptions()
	if local.OutboundAllow, err = e.outboundAllow(); err != nil {
		return stepUsagef("%w", err)
	}
	res, err := app.Try(cmd.Context(), o, local)
	if cmd.Context().Err() != nil {
		return &exitError{code: exitFailure, err: errors.New("interrupted; no file was written")}
	}
	if err != nil {
		return &exitError{code: exitStepFile, err: err}
	}
	if err := e.printTrial(res, f); err != nil {
		return err
	}
	if f.steps == "" {
		return stepExit(res.Steps[0].Phase)
	}
	return stepExit(res.Phase)
}

// outboundAllow is what steps may reach besides public addresses: what a server is told,
// else this machine and its networks, which belong to whoever runs the command.
func (e *env) outboundAllow() (outbound.Allow, error) {
	allow := e.getenv("KARGO_OUTBOUND_ALLOW")
	if allow == "" {
		allow = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
	}
	return outbound.ParseAllow(strings.Split(allow, ","))
}

func (f stepRunFlags) check(cmd *cobra.Command, a []string) error {
	problem := ""
	switch {
	case len(a) != 1:
		problem = fmt.Sprintf("expected one directory, got %d", len(a))
	case f.steps != "" && (f.uses != "" || f.config != ""):
		problem = "--steps is instead of --uses and --config"
	case f.steps == "" && f.uses == "" && f.config == "":
		problem = "give --uses NAME, or --steps FILE"
	case f.timeout < 0:
		problem = "--timeout cannot be negative"
	case (f.steps == standardInput || f.config == standardInput) && f.context == standardInput:
		problem = "standard input holds one file only"
	}
	if problem != "" {
		return stepUsagef("%s\nusage: %s", problem, cmd.UseLine())
	}
	if err := checkOutput(f.output, "json", "text"); err != nil {
		return stepUsagef("%w", err)
	}
	return nil
}

// trialOptions reads the files that flags name.
func (e *env) trialOptions(f stepRunFlags) (trial.Options, error) {
	o := trial.Options{DryRun: f.dryRun, Timeout: f.timeout, Log: slog.New(slog.DiscardHandler), Sleep: sleep}
	if f.context != "" {
		data, err := e.readStepFile(f.context)
		if err != nil {
			return o, err
		}
		if o.Context, err = trial.ParseContext(data); err != nil {
			return o, stepFileError(f.context, err)
		}
	}
	var data []byte
	var err error
	name := f.config
	if f.steps != "" {
		name = f.steps
	}
	if name != "" {
		if data, err = e.readStepFile(name); err != nil {
			return o, err
		}
	}
	if f.steps != "" {
		o.Steps, err = trial.ParseSteps(data, o.Context)
	} else {
		o.Steps, err = trial.ParseConfig(data, f.uses)
	}
	if err != nil {
		return o, stepFileError(name, err)
	}
	return o, nil
}

func (e *env) readStepFile(name string) ([]byte, error) {
	data, err := e.readFile(name)
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil, &exitError{code: exitStepFile, err: err}
	}
	return data, err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *env) printTrial(res trial.Result, f stepRunFlags) error {
	switch {
	case f.output == "text":
		_, err := fmt.Fprint(e.out, trialText(res, f.dryRun))
		return err
	case f.steps != "":
		return e.printJSON(res.List(f.dryRun))
	default:
		return e.printJSON(res.Single(f.dryRun))
	}
}

func trialText(res trial.Result, dryRun bool) string {
	var b strings.Builder
	for _, s := range res.Steps {
		fmt.Fprintf(&b, "%s %s (%s)", s.Phase, printable(s.As), printable(s.Uses))
		if s.Message != "" {
			b.WriteString(": " + printable(s.Message))
		}
		b.WriteString("\n")
		if len(s.Output) > 0 {
			b.WriteString(indent(printableText(s.OutputText())) + "\n")
		}
	}
	for _, n := range res.Notes() {
		b.WriteString(printable(n) + "\n")
	}
	if len(res.Steps) > 1 {
		fmt.Fprintf(&b, "%s\n", strings.TrimSuffix(string(res.Phase)+": "+printable(res.Message), ": "))
	}
	for _, c := range res.Files {
		fmt.Fprintf(&b, "%s %s\n", c.Status, printable(c.Path))
	}
	if dryRun {
		b.WriteString(printableText(res.Diff))
	}
	return b.String()
}

// stepExit is the exit code that a phase stands for.
func stepExit(phase pipeline.Phase) error {
	code := exitStepErrored
	switch phase {
	case pipeline.Succeeded, pipeline.Skipped:
		return nil
	case pipeline.Failed, pipeline.Aborted:
		code = exitStepFailed
	case pipeline.Running, pipeline.Pending:
		code = exitStepRunning
	case pipeline.Errored:
	}
	return &exitError{code: code, err: fmt.Errorf("the trial %s", phase), quiet: true}
}

package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app/demo"
)

func demoCommand(e *env) *cobra.Command {
	var o demo.Options
	var verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show promotions on this machine, without a GitHub account",
		Long: "Runs the real server against a simulated GitHub and a container registry in memory, publishes an image version,\n" +
			"and shows on the terminal and in the browser how it is promoted. Runs until it is stopped.",
		Example: `  kargo demo
  kargo demo --once`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Timeout <= 0 {
				return usageErrorf("--timeout %s is not a duration of more than nothing", o.Timeout)
			}
			o.Fallback = !cmd.Flags().Changed("addr")
			return e.demo(cmd.Context(), o, verbose)
		},
	}
	cmd.Flags().StringVar(&o.Addr, "addr", "127.0.0.1:8080", "address of the page; unless given, a free port is taken when it is in use")
	cmd.Flags().BoolVar(&o.Once, "once", false, "play the scenario to its end, print a summary and exit")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 2*time.Minute, "how long --once may take")
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "", "keep what is stored in this empty directory (default: a temporary one)")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "show the server's log on standard error")
	return cmd
}

func (e *env) demo(ctx context.Context, o demo.Options, verbose bool) error {
	o.Log = slog.New(slog.DiscardHandler)
	if verbose {
		o.Log = slog.New(tint.NewTextHandler(e.errOut, &tint.Options{Level: slog.LevelDebug, TimeFormat: time.TimeOnly, NoColor: !isTerminal(e.errOut)}))
	}
	// Closing the terminal must not leave the temporary directory behind.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	o.Out = e.out
	o.Watched, o.Color = overwritable(e.out), isTerminal(e.out)
	return demo.Run(ctx, o)
}

// overwritable reports whether lines on w can be overwritten.
func overwritable(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

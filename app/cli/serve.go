package cli

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/app/renderer"
)

func serveCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the GitHub App server",
		Long: "Runs the server that receives webhooks. Every setting is a flag, an environment variable, or a key in the YAML file\n" +
			"given by --config; a flag wins over the environment, which wins over the file. SIGTERM drains and exits within 10 seconds.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := app.LoadConfig(cmd.Flags(), e.getenv)
			if err != nil {
				return &exitError{code: exitUsage, err: err}
			}
			return serve(cmd.Context(), cfg, newLogger(e.errOut, cfg))
		},
	}
	app.AddFlags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	a, err := app.New(ctx, cfg, app.Options{
		Log:      log,
		Renderer: renderer.New(renderer.Options{Args: []string{RenderCommand}, Memory: cfg.RenderMemory}),
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func newLogger(w io.Writer, cfg app.Config) *slog.Logger {
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.LogLevel}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: cfg.LogLevel, TimeFormat: time.DateTime, NoColor: !isTerminal(w)}))
}

package cli

import (
	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app/renderer"
)

// RenderCommand is the command that renders manifests for a server that started it. It
// is none for people.
const RenderCommand = "render-for-server"

func renderCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:    RenderCommand,
		Short:  "Render manifests for the server that started this process",
		Hidden: true,
		Args:   args(cobra.NoArgs),
		RunE:   func(cmd *cobra.Command, _ []string) error { return renderer.Serve(cmd.Context(), e.in, e.out) },
	}
}

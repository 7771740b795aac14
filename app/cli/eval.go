package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func evalCommand(e *env) *cobra.Command {
	var contextFile string
	cmd := &cobra.Command{
		Use:   "eval [--context FILE] TEMPLATE",
		Short: "Evaluate a string with ${{ }} in it",
		Long:  "Evaluates TEMPLATE as a step's config would be and prints the typed result as JSON.",
		Example: `  kargo eval '${{ semverDiff("1.2.3", "1.3.0") }}'
  kargo eval --context context.yaml '${{ imageFrom("ghcr.io/acme/web").Tag }}'`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			env := expr.Env{Allow: expr.AllowAll}
			if contextFile != "" {
				data, err := e.readFile(contextFile)
				if err != nil {
					return err
				}
				if env, err = expr.ParseContext(data); err != nil {
					return fmt.Errorf("%s: %w", contextFile, err)
				}
			}
			env.Now = time.Now
			value, err := expr.Evaluate(a[0], env)
			if err != nil {
				return err
			}
			out, err := expr.FormatJSON(value)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.out, "%s\n", out)
			return err
		},
	}
	cmd.Flags().StringVar(&contextFile, "context", "", "JSON or YAML file with what the expression can see (- for standard input)")
	return cmd
}

package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func evalCommand(e *env) *cobra.Command {
	var contextFile string
	cmd := &cobra.Command{
		Use:   "eval [--context FILE] TEMPLATE",
		Short: "Evaluate a string with ${{ }} in it",
		Long: "Evaluates TEMPLATE as a step's config would be and prints the typed result as JSON.\n\n" +
			"The context file, JSON or YAML, has any of ctx, vars, outputs, task, secrets, freightMetadata, freightStatus, stageMetadata,\n" +
			"steps (a list of {alias, phase}), warehouses (as in .kargo.yaml) and freight (a list of {name, alias,\n" +
			"origin: {kind, name}, images, commits, charts}). Any other top-level key is a plain variable.",
		Example: `  kargo eval '${{ semverDiff("1.2.3", "1.3.0") }}'
  kargo eval --context context.yaml '${{ imageFrom("ghcr.io/acme/web").Tag }}'`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error { return e.eval(a[0], contextFile) },
	}
	cmd.Flags().StringVar(&contextFile, "context", "", "JSON or YAML file with what the expression can see, - for standard input")
	return cmd
}

func (e *env) eval(template, contextFile string) error {
	env := expr.Env{Allow: expr.AllowAll}
	if contextFile != "" {
		data, err := e.readFile(contextFile)
		if err != nil {
			return err
		}
		if env, err = expr.ParseContext(data); err != nil {
			return fmt.Errorf("%s:\n%s", displayName(contextFile), indent(err.Error()))
		}
	}
	env.Now = time.Now
	value, err := expr.Evaluate(template, env)
	if err != nil {
		return pointAt(template, err)
	}
	out, err := expr.FormatJSON(value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.out, "%s\n", out)
	return err
}

// pointAt adds to the error of an expression where in the template it is.
func pointAt(template string, err error) error {
	var fault *expr.Error
	if !errors.As(err, &fault) {
		return err
	}
	line, column := expr.Position(template, fault.Offset)
	text := strings.Split(template, "\n")[line-1]
	before := printable(string([]rune(text)[:column-1]))
	after := printable(string([]rune(text)[column-1:]))
	return fmt.Errorf("%d:%d: %w\n  %s\n  %s^", line, column, err, before+after, strings.Repeat(" ", utf8.RuneCountInString(before)))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

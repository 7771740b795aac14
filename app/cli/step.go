package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func stepCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "step",
		Short: "Try promotion steps, and read about them",
	}
	cmd.AddCommand(stepRunCommand(e), stepListCommand(e), stepExplainCommand(e))
	return cmd
}

func stepListCommand(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the promotion steps that there are",
		Long: "Lists all promotion steps with their kind: workspace steps work on files, publish steps bring them elsewhere, remote\n" +
			"steps have nothing to do with files.",
		Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return e.stepList(output == "json")
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// stepEntry is what step list says of one step.
type stepEntry struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Summary string `json:"summary"`
}

func (e *env) stepList(asJSON bool) error {
	var list []stepEntry
	var text strings.Builder
	for _, d := range step.Builtin() {
		s := stepEntry{Name: d.Name(), Kind: d.Kind().String(), Summary: firstParagraph(d.Doc().Summary)}
		list = append(list, s)
		fmt.Fprintf(&text, "%s\t%s\t%s\n", s.Name, s.Kind, s.Summary)
	}
	if asJSON {
		return e.printJSON(list)
	}
	return align(e.out, text.String())
}

// firstParagraph is what Markdown says first, on one line.
func firstParagraph(text string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n\n")
	return strings.ReplaceAll(strings.Join(strings.Fields(first), " "), "`", "")
}

func stepExplainCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "explain NAME",
		Short:   "Say what a promotion step does, takes and outputs",
		Example: "  kargo step explain yaml-update",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			for _, d := range step.Builtin() {
				if d.Name() == a[0] {
					_, err := fmt.Fprint(e.out, step.Explain(d))
					return err
				}
			}
			return unknownStep(a[0])
		},
	}
}

func unknownStep(got string) error {
	var names []string
	for _, d := range step.Builtin() {
		names = append(names, d.Name())
	}
	if m := pipeline.DidYouMean(got, names); m != "" {
		return usageErrorf("there is no step %q; did you mean %q?", got, m)
	}
	return usageErrorf("there is no step %q; kargo step list shows those that there are", got)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline"
)

func discoverCommand(e *env) *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "discover [-f FILE] [WAREHOUSE]",
		Short: "Look for artifacts now, as the server would",
		Long: "Runs discovery for all Warehouses of a .kargo.yaml, or for one, and prints per subscription the artifacts in order,\n" +
			"which would be chosen (→), and which were rejected (✗) and why. Nothing is stored or changed." + environmentHelp,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			only := ""
			if len(a) > 0 {
				only = a[0]
			}
			return e.discover(cmd.Context(), file, only, output == "json")
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", defaultFile, "the .kargo.yaml to read, - for standard input")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// discover prints what was found even when another Warehouse could not be looked
// at; then it is an error nevertheless.
func (e *env) discover(ctx context.Context, name, only string, asJSON bool) error {
	f, err := e.loadValid(name)
	if err != nil {
		return err
	}
	warehouses := f.Pipeline.Warehouses
	if only != "" {
		w, ok := f.Pipeline.Warehouse(only)
		if !ok {
			return unknownWarehouse(f.Pipeline, only)
		}
		warehouses = []pipeline.Warehouse{w}
	}
	local, err := e.openLocal(ctx, name)
	if err != nil {
		return err
	}
	var found []pipeline.Discovery
	var failed []error
	for _, w := range warehouses {
		d, err := local.Discover(ctx, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, d)
	}
	if len(found) == 0 && len(failed) > 0 {
		return e.hint(errors.Join(failed...))
	}
	if asJSON {
		err = e.printJSON(discoveryJSON(found))
	} else {
		err = align(e.out, discoveryText(found))
	}
	return e.hint(errors.Join(append(failed, err)...))
}

func discoveryText(found []pipeline.Discovery) string {
	var b strings.Builder
	for _, d := range found {
		fmt.Fprintf(&b, "Warehouse %s\n", d.Warehouse)
		for _, s := range d.Subscriptions {
			fmt.Fprintf(&b, "  %s %s\n", s.Kind, printable(sourceName(s)))
			for i, row := range artifactRows(s) {
				mark := " "
				if i == 0 {
					mark = "→"
				}
				fmt.Fprintf(&b, "    %s %s\n", mark, row)
			}
			if s.Empty() {
				b.WriteString("    nothing found\n")
			}
			for _, r := range s.Rejected {
				ref := r.Ref
				if s.Kind == pipeline.GitArtifact && isCommitID(ref) {
					ref = pipeline.Short(ref)
				}
				fmt.Fprintf(&b, "    ✗ %s\t%s\n", printable(ref), printable(r.Reason))
			}
		}
		if d.Withheld != "" {
			fmt.Fprintf(&b, "  no Freight: %s\n", printable(d.Withheld))
		}
	}
	return b.String()
}

// sourceName is the address of a source, with the chart's name where it has many.
func sourceName(s pipeline.DiscoveredSubscription) string {
	if len(s.Charts) > 0 && s.Charts[0].Name != "" {
		return s.RepoURL + " " + s.Charts[0].Name
	}
	return s.RepoURL
}

// artifactRows are the artifacts in order, as cells separated by tabs.
func artifactRows(s pipeline.DiscoveredSubscription) []string {
	var rows []string
	for _, i := range s.Images {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", printable(i.Tag), printable(i.Digest), moment(i.CreatedAt)))
	}
	for _, c := range s.Commits {
		version := printable(pipeline.Short(c.ID))
		if c.Tag != "" {
			version = printable(c.Tag) + "\t" + version
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", version, moment(c.CreatedAt), printable(c.Subject())))
	}
	for _, c := range s.Charts {
		rows = append(rows, printable(c.Version))
	}
	return rows
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/pipeline"
)

func discoverCommand(e *env) *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "discover [-f FILE] [WAREHOUSE]",
		Short: "Look for artifacts now, as the server would",
		Long: "Runs discovery for all Warehouses of a .kargo.yaml, or for one, and prints per subscription the artifacts in order,\n" +
			"which would be chosen, and which were rejected and why. Nothing is stored or changed.",
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
	cmd.Flags().StringVarP(&file, "file", "f", defaultFile, "the .kargo.yaml to read")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (e *env) discover(ctx context.Context, name, only string, asJSON bool) error {
	f, err := e.loadValid(name)
	if err != nil {
		return err
	}
	if only != "" {
		if _, ok := f.Pipeline.Warehouse(only); !ok {
			return unknownWarehouse(f.Pipeline, only)
		}
	}
	local, err := app.OpenLocal(filepath.Dir(name), e.localOptions())
	if err != nil {
		return err
	}
	var found []pipeline.Discovery
	var failed []error
	for _, w := range f.Pipeline.Warehouses {
		if only != "" && w.Name != only {
			continue
		}
		d, err := local.Discover(ctx, w)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, d)
	}
	if asJSON {
		err = e.printJSON(discoveryJSON(found))
	} else {
		err = e.printDiscoveries(found)
	}
	return errors.Join(append(failed, err)...)
}

func (e *env) localOptions() app.LocalOptions {
	var insecure []string
	for host := range strings.SplitSeq(e.getenv("KARGO_INSECURE_REGISTRIES"), ",") {
		if host = strings.TrimSpace(host); host != "" {
			insecure = append(insecure, host)
		}
	}
	return app.LocalOptions{InsecureRegistries: insecure, Token: e.getenv("GITHUB_TOKEN"), Now: time.Now}
}

func unknownWarehouse(p pipeline.Pipeline, got string) error {
	var names []string
	for _, w := range p.Warehouses {
		names = append(names, w.Name)
	}
	err := fmt.Errorf("there is no Warehouse %q; Warehouses: %s", got, strings.Join(names, ", "))
	if m := pipeline.DidYouMean(got, names); m != "" {
		err = fmt.Errorf("there is no Warehouse %q; did you mean %q?", got, m)
	}
	return err
}

func (e *env) printDiscoveries(found []pipeline.Discovery) error {
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	for _, d := range found {
		fmt.Fprintf(w, "Warehouse %s\n", d.Warehouse)
		for _, s := range d.Subscriptions {
			fmt.Fprintf(w, "  %s %s\n", s.Kind, s.RepoURL)
			for i, row := range artifactRows(s) {
				mark := " "
				if i == 0 {
					mark = "→"
				}
				fmt.Fprintf(w, "    %s %s\n", mark, row)
			}
			if s.Empty() {
				fmt.Fprintf(w, "    nothing found\n")
			}
			for _, r := range s.Rejected {
				fmt.Fprintf(w, "    ✗ %s\t%s\n", printable(r.Ref), printable(r.Reason))
			}
		}
	}
	return w.Flush()
}

func artifactRows(s pipeline.DiscoveredSubscription) []string {
	var rows []string
	for _, i := range s.Images {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", printable(i.Tag), i.Digest, moment(i.CreatedAt)))
	}
	for _, c := range s.Commits {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", pipeline.Short(c.ID), printable(c.Tag), printable(c.Subject()), moment(c.CreatedAt)))
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

// printable keeps what a stranger wrote from controlling the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/store"
)

func auditCommand(e *env) *cobra.Command {
	var output string
	limit := 100
	cmd := &cobra.Command{
		Use:   "audit OWNER/NAME",
		Short: "Show what steps of a repository's pipelines wrote down for the record",
		Long:  "Shows the events of record-audit-event steps, newest first. They are kept for ever.",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			if limit < 1 {
				return usageErrorf("--limit %d: expected at least 1", limit)
			}
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				events, err := s.AuditEvents(ctx, repo, limit)
				if err != nil {
					return err
				}
				if output == "json" {
					if events == nil {
						events = []store.AuditEvent{}
					}
					return e.printJSON(struct {
						Events []store.AuditEvent `json:"events"`
					}{events})
				}
				var b strings.Builder
				for _, v := range events {
					fmt.Fprintf(&b, "%s\t%s\t%s\t%s\t%s\n", moment(v.At), v.Promotion, printable(v.Type), printable(v.Actor), printable(v.Message))
				}
				return align(e.out, b.String())
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many events")
	return cmd
}

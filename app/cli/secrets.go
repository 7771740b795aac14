package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/store"
)

func secretsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Secrets that the steps of a repository's pipelines use",
		Long: "Keeps what step configuration calls ${{ secrets.NAME }}, for the pipelines of one repository. No command shows a value." +
			storageHelp,
	}
	cmd.AddCommand(secretsSetCommand(e), secretsListCommand(e), secretsRemoveCommand(e))
	return cmd
}

func secretsSetCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set OWNER/NAME SECRET < VALUE",
		Short: "Store a secret, or replace it",
		Long:  "Reads the value from standard input and stores it under a name." + storageHelp,
		Args:  args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				value, err := e.secretInput("value")
				if err != nil {
					return err
				}
				return s.PutSecret(ctx, repo, a[1], value)
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	return cmd
}

func secretsListCommand(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list OWNER/NAME",
		Short: "Show which secrets a repository has",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				heads, err := s.Secrets(ctx, repo)
				if err != nil {
					return err
				}
				if output == "json" {
					return e.printJSON(secretsJSON(heads))
				}
				var b strings.Builder
				for _, h := range heads {
					fmt.Fprintf(&b, "%s\t%s\n", printable(h.Name), moment(h.UpdatedAt))
				}
				return align(e.out, b.String())
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func secretsRemoveCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove OWNER/NAME SECRET",
		Short: "Forget a secret",
		Args:  args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				err := s.DeleteSecret(ctx, repo, a[1])
				if errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("%s has no secret %s", a[0], a[1])
				}
				return err
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	return cmd
}

// secretJSON is the documented JSON of a secret.
type secretJSON struct {
	Name      string    `json:"name"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func secretsJSON(heads []store.SecretHead) any {
	out := struct {
		Secrets []secretJSON `json:"secrets"`
	}{Secrets: []secretJSON{}}
	for _, h := range heads {
		out.Secrets = append(out.Secrets, secretJSON{h.Name, h.UpdatedAt.UTC()})
	}
	return out
}

// shownStorageSettings are the settings that commands on the database have flags for:
// the keys themselves belong on no command line.
func shownStorageSettings() []string { return []string{"data-dir", "database-url", "secret-key-file"} }

func storageSettings() []string { return append(shownStorageSettings(), "secret-key") }

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// storageHelp says what commands on the server's database have in common.
const storageHelp = "\n\nWorks on the database of a server, which may be running, and is configured as that is: --data-dir, the environment or\n" +
	"the file given by --config. Values are encrypted with KARGO_SECRET_KEY, or what is in the file KARGO_SECRET_KEY_FILE."

func credentialsCommand(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credentials",
		Short: "Accounts that a repository's pipelines read private sources with",
		Long: "Keeps the accounts with which the pipelines of one repository read registries and chart repositories that are not\n" +
			"public. No command shows a password." + storageHelp,
	}
	cmd.AddCommand(credentialsAddCommand(e), credentialsListCommand(e), credentialsRemoveCommand(e))
	return cmd
}

func credentialsAddCommand(e *env) *cobra.Command {
	var head store.CredentialHead
	var kind string
	cmd := &cobra.Command{
		Use:   "add OWNER/NAME --kind KIND --url URL --username USER < PASSWORD",
		Short: "Store an account, or replace the one for the same kind and address",
		Long: "Reads the password from standard input and stores the account. The address is a repository (ghcr.io/acme/web), everything\n" +
			"beneath a path (ghcr.io/acme), a registry (ghcr.io), or a chart repository (https://charts.example.com). With --regex it\n" +
			"is an expression that must match the whole address of a repository. The most exact address counts, expressions last. A server\n" +
			"that runs looks anew, within seconds, at what the repository's pipelines subscribe to." + storageHelp,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			head.Kind = pipeline.ArtifactKind(kind)
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				password, err := e.secretInput("password")
				if err != nil {
					return err
				}
				return s.PutCredential(ctx, repo, head, password)
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	cmd.Flags().StringVar(&kind, "kind", "image", "image, chart or git")
	cmd.Flags().StringVar(&head.URL, "url", "", "what the account is for (required)")
	cmd.Flags().BoolVar(&head.Regex, "regex", false, "the address is a regular expression")
	cmd.Flags().StringVar(&head.Username, "username", "", "the account's name")
	return cmd
}

func credentialsListCommand(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list OWNER/NAME",
		Short: "Show which accounts a repository has",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				heads, err := s.Credentials(ctx, repo)
				if err != nil {
					return err
				}
				if output == "json" {
					return e.printJSON(credentialsJSON(heads))
				}
				return align(e.out, credentialsText(heads))
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func credentialsRemoveCommand(e *env) *cobra.Command {
	var kind, url string
	cmd := &cobra.Command{
		Use:   "remove OWNER/NAME --kind KIND --url URL",
		Short: "Forget an account",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return e.withSafe(cmd, a[0], func(ctx context.Context, s *app.Safe, repo int64) error {
				err := s.DeleteCredential(ctx, repo, pipeline.ArtifactKind(kind), url)
				if errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("%s has no account of kind %s for %s", a[0], kind, url)
				}
				return err
			})
		},
	}
	app.AddSomeFlags(cmd.Flags(), shownStorageSettings()...)
	cmd.Flags().StringVar(&kind, "kind", "image", "image, chart or git")
	cmd.Flags().StringVar(&url, "url", "", "what the account is for, as list shows it (required)")
	return cmd
}

func credentialsText(heads []store.CredentialHead) string {
	var b strings.Builder
	for _, h := range heads {
		url := h.URL
		if h.Regex {
			url += " (expression)"
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", h.Kind, printable(url), printable(h.Username), moment(h.UpdatedAt))
	}
	return b.String()
}

// credentialJSON is the documented JSON of an account.
type credentialJSON struct {
	Kind      pipeline.ArtifactKind `json:"kind"`
	URL       string                `json:"url"`
	Regex     bool                  `json:"regex"`
	Username  string                `json:"username"`
	UpdatedAt time.Time             `json:"updatedAt"`
}

func credentialsJSON(heads []store.CredentialHead) any {
	out := struct {
		Credentials []credentialJSON `json:"credentials"`
	}{Credentials: []credentialJSON{}}
	for _, h := range heads {
		out.Credentials = append(out.Credentials, credentialJSON{h.Kind, h.URL, h.Regex, h.Username, h.UpdatedAt.UTC()})
	}
	return out
}

// withSafe runs work on the stored secrets of the repository OWNER/NAME.
func (e *env) withSafe(cmd *cobra.Command, repo string, work func(context.Context, *app.Safe, int64) error) (err error) {
	owner, name, ok := strings.Cut(repo, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return usageErrorf("%q is not a repository: expected OWNER/NAME", repo)
	}
	cfg, err := app.LoadSome(cmd.Flags(), e.getenv, storageSettings()...)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	ctx := cmd.Context()
	safe, err := app.OpenSafe(ctx, cfg, func() time.Time { return time.Now().UTC() })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, safe.Close()) }()
	rec, err := safe.Repo(ctx, owner, name)
	if err != nil {
		return err
	}
	return work(ctx, safe, rec.ID)
}

// maxSecret bounds a value that is read, in bytes.
const maxSecret = 64 << 10

// secretInput reads a value from standard input, where no list of processes shows it.
// One line end at its end is not part of it.
func (e *env) secretInput(what string) ([]byte, error) {
	if f, ok := e.in.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		_, _ = fmt.Fprintf(e.errOut, "Type the %s, which will be visible, and end it with Ctrl-D:\n", what)
	}
	value, err := io.ReadAll(io.LimitReader(e.in, maxSecret+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the %s: %w", what, err)
	case len(value) > maxSecret:
		return nil, fmt.Errorf("the %s has more than %d KiB", what, maxSecret>>10)
	}
	value = []byte(strings.TrimSuffix(strings.TrimSuffix(string(value), "\n"), "\r"))
	if len(value) == 0 {
		return nil, fmt.Errorf("standard input is empty: expected the %s", what)
	}
	return value, nil
}

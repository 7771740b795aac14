package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/app"
)

func webhooksCommand(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "Show the addresses that registries may call",
		Long: "Prints the address of every receiver in registryWebhooks, for the settings page of the registry. An address is as secret\n" +
			"as the receiver's secret, and moves when that changes. Without KARGO_PUBLIC_URL only the path is known.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			cfg, err := app.LoadSome(cmd.Flags(), e.getenv, "public-url", "registry-webhooks")
			if err != nil {
				return &exitError{code: exitUsage, err: err}
			}
			if output == "json" {
				return e.printJSON(webhooksJSON(cfg))
			}
			return align(e.out, webhooksText(cfg))
		},
	}
	app.AddSomeFlags(cmd.Flags(), "public-url")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func webhooksText(cfg app.Config) string {
	var b strings.Builder
	for _, r := range cfg.RegistryWebhooks {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", printable(r.Name), r.Kind, cfg.PublicURL+r.Path())
	}
	return b.String()
}

// webhookJSON is the documented JSON of a receiver.
type webhookJSON struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	URL  string `json:"url"`
}

func webhooksJSON(cfg app.Config) any {
	out := struct {
		Webhooks []webhookJSON `json:"webhooks"`
	}{Webhooks: []webhookJSON{}}
	for _, r := range cfg.RegistryWebhooks {
		out.Webhooks = append(out.Webhooks, webhookJSON{r.Name, string(r.Kind), cfg.PublicURL + r.Path()})
	}
	return out
}

package app

import (
	"cmp"
	"context"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/app/sandbox"
	"github.com/kargo-app/kargo/app/trial"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Try tries steps on a directory with the ports of a server that need no GitHub App;
// of o it sets Ports, ServerURL and Credentials.
func Try(ctx context.Context, o trial.Options, local LocalOptions) (trial.Result, error) {
	o.ServerURL = cmp.Or(local.ServerURL, gitHub)
	o.Credentials = tokenFor(o.ServerURL, local.Token)
	box := sandbox.New()
	defer func() { _ = box.Close(context.WithoutCancel(ctx)) }() // memory only
	registries, err := openRegistries(registry.Options{Insecure: local.InsecureRegistries}, nil, local.Now)
	if err != nil {
		return trial.Result{}, err
	}
	o.Ports = step.Ports{
		Now: local.Now, Sandbox: box,
		Charts: charts{open: func(context.Context, int64) (*registry.Client, error) { return registries, nil }},
		Web:    web{allow: local.OutboundAllow},
		// Whoever runs steps on files of their own is the operator.
		RemoteBases: func(string) bool { return true },
		Mail:        mails(local.OutboundAllow),
		Artifacts: artifacts{
			of:    func(context.Context, int64) (*registry.Client, error) { return registries, nil },
			limit: -1, dry: o.DryRun,
		},
	}
	return trial.Run(ctx, o)
}

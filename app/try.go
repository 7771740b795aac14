package app

import (
	"cmp"
	"context"

	"github.com/kargo-app/kargo/app/trial"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Try tries steps on a directory with the ports of a server that need no GitHub App;
// of o it sets Ports, ServerURL and Credentials.
func Try(ctx context.Context, o trial.Options, local LocalOptions) (trial.Result, error) {
	o.ServerURL = cmp.Or(local.ServerURL, gitHub)
	o.Credentials = tokenFor(o.ServerURL, local.Token)
	o.Ports = step.Ports{Now: local.Now}
	return trial.Run(ctx, o)
}

package verify

import (
	"context"

	"github.com/kargo-app/kargo/pipeline"
)

// Secrets reads the secrets of a repository's pipelines.
type Secrets interface {
	// Secret returns a secret's value. That there is none is an error which wraps
	// secret.ErrNotFound; a *pipeline.TransientError means that nothing is known.
	Secret(ctx context.Context, repo pipeline.Repo, name string) (string, error)
}

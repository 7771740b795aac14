package app

import (
	"context"
	"errors"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// artifacts lets steps use registries, with the accounts that a repository has there
// and those of the server.
type artifacts struct {
	of func(ctx context.Context, repo int64) (*registry.Client, error)
	// limit is how many bytes are copied between repositories at most; 0 forbids it, a
	// negative limit is none.
	limit int64
	// dry copies nothing.
	dry bool
}

var _ step.Artifacts = artifacts{}

// Layer implements step.Artifacts.
func (a artifacts) Layer(ctx context.Context, r pipeline.Repo, l step.Layer) ([]byte, error) {
	client, err := a.of(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return client.Layer(ctx, l)
}

// Copy implements step.Artifacts.
func (a artifacts) Copy(ctx context.Context, r pipeline.Repo, c step.ImageCopy) (string, error) {
	if a.dry {
		return "", &step.PermanentError{Err: errors.New("a dry run pushes nothing to registries")}
	}
	client, err := a.of(ctx, r.ID)
	if err != nil {
		return "", err
	}
	return client.Copy(ctx, c, a.limit)
}

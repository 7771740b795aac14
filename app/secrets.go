package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/app/vault"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/verify"
	"github.com/kargo-app/kargo/store"
)

// secrets is the Safe as Promotions and Verifications see it.
type secrets struct {
	open func(ctx context.Context, repo int64, name string) (string, error)
}

var (
	_ promotion.Secrets = secrets{}
	_ verify.Secrets    = secrets{}
)

// Secret implements promotion.Secrets and verify.Secrets.
func (s secrets) Secret(ctx context.Context, repo pipeline.Repo, name string) (string, error) {
	value, err := s.open(ctx, repo.ID, name)
	switch {
	case err == nil:
		return value, nil
	case errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("%w: kargo secrets set %s %s", secret.ErrNotFound, repo, name)
	case errors.Is(err, vault.ErrNoKey), errors.Is(err, vault.ErrSealed), errors.Is(err, vault.ErrDamaged):
		return "", err
	}
	return "", &pipeline.TransientError{Err: fmt.Errorf("read secret %s: %w", name, err)}
}

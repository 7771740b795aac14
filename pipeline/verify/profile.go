package verify

import (
	"context"
	"errors"
	"strings"

	"github.com/kargo-app/kargo/pipeline/secret"
)

// secretProfile is what the names of a provider's secrets begin with: the profile's
// name, or the default, as the names of environment variables are written.
func secretProfile(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// optional reads a secret that may be missing.
func (in Look) optional(ctx context.Context, name, otherwise string) (string, error) {
	value, err := in.Secret(ctx, name)
	if errors.Is(err, secret.ErrNotFound) || err == nil && value == "" {
		return otherwise, nil
	}
	return value, err
}

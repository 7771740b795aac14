package registry

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kargo-app/kargo/pipeline"
)

// Chain asks one keychain after the other and takes the first credentials there are.
// Unlike authn.NewMultiKeychain it passes the context on and stops at a failure, so
// that a broken source is reported rather than a refusal for want of credentials.
type Chain []authn.Keychain

var (
	_ authn.Keychain        = Chain(nil)
	_ authn.ContextKeychain = Chain(nil)
)

// Resolve implements authn.Keychain.
func (c Chain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	return c.ResolveContext(context.Background(), r)
}

// ResolveContext implements authn.ContextKeychain. A nil keychain knows nothing.
func (c Chain) ResolveContext(ctx context.Context, r authn.Resource) (authn.Authenticator, error) {
	for _, k := range c {
		if k == nil {
			continue
		}
		a, err := authn.Resolve(ctx, k, r)
		if err != nil {
			return nil, &keychainError{err}
		}
		if a != nil && a != authn.Anonymous {
			return a, nil
		}
	}
	return authn.Anonymous, nil
}

// Why says why a source of credentials could give none for a host, nil if there is
// nothing to say.
func (c Chain) Why(host string) error {
	for _, k := range c {
		if w, ok := k.(interface{ Why(host string) error }); ok {
			if err := w.Why(host); err != nil {
				return err
			}
		}
	}
	return nil
}

// keychainError is the failure of one source of credentials.
type keychainError struct{ err error }

func (e *keychainError) Error() string { return printable(e.err.Error()) }

func (e *keychainError) Unwrap() error { return e.err }

// explainKeychain tells that credentials could not be had, which nobody but the
// operator can mend.
func explainKeychain(err error, host string) error {
	return &pipeline.UserError{
		Message: fmt.Sprintf("credentials for %s could not be had", host),
		Hint:    printable(err.Error()),
		Err:     err,
	}
}

package step

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// Secrets is what becomes of secrets.NAME in the config of a step.
type Secrets int

const (
	// SecretsHidden steps see a placeholder: what they are told becomes public.
	SecretsHidden Secrets = iota
	// SecretsShown steps see the value.
	SecretsShown
	// SecretsRefused steps take none: what they write ends up in Git.
	SecretsRefused
)

// Secrets says what becomes of secrets in the step's config.
func (d Definition) Secrets() Secrets {
	switch {
	case d.doc.Secrets:
		return SecretsShown
	case d.kind == Workspace:
		return SecretsRefused
	default:
		return SecretsHidden
	}
}

// CheckSecrets says why a config cannot mention the secrets that it does; nil when it
// can.
func (d Definition) CheckSecrets(config map[string]any) error {
	if d.Secrets() != SecretsRefused {
		return nil
	}
	names, err := expr.Secrets(config)
	if err != nil || len(names) == 0 {
		return nil //nolint:nilerr // a template that does not parse is reported when it is evaluated
	}
	return fmt.Errorf("%s takes no secrets, because what it writes can end up in Git; give secrets.%s to a step that talks to a service", d.name, names[0])
}

// UsesWorkspace says whether the step reads or writes the Workspace with this config.
func (d Definition) UsesWorkspace(config map[string]any) bool {
	return d.kind != Remote && (d.reads == nil || d.reads(config))
}

// readingIf returns the Definition of a step that uses the Workspace only with some
// configs.
func (d Definition) readingIf(reads func(config map[string]any) bool) Definition {
	d.reads = reads
	return d
}

var errNoSecrets = errors.New("there are no secrets here")

// secret returns a secret that the step itself looks up.
func (e Env) secret(ctx context.Context, name string) (string, error) {
	if e.Secret == nil {
		return "", &PermanentError{errNoSecrets}
	}
	return e.Secret(ctx, name)
}

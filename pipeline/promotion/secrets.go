package promotion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/secret"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Secrets reads the secrets of a repository's pipelines.
type Secrets interface {
	// Secret returns a secret's value. That there is none is an error which wraps
	// secret.ErrNotFound; a *pipeline.TransientError means that nothing is known.
	Secret(ctx context.Context, repo pipeline.Repo, name string) (string, error)
}

// safe hands the secrets of one Promotion to its steps for the time of one pass, and
// takes them out of what the steps say. Values are read when they are needed and kept
// nowhere else.
type safe struct {
	secrets Secrets
	repo    pipeline.Repo
	mask    secret.Mask
	opened  map[string]string
}

// open returns a secret, which is hidden from then on.
func (s *safe) open(ctx context.Context, name string) (string, error) {
	if value, ok := s.opened[name]; ok {
		return value, nil
	}
	if s.secrets == nil {
		return "", errors.New("there are no secrets here")
	}
	value, err := s.secrets.Secret(ctx, s.repo, name)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	if s.opened == nil {
		s.opened = map[string]string{}
	}
	s.opened[name] = value
	s.mask.Add(value)
	return value, nil
}

// hideAll makes known what the other steps of the Promotion may have told the services
// that a step talks to, and that those may tell it.
func (s *safe) hideAll(ctx context.Context, steps []pipeline.StepSpec) error {
	if s.secrets == nil {
		return nil
	}
	for _, spec := range steps {
		names, err := expr.Secrets(spec.Config)
		if err != nil {
			continue // that step will say so
		}
		for _, name := range names {
			if _, err := s.open(ctx, name); err != nil {
				if _, transient := pipeline.IsTransient(err); transient || ctx.Err() != nil {
					return err
				}
			}
		}
	}
	return nil
}

// result takes secrets out of what a step left.
func (s *safe) result(r pipeline.StepResult) pipeline.StepResult {
	r.Message, r.Output = s.mask.Hide(r.Message), s.mask.JSON(r.Output)
	if r.Health != nil {
		r.Health = &pipeline.HealthCheck{Kind: r.Health.Kind, Input: s.mask.JSON(r.Health.Input)}
	}
	return r
}

func (s *safe) log(l *slog.Logger) *slog.Logger { return s.mask.Logger(l) }

// config evaluates a step's config with the secrets that it mentions: their values for
// steps that may see those, placeholders for the others.
func (x *execution) config(ctx context.Context, def step.Definition, env exprEnv, spec pipeline.StepSpec) (map[string]any, error) {
	if err := def.CheckSecrets(spec.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	shown := def.Secrets() == step.SecretsShown
	if shown {
		if err := x.safe.hideAll(ctx, x.p.Stage.Steps); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	env, err := env.withSecrets(spec.Config, func(name string) (string, error) {
		if x.safe.secrets == nil {
			return secret.Placeholder, nil
		}
		value, err := x.safe.open(ctx, name)
		if !shown {
			value = secret.Placeholder
		}
		return value, err
	})
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	config, err := env.config(spec)
	if fault := env.status.fault(); fault != nil {
		return nil, &pipeline.TransientError{Err: fault}
	}
	return config, err
}

// withSecrets returns the environment for a config, with the secrets that it mentions.
func (e exprEnv) withSecrets(config map[string]any, open func(name string) (string, error)) (exprEnv, error) {
	names, err := expr.Secrets(config)
	if err != nil {
		return e, err
	}
	e.base.Allow |= expr.AllowSecrets
	e.base.Secrets = make(map[string]any, len(names))
	for _, name := range names {
		value, err := open(name)
		if err != nil {
			return e, err
		}
		e.base.Secrets[name] = value
	}
	return e, nil
}

package verify

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// lazy is what a pass makes only once, and only when something needs it.
type lazy struct {
	mu     sync.Mutex // guards run too, while metrics are measured
	once   sync.Once
	env    expr.Env
	envErr error
}

// fill puts arguments and expressions into the metric's conditions and
// configuration.
func (p *pass) fill(ctx context.Context, m pipeline.Metric) (pipeline.Metric, error) {
	t := template{
		arg:  func(name string) (string, error) { return p.arg(ctx, name) },
		eval: func(source string) (any, error) { return p.eval(ctx, source) },
	}
	for _, condition := range []*string{&m.SuccessCondition, &m.FailureCondition} {
		value, err := t.fill(*condition)
		if err != nil {
			return m, err
		}
		if *condition, err = written(value); err != nil {
			return m, err
		}
	}
	config, err := t.fillAny(m.Provider.Config)
	if err != nil {
		return m, err
	}
	m.Provider.Config, _ = config.(map[string]any)
	return m, nil
}

func (p *pass) eval(ctx context.Context, source string) (any, error) {
	env, err := p.env(ctx)
	if _, transient := pipeline.IsTransient(err); transient {
		return nil, &stopError{err}
	}
	if err != nil {
		return nil, Permanent(err)
	}
	args := make(map[string]any, len(p.run.Args))
	for name, value := range p.run.Args {
		args[name] = value
	}
	env.Extra = maps.Clone(env.Extra)
	if env.Extra == nil {
		env.Extra = map[string]any{}
	}
	env.Extra["args"] = args
	value, err := expr.Evaluate(source, env)
	if err != nil {
		return nil, Permanent(err)
	}
	return value, nil
}

// arg returns the value of an argument.
func (p *pass) arg(ctx context.Context, name string) (string, error) {
	for _, a := range p.run.Stage.Verification.Args {
		if a.Name == name && a.Secret != "" {
			return p.secret(ctx, a.Secret)
		}
	}
	value, ok := p.run.Args[name]
	if !ok {
		return "", Permanent(fmt.Errorf("there is no argument %s", name))
	}
	return value, nil
}

func (p *pass) secret(ctx context.Context, name string) (string, error) {
	value, err := p.r.Secrets.Secret(ctx, p.run.Repo, name)
	if _, transient := pipeline.IsTransient(err); transient {
		return "", &stopError{fmt.Errorf("secret %s: %w", name, err)}
	}
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	p.mask.Add(value)
	return value, nil
}

func (p *pass) env(ctx context.Context) (expr.Env, error) {
	p.lazy.once.Do(func() {
		p.lazy.env, p.lazy.envErr = p.r.Env(ctx, p.run)
		if p.lazy.env.Now == nil {
			p.lazy.env.Now = func() time.Time { return p.now }
		}
	})
	return p.lazy.env, p.lazy.envErr
}

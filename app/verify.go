package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/app/cloudwatch"
	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/verify"
	"github.com/kargo-app/kargo/store"
)

// verifier returns what runs Verifications: on GitHub as the App, elsewhere through
// the client that reaches what the operator allows.
func (a *App) verifier() *verify.Runner {
	outside := outbound.New(outbound.Options{Allow: a.cfg.OutboundAllow, UserAgent: "kargo"})
	unverified := outbound.New(outbound.Options{Allow: a.cfg.OutboundAllow, UserAgent: "kargo", InsecureSkipVerify: true})
	host := a.github.Verifications()
	return &verify.Runner{
		Providers: verify.Builtin(verify.Ports{
			HTTP: outside, InsecureHTTP: unverified, Commits: host, Workflows: host, Deployments: host,
			CloudWatch: &cloudwatch.Client{HTTP: outside.HTTPClient()},
		}),
		Env: a.verificationEnv, Secrets: verifySecrets{open: a.safe.Secret}, Poll: a.cfg.PollInterval, Now: a.now, Log: a.log,
	}
}

func (a *App) verificationEnv(ctx context.Context, run *pipeline.VerificationRun) (expr.Env, error) {
	branch, err := a.defaultBranch(ctx, run.Repo)
	if err != nil {
		return expr.Env{}, &pipeline.TransientError{Err: fmt.Errorf("default branch of %s: %w", run.Repo, err)}
	}
	return promotion.VerificationEnv(run, promotion.Site{ServerURL: a.cfg.GitHubURL, PublicURL: a.cfg.PublicURL, DefaultBranch: branch})
}

// verifySecrets is the Safe as Verifications see it.
type verifySecrets struct {
	open func(ctx context.Context, repo int64, name string) (string, error)
}

// Secret implements verify.Secrets.
func (s verifySecrets) Secret(ctx context.Context, repo pipeline.Repo, name string) (string, error) {
	value, err := s.open(ctx, repo.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("%w: kargo secrets set %s %s", verify.ErrNoSecret, repo, name)
	}
	return value, err
}

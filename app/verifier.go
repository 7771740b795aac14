package app

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/app/cloudwatch"
	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
	"github.com/kargo-app/kargo/pipeline/promotion"
	"github.com/kargo-app/kargo/pipeline/verify"
)

const (
	// outboundTimeout bounds one request to a service that a pipeline names.
	outboundTimeout = 30 * time.Second
	// outboundBody bounds its answer, in bytes.
	outboundBody = 4 << 20
)

// verifier runs Verifications against GitHub and against the services that
// pipelines name, the latter through the guarded client alone.
func (a *App) verifier() *verify.Runner {
	guarded := func(insecure bool) *outbound.Client {
		return outbound.New(outbound.Options{
			Allow: a.cfg.OutboundAllow, Timeout: outboundTimeout, MaxBody: outboundBody,
			InsecureSkipVerify: insecure, UserAgent: "kargo",
		})
	}
	host := a.github.Verifications()
	services := guarded(false)
	return &verify.Runner{
		Providers: verify.Builtin(verify.Ports{
			HTTP: services, InsecureHTTP: guarded(true),
			Commits: host, Workflows: a.github.Workflows(), Deployments: host,
			CloudWatch: &cloudwatch.Client{HTTP: services.HTTPClient()},
		}),
		Env: func(ctx context.Context, run *pipeline.VerificationRun) (expr.Env, error) {
			branch, err := a.defaultBranch(ctx, run.Repo)
			if err != nil {
				return expr.Env{}, &pipeline.TransientError{Err: fmt.Errorf("default branch of %s: %w", run.Repo, err)}
			}
			noted := notes{db: a.db, now: a.now}
			stages, err := noted.StageMetadata(ctx, run.Repo, run.Stage.Name)
			if err != nil {
				return expr.Env{}, &pipeline.TransientError{Err: fmt.Errorf("load metadata of stages: %w", err)}
			}
			return promotion.VerificationEnv(run, promotion.Site{
				ServerURL: a.cfg.GitHubURL, PublicURL: a.cfg.PublicURL, DefaultBranch: branch, Stages: stages,
				FreightStatus: func(name string) (map[string]any, error) {
					status, err := noted.Status(ctx, run.Repo, run.Stage.Name, name)
					if err != nil {
						return nil, err
					}
					return status.Values()
				},
			})
		},
		Secrets: secrets{open: a.safe.Secret},
		Poll:    a.cfg.PollInterval, Now: a.now, Log: a.log,
	}
}

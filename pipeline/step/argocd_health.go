package step

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/argocd"
)

// argoWatched is what is looked at after an argocd-update.
type argoWatched struct {
	argoLink
	Apps []argoWatchedApp `json:"apps"`
}

// argoWatchedApp is one Application and the revisions that its sources were to be synced
// to, empty for any.
type argoWatchedApp struct {
	Name      string   `json:"name"`
	Namespace string   `json:"namespace,omitempty"`
	Revisions []string `json:"revisions,omitempty"`
}

// argoHealthPoll is when an Application is looked at again that is on its way.
const argoHealthPoll = 30 * time.Second

// argoCDHealth looks at the Applications that an argocd-update synced. The worst counts.
func argoCDHealth(ctx context.Context, env HealthEnv, in argoWatched) (pipeline.HealthFinding, error) {
	client, err := in.open(ctx, env.Secret, env.Web)
	if err != nil {
		return pipeline.HealthFinding{}, err
	}
	findings := make([]pipeline.HealthFinding, len(in.Apps))
	var looks errgroup.Group
	looks.SetLimit(parallelReads)
	for i, watched := range in.Apps {
		looks.Go(func() error {
			app, err := settled(ctx, client, argocd.Key{Name: watched.Name, Namespace: watched.Namespace})
			if err != nil {
				findings[i] = finding(pipeline.HealthUnknown, "%s", err)
				return nil
			}
			findings[i] = watched.judge(app)
			return nil
		})
	}
	_ = looks.Wait() // a look that fails is a finding
	r := pipeline.MergeHealth(findings)
	out := pipeline.HealthFinding{State: r.State, Issues: r.Issues}
	if r.State == pipeline.HealthUnknown || r.State == pipeline.HealthProgressing {
		out.WakeAt = env.Now().Add(argoHealthPoll)
	}
	return out, nil
}

// settled reads an Application, after having Argo CD look at it again if what is known of
// its health is older than its last operation.
func settled(ctx context.Context, client argocd.Client, key argocd.Key) (argocd.Application, error) {
	app, err := client.Get(ctx, key, argocd.NoRefresh)
	if err == nil && app.Stale() {
		app, err = client.Get(ctx, key, argocd.NormalRefresh)
	}
	return app, err
}

// judge is Kargo's view of an Application.
func (w argoWatchedApp) judge(app argocd.Application) pipeline.HealthFinding {
	name := app.Title()
	if state := app.Status.OperationState; state != nil && state.Phase != "" && !state.Succeeded() {
		return finding(pipeline.HealthUnknown, "%s: its health is not relied on, because its last operation is %s", name, argocd.Line(state.Phase, 50))
	}
	if app.Stale() {
		return finding(pipeline.HealthUnknown, "%s: its health is older than its last operation", name)
	}
	if conditions := app.Errors(); len(conditions) > 0 {
		f := pipeline.HealthFinding{State: pipeline.HealthUnhealthy}
		for _, c := range conditions {
			f.Issues = append(f.Issues, fmt.Sprintf("%s: %s: %s", name, c.Type, argocd.Line(c.Message, maxErrorMessage)))
		}
		return f
	}
	switch health := app.Status.Health.Status; health {
	case argocd.Healthy:
		return w.judgeSync(app)
	case argocd.Progressing, "":
		return finding(pipeline.HealthProgressing, "%s is progressing", name)
	case argocd.Suspended:
		return finding(pipeline.HealthProgressing, "%s is suspended", name)
	default:
		f := finding(pipeline.HealthUnhealthy, "%s is %s", name, argocd.Line(health, 50))
		if m := app.Status.Health.Message; m != "" {
			f.Issues[0] += ": " + argocd.Line(m, maxErrorMessage)
		}
		return f
	}
}

// judgeSync compares what an Application that is healthy is at with what it should be at.
func (w argoWatchedApp) judgeSync(app argocd.Application) pipeline.HealthFinding {
	name, revisions := app.Title(), app.Revisions()
	switch {
	case !slices.ContainsFunc(w.Revisions, func(r string) bool { return r != "" }):
		return pipeline.HealthFinding{State: pipeline.HealthHealthy}
	case app.Running() != nil || app.Status.OperationState == nil || app.Status.OperationState.FinishedAt.IsZero():
		return finding(pipeline.HealthUnknown, "%s is being synced", name)
	case len(revisions) != len(w.Revisions):
		return finding(pipeline.HealthUnknown, "%s had %d sources when it was synced and has %d now", name, len(w.Revisions), len(revisions))
	case !reached(revisions, w.Revisions):
		return finding(pipeline.HealthUnhealthy, "%s is at %s, not at %s", name, shortened(revisions), shortened(w.Revisions))
	}
	return pipeline.HealthFinding{State: pipeline.HealthHealthy}
}

func finding(state pipeline.HealthState, format string, args ...any) pipeline.HealthFinding {
	return pipeline.HealthFinding{State: state, Issues: []string{fmt.Sprintf(format, args...)}}
}

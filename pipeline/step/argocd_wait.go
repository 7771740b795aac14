package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/argocd"
)

// ArgoCDWaitConfig configures argocd-wait.
type ArgoCDWaitConfig struct {
	Apps []ArgoCDAppWait `json:"apps" empty:"no" doc:"the Applications, and what to wait for"`
	ArgoCDServer
}

// ArgoCDAppWait waits for Applications.
type ArgoCDAppWait struct {
	ArgoCDAppRef
	WaitFor []string `json:"waitFor,omitempty" doc:"some of health, suspended, degraded (health is Healthy, Suspended or Degraded; one of those given must hold), sync (it is Synced) and operation (none is under way); default health, sync and operation"`
}

// ArgoCDWaitOutput is the output of argocd-wait.
type ArgoCDWaitOutput struct {
	Apps         []ArgoCDAppOutput `json:"apps,omitempty" doc:"the Applications"`
	HealthStatus map[string]string `json:"healthStatus" doc:"the health of each, as Argo CD calls it, by NAMESPACE/NAME"`
	Round        int               `json:"round,omitempty" doc:"how often the Promotion had been retried when this was seen; ours, not Kargo's"`
}

// What can be waited for.
const (
	waitHealth    = "health"
	waitSuspended = "suspended"
	waitDegraded  = "degraded"
	waitSync      = "sync"
	waitOperation = "operation"
)

func argoCDWait() Definition {
	d := Define("argocd-wait", Remote, Doc{
		Secrets: true,
		Summary: `Waits until Argo CD Applications are as they should be. It changes nothing, and Applications
need no annotation for it.

` + argoPrivate + ` The token needs
` + "`applications, get`" + `.

Each look has Argo CD compare the Application with its sources first, so that a commit that was
just pushed counts, and health is not taken for known while it is older than the last
operation; Kargo looks at what Argo CD knows and waits ten seconds. The conditions
` + "`ComparisonError`" + ` and ` + "`InvalidSpecError`" + ` end the step for good, and so does health that turns
` + "`Degraded`" + ` from anything but ` + "`Unknown`" + ` while ` + "`health`" + ` is waited for.`,
		Example: `
uses: argocd-wait
config:
  apps:
    - selector:
        matchLabels:
          stage: prod
      waitFor: [health, sync]
`,
	}, runArgoCDWait)
	return d.WithTimeout(argoTimeout)
}

// Validate implements the rules beyond types.
func (c ArgoCDWaitConfig) Validate() error {
	known := []string{waitHealth, waitSync, waitOperation, waitSuspended, waitDegraded}
	var errs []error
	for i, app := range c.Apps {
		at := fmt.Sprintf("apps[%d]", i)
		errs = append(errs, app.validate(at))
		for j, word := range app.WaitFor {
			if !slices.Contains(known, word) {
				errs = append(errs, fmt.Errorf("%s.waitFor[%d]: %q is none of %s", at, j, word, strings.Join(known, ", ")))
			} else if slices.Contains(app.WaitFor[:j], word) {
				errs = append(errs, fmt.Errorf("%s.waitFor[%d]: %q is there twice", at, j, word))
			}
		}
	}
	return errors.Join(errs...)
}

func runArgoCDWait(ctx context.Context, env Env, c ArgoCDWaitConfig) (*ArgoCDWaitOutput, error) {
	link, err := env.argoLink(ctx, c.ArgoCDServer)
	if err != nil {
		return nil, err
	}
	client, err := link.open(ctx, env.Secret, env.Web)
	if err != nil {
		return nil, err
	}
	var prior ArgoCDWaitOutput
	if env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil {
		return nil, &PermanentError{errors.New("recorded output makes no sense")}
	}
	out := &ArgoCDWaitOutput{HealthStatus: map[string]string{}, Round: env.Promotion.Retries}
	if prior.Round != out.Round {
		prior = ArgoCDWaitOutput{} // what was before says nothing about this wait
	}
	maps.Copy(out.HealthStatus, prior.HealthStatus)
	var waiting []string
	for _, entry := range c.Apps {
		apps, err := entry.get(ctx, client, argocd.NormalRefresh)
		if err != nil {
			return out, env.argoFault(err)
		}
		for _, app := range apps {
			key := app.Metadata.Namespace + "/" + app.Metadata.Name
			if !slices.ContainsFunc(out.Apps, func(o ArgoCDAppOutput) bool { return o.Namespace+"/"+o.Name == key }) {
				out.Apps = append(out.Apps, outputOf(client, app))
			}
			if health := app.Status.Health.Status; health != "" {
				out.HealthStatus[key] = argocd.Line(health, 50)
			}
			reason, err := entry.ready(app, prior.HealthStatus[key])
			if err != nil {
				return out, &PermanentError{err}
			}
			if reason != "" {
				waiting = append(waiting, reason)
			}
		}
	}
	if len(waiting) > 0 {
		return out, env.argoWait(waiting)
	}
	return out, nil
}

// ready says what an Application waits for, nothing when it is as it should be. before is
// its health when it was looked at last; an error means that waiting is in vain.
func (c ArgoCDAppWait) ready(app argocd.Application, before string) (waiting string, err error) {
	wants := c.WaitFor
	if len(wants) == 0 {
		wants = []string{waitHealth, waitSync, waitOperation}
	}
	name := app.Title()
	var errs []error
	for _, condition := range app.Errors() {
		errs = append(errs, fmt.Errorf("%s: %s: %s", name, condition.Type, argocd.Line(condition.Message, maxErrorMessage)))
	}
	if len(errs) > 0 {
		return "", errors.Join(errs...)
	}
	if op := app.Running(); op != nil && slices.Contains(wants, waitOperation) {
		return fmt.Sprintf("waiting for what %s does to %s", op.By(), name), nil
	}
	if waiting, err := health(app, wants, before); waiting != "" || err != nil {
		return waiting, err
	}
	if sync := app.Status.Sync.Status; slices.Contains(wants, waitSync) && sync != argocd.Synced {
		return fmt.Sprintf("%s is %s", name, orUnknown(sync)), nil
	}
	return "", nil
}

// health says what the health of an Application waits for.
func health(app argocd.Application, wants []string, before string) (waiting string, err error) {
	states := map[string]string{waitHealth: argocd.Healthy, waitSuspended: argocd.Suspended, waitDegraded: argocd.Degraded}
	now, asked := app.Status.Health.Status, false
	for _, want := range wants {
		state, of := states[want]
		asked = asked || of
		if of && state == now && !app.Stale() {
			return "", nil
		}
	}
	name := app.Title()
	switch {
	case !asked:
		return "", nil
	case app.Stale():
		return fmt.Sprintf("waiting for Argo CD to look at %s after its last operation", name), nil
	case now == argocd.Degraded && slices.Contains(wants, waitHealth) && before != "" && before != argocd.Degraded && before != argocd.Unknown:
		message := fmt.Sprintf("%s turned from %s to %s", name, before, now)
		if m := app.Status.Health.Message; m != "" {
			message += ": " + argocd.Line(m, maxErrorMessage)
		}
		return "", errors.New(message)
	}
	return fmt.Sprintf("%s is %s", name, orUnknown(now)), nil
}

// orUnknown names a state that Argo CD may not know.
func orUnknown(state string) string {
	if state == "" {
		return argocd.Unknown
	}
	return argocd.Line(state, 50)
}

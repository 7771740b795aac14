package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// deployment waits until some other system reports that it deployed the merged
// commit to an environment.
type deployment struct {
	commits     Commits
	deployments Deployments
}

type deploymentConfig struct {
	Environment string `json:"environment"`
}

// Measure implements Provider. A deployment that was successful and then gave way to
// another one has succeeded.
func (d *deployment) Measure(ctx context.Context, in Look) (Outcome, error) {
	var config deploymentConfig
	if err := in.Decode(&config); err != nil {
		return Outcome{}, err
	}
	if config.Environment == "" {
		return Outcome{}, Permanent(errors.New("the deployment has no environment"))
	}
	sha, err := mergedCommit(ctx, d.commits, in)
	if err != nil {
		return Outcome{}, err
	}
	found, err := d.deployments.Deployed(ctx, in.Repo(), sha, config.Environment)
	if err != nil {
		return Outcome{}, fmt.Errorf("deployments of %s: %w", pipeline.Short(sha), err)
	}
	out := Outcome{State: commitState{sha}}
	wait := &Wait{On: []string{pipeline.DeploymentEvent(sha)}}
	if len(found) == 0 {
		out.Wait, out.Message = wait, fmt.Sprintf("waiting for a deployment of %s to %s", pipeline.Short(sha), config.Environment)
		return out, nil
	}
	newest := found[0]
	out.URL = newest.URL
	state := "pending"
	if len(newest.States) > 0 {
		state = newest.States[0]
	}
	if state == "inactive" && slices.Contains(newest.States, "success") {
		state = "success"
	}
	out.Value, out.Text = state, state
	switch state {
	case "success":
		out.Phase, out.Message = pipeline.VerificationSuccessful, newest.Description
	case "failure", "error":
		out.Phase, out.Message = pipeline.VerificationFailed, fmt.Sprintf("deployment to %s: %s", config.Environment, state)
		if newest.Description != "" {
			out.Message += ": " + newest.Description
		}
	case "inactive":
		out.Phase, out.Message = pipeline.VerificationInconclusive, fmt.Sprintf("the deployment to %s gave way to another one", config.Environment)
	default:
		out.Wait, out.Message = wait, fmt.Sprintf("waiting for the deployment of %s to %s: %s", pipeline.Short(sha), config.Environment, state)
	}
	return out, nil
}

package verify

import (
	"context"
	"errors"
)

// job is Argo Rollouts' provider of that name. There is no cluster to run a Job in,
// so it runs the GitHub Actions workflow that its configuration names instead.
type job struct{ *workflow }

// Measure implements Provider.
func (j *job) Measure(ctx context.Context, in Look) (Outcome, error) {
	in, err := asWorkflow(in)
	if err != nil {
		return Outcome{}, err
	}
	return j.workflow.Measure(ctx, in)
}

// End implements Ender.
func (j *job) End(ctx context.Context, in Look) error {
	in, err := asWorkflow(in)
	if err != nil {
		return err
	}
	return j.workflow.End(ctx, in)
}

func asWorkflow(in Look) (Look, error) {
	file, ok := in.Config["workflow"].(string)
	if !ok || file == "" {
		return in, Permanent(errors.New("a Kubernetes Job cannot run here: name the GitHub Actions workflow that does the same, " +
			"as in job: {workflow: smoke.yml, inputs: {version: ...}}"))
	}
	config := map[string]any{"file": file}
	for _, field := range []string{"ref", "inputs", "idInput"} {
		if v, ok := in.Config[field]; ok {
			config[field] = v
		}
	}
	in.Config = config
	return in, nil
}

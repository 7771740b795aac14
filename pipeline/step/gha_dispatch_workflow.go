package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline/actions"
)

// DispatchWorkflowConfig configures gha-dispatch-workflow.
type DispatchWorkflowConfig struct {
	RepoURL      string `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	WorkflowFile string `json:"workflowFile" doc:"file name of the workflow, below .github/workflows"`
	Ref          string `json:"ref" doc:"branch or tag to run it on"`
	Inputs       Values `json:"inputs,omitempty" doc:"inputs of the workflow; what is no text is passed as JSON"`
	IDInput      string `json:"idInput,omitempty" doc:"name of an input that receives a text unique to the run; ours, not Kargo's"`
	Timeout      *int   `json:"timeout,omitempty" doc:"seconds until the run must have appeared, at most 300; default 60"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// DispatchWorkflowOutput is the output of gha-dispatch-workflow.
type DispatchWorkflowOutput struct {
	RunID int64           `json:"runID,omitempty" doc:"id of the run"`
	State json.RawMessage `json:"state,omitempty" doc:"what the step tells the run from others by"`
}

func ghaDispatchWorkflow() Definition {
	return Define("gha-dispatch-workflow", Remote, Doc{
		Summary: `Starts a GitHub Actions workflow, which must have the trigger ` + "`workflow_dispatch`" + `, and goes on
once its run is known. ` + "`gha-wait-for-workflow`" + ` waits for the end; ` + "`workflow`" + ` does both, reads
what the workflow returns, and cancels it when the Promotion is aborted.

The workflow is dispatched once, whatever happens to the server meanwhile; when somebody
retries the Promotion from this step, once more. A Promotion that starts over because its base moved
keeps the run. GitHub tells the run of a dispatch. Only where
its answer is lost, or where the server is a GitHub Enterprise Server that does not
tell, the run is looked for: with ` + "`idInput`" + ` and a ` + "`run-name`" + ` that shows that input it is found for sure;
else it is the first run that the App dispatched on that ref since, so that two Promotions that
dispatch the same workflow in the same seconds may take each other's.

The form of Kargo 1.8 (` + "`credentials`, `owner`, `repo`" + `) is refused with what to write instead.`,
		Example: `
uses: gha-dispatch-workflow
as: dispatch
config:
  repoURL: https://github.com/acme/gitops.git
  workflowFile: deploy.yml
  ref: main
  inputs:
    version: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
`,
	}, runDispatchWorkflow)
}

const (
	defaultDispatchTimeout = 60
	maxDispatchTimeout     = 300
)

// Replaced names the fields of Kargo 1.8.
func (DispatchWorkflowConfig) Replaced() map[string]string { return oldRepository }

// oldRepository is what took the place of the fields of Kargo 1.8.
var oldRepository = map[string]string{ //nolint:gosec // these are the names of fields
	"credentials": "is Kargo 1.8's: the App signs in by itself, so leave it out",
	"owner":       "is Kargo 1.8's: write repoURL: https://github.com/OWNER/REPO",
	"repo":        "is Kargo 1.8's: write repoURL: https://github.com/OWNER/REPO",
}

// Validate implements the rules beyond types.
func (c DispatchWorkflowConfig) Validate() error {
	_, fileErr := actions.FileName(c.WorkflowFile)
	err := errors.Join(checkRepoURL(c.RepoURL), fileErr)
	if c.Ref == "" {
		err = errors.Join(err, errors.New("ref must not be empty"))
	}
	if c.Timeout != nil && (*c.Timeout < 1 || *c.Timeout > maxDispatchTimeout) {
		err = errors.Join(err, fmt.Errorf("timeout: want 1 to %d seconds", maxDispatchTimeout))
	}
	return err
}

func runDispatchWorkflow(ctx context.Context, env Env, c DispatchWorkflowConfig) (DispatchWorkflowOutput, error) {
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return DispatchWorkflowOutput{}, err
	}
	file, err := actions.FileName(c.WorkflowFile)
	if err != nil {
		return DispatchWorkflowOutput{}, &PermanentError{err}
	}
	var prior DispatchWorkflowOutput
	if env.Prior != nil && json.Unmarshal(env.Prior, &prior) != nil {
		return DispatchWorkflowOutput{}, &PermanentError{errors.New("recorded output makes no sense")}
	}
	timeout := defaultDispatchTimeout
	if c.Timeout != nil {
		timeout = *c.Timeout
	}
	d := env.resume(prior.State)
	keep := func(d dispatched) any { return DispatchWorkflowOutput{RunID: d.Run, State: marshal(d)} }
	err = env.dispatch(ctx, actions.Order{
		Repo: repo, File: file, Ref: c.Ref, Inputs: texts(c.Inputs), IDInput: c.IDInput, Patience: time.Duration(timeout) * time.Second,
	}, &d, keep)
	return DispatchWorkflowOutput{RunID: d.Run, State: marshal(d)}, err
}

// marshal writes what can always be written.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return raw
}

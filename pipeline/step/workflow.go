package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/actions"
)

// WorkflowConfig configures workflow.
type WorkflowConfig struct {
	RepoURL            string            `json:"repoURL,omitempty" doc:"the repository; it must belong to the owner of the pipeline's, which is the default"`
	File               string            `json:"file" doc:"file name of the workflow, below .github/workflows"`
	Ref                string            `json:"ref,omitempty" doc:"branch or tag to run it on; default the repository's default branch"`
	Inputs             Values            `json:"inputs,omitempty" doc:"inputs of the workflow; what is no text is passed as JSON"`
	IDInput            string            `json:"idInput,omitempty" doc:"name of an input that receives a text unique to the run; see gha-dispatch-workflow"`
	ExpectedConclusion string            `json:"expectedConclusion,omitempty" doc:"how the run must end; default success"`
	PollInterval       pipeline.Duration `json:"pollInterval,omitempty" doc:"when to look again if no event arrives, such as 30s; at least 10s; default the server's setting"`
}

// WorkflowOutput is the output of workflow.
type WorkflowOutput struct {
	RunID      int64           `json:"runID,omitempty" doc:"id of the run"`
	URL        string          `json:"url,omitempty" doc:"where to look at the run"`
	Conclusion string          `json:"conclusion,omitempty" doc:"how the run ended"`
	Outputs    map[string]any  `json:"outputs,omitempty" doc:"what the workflow returned"`
	State      json.RawMessage `json:"state,omitempty" doc:"what the step tells the run from others by"`
}

func workflowStep() Definition {
	return Define("workflow", Remote, Doc{
		Summary: `Runs a GitHub Actions workflow as a step: starts it, waits for its end, and takes over what it returns.
Kargo has no such step. The workflow must have the trigger ` + "`workflow_dispatch`" + `; it is dispatched once, as
` + "`gha-dispatch-workflow`" + ` says, and GitHub's event about its end wakes the step at once.

A workflow returns outputs by annotations with the title ` + "`kargo-output`" + `, from any of its jobs:

    echo "::notice title=kargo-output::digest=$DIGEST"
    echo "::notice title=kargo-output::{\"replicas\": 3, \"zones\": [\"a\", \"b\"]}"

Each is ` + "`NAME=VALUE`" + `, whose value is a text, or a JSON object, whose members keep their types; several lines are
separated by ` + "`%0A`" + `. Of two values for one name that of the later job counts. Names are letters, digits, ` + "`_`" + ` and ` + "`-`" + `.
The limits are GitHub's: 10 notices in one step of a job, 50 in one job, and 4,096 characters in each, after
which it cuts them; and ours: 100 jobs, 100 outputs, 64 KiB. What GitHub masks because it is a secret arrives masked.
Secrets in inputs are masked as well, because GitHub shows inputs: give the workflow its own.

Any other end than ` + "`expectedConclusion`" + ` fails the step; a retry of the Promotion dispatches the workflow
again. When the Promotion is aborted, or the step's ` + "`retry.timeout`" + ` is over, the run is cancelled. A run whose dispatch got
no answer, and that is not to be found at that moment, is not.`,
		Example: `
uses: workflow
as: deploy
config:
  file: deploy.yml
  inputs:
    version: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
`,
	}, runWorkflow).WithEnd(endWorkflow)
}

// Validate implements the rules beyond types.
func (c WorkflowConfig) Validate() error {
	_, err := actions.FileName(c.File)
	if c.RepoURL != "" {
		err = errors.Join(err, checkRepoURL(c.RepoURL))
	}
	if c.PollInterval < 0 {
		err = errors.Join(err, errors.New("pollInterval must not be negative"))
	}
	return errors.Join(err, checkConclusion(c.expected()))
}

func (c WorkflowConfig) expected() string { return cmp.Or(c.ExpectedConclusion, "success") }

func runWorkflow(ctx context.Context, env Env, c WorkflowConfig) (WorkflowOutput, error) {
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return WorkflowOutput{}, err
	}
	file, err := actions.FileName(c.File)
	if err != nil {
		return WorkflowOutput{}, &PermanentError{err}
	}
	var out WorkflowOutput
	if env.Prior != nil && json.Unmarshal(env.Prior, &out) != nil {
		return WorkflowOutput{}, &PermanentError{errors.New("recorded output makes no sense")}
	}
	d := env.resume(out.State)
	keep := func(d dispatched) any { return WorkflowOutput{RunID: d.Run, State: marshal(d)} }
	err = env.dispatch(ctx, actions.Order{Repo: repo, File: file, Ref: c.Ref, Inputs: texts(c.Inputs), IDInput: c.IDInput}, &d, keep)
	out = WorkflowOutput{RunID: d.Run, State: marshal(d)}
	if err != nil {
		return out, err
	}
	run, err := env.awaitRun(ctx, repo, d.Run, env.poll(c.PollInterval))
	out.URL, out.Conclusion = run.URL, run.Conclusion
	if err != nil {
		return out, err
	}
	messages, err := env.WorkflowOutputs.Annotations(ctx, repo, d.Run, actions.OutputTitle)
	if err != nil {
		return out, fmt.Errorf("outputs of workflow %s: %w", file, final(err))
	}
	if out.Outputs, err = actions.ParseOutputs(messages); err != nil {
		return out, &FailedError{Err: fmt.Errorf("outputs of workflow %s: %w; see %s", file, err, run.URL), Terminal: true}
	}
	return out, concluded(fmt.Sprintf("workflow %s of %s", file, repo), run, c.expected())
}

// endWorkflow cancels the run that nobody waits for any more.
func endWorkflow(ctx context.Context, env Env) error {
	var out WorkflowOutput
	if env.Prior == nil || env.Workflows == nil {
		return nil
	}
	if err := json.Unmarshal(env.Prior, &out); err != nil {
		return fmt.Errorf("recorded output: %w", err)
	}
	d := env.resume(out.State)
	owner, name, ok := strings.Cut(d.Repo, "/")
	if !ok || d.Token == "" || out.Conclusion != "" {
		return nil
	}
	repo := pipeline.Repo{Owner: owner, Name: name}
	if d.Run == 0 {
		if err := (actions.Order{Repo: repo, File: d.File, IDInput: d.IDInput}).Find(ctx, env.Workflows, &d.State); err != nil {
			return err
		}
	}
	if d.Run == 0 {
		return nil
	}
	if err := env.Workflows.Cancel(ctx, repo, d.Run); err != nil {
		return fmt.Errorf("cancel workflow run %d of %s: %w", d.Run, repo, err)
	}
	return nil
}

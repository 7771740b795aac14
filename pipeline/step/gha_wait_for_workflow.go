package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// WaitForWorkflowConfig configures gha-wait-for-workflow.
type WaitForWorkflowConfig struct {
	RepoURL            string            `json:"repoURL" doc:"the repository; it must belong to the owner of the pipeline's"`
	RunID              int64             `json:"runID" doc:"id of the run"`
	ExpectedConclusion string            `json:"expectedConclusion,omitempty" doc:"how the run must end, such as success; without it any end will do"`
	PollInterval       pipeline.Duration `json:"pollInterval,omitempty" doc:"when to look again if no event arrives, such as 30s; at least 10s; default the server's setting"`

	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify,omitempty" doc:"no effect: certificates are always verified"`
}

// WaitForWorkflowOutput is the output of gha-wait-for-workflow.
type WaitForWorkflowOutput struct {
	Conclusion string `json:"conclusion,omitempty" doc:"how the run ended"`
}

func ghaWaitForWorkflow() Definition {
	return Define("gha-wait-for-workflow", Remote, Doc{
		Summary: `Waits for the end of a workflow run, whoever started it.

GitHub's event wakes the step at once. Without ` + "`expectedConclusion`" + ` the step succeeds however the run
ended. When it ended otherwise than expected: re-run it on GitHub, which keeps its id, and retry
the Promotion. Aborting the Promotion leaves the run alone.`,
		Example: `
uses: gha-wait-for-workflow
as: wait
config:
  repoURL: https://github.com/acme/gitops.git
  runID: ${{ outputs.dispatch.runID }}
  expectedConclusion: success
`,
	}, runWaitForWorkflow)
}

// Replaced names the fields of Kargo 1.8.
func (WaitForWorkflowConfig) Replaced() map[string]string { return oldRepository }

// Validate implements the rules beyond types.
func (c WaitForWorkflowConfig) Validate() error {
	err := checkRepoURL(c.RepoURL)
	if c.RunID < 1 {
		err = errors.Join(err, errors.New("runID must be at least 1"))
	}
	if c.PollInterval < 0 {
		err = errors.Join(err, errors.New("pollInterval must not be negative"))
	}
	if c.ExpectedConclusion != "" {
		err = errors.Join(err, checkConclusion(c.ExpectedConclusion))
	}
	return err
}

func checkConclusion(s string) error {
	if !slices.Contains(conclusions, s) {
		return fmt.Errorf("expectedConclusion %q: want one of %s", s, strings.Join(conclusions, ", "))
	}
	return nil
}

func runWaitForWorkflow(ctx context.Context, env Env, c WaitForWorkflowConfig) (WaitForWorkflowOutput, error) {
	repo, err := env.target(c.RepoURL)
	if err != nil {
		return WaitForWorkflowOutput{}, err
	}
	run, err := env.awaitRun(ctx, repo, c.RunID, env.poll(c.PollInterval))
	if err != nil {
		return WaitForWorkflowOutput{}, err
	}
	out := WaitForWorkflowOutput{Conclusion: run.Conclusion}
	if c.ExpectedConclusion == "" {
		return out, nil
	}
	return out, concluded(fmt.Sprintf("workflow run %d of %s", c.RunID, repo), run, c.ExpectedConclusion)
}

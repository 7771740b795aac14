package step_test

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Configs are checked before any expression is evaluated.
func ExampleRegistry_CheckConfig() {
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		panic(err)
	}
	fmt.Println(steps.CheckConfig("git-open-pr", map[string]any{
		"repoURL":      "https://github.com/acme/gitops.git",
		"sourceBranch": "${{ outputs.push.branch }}",
		"targetBranch": true,
		"titel":        "Promote",
	}))
	// Output:
	// targetBranch: expected a string, got a boolean; wrap the expression in quote() to keep it a string
	// unknown field "titel" (did you mean "title"?)
}

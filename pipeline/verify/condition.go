package verify

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// judge says what a value means by a metric's conditions, as in Argo Rollouts:
// without conditions it is a success; with one, that one decides; with both,
// failure wins, and where neither is true nothing was learned. A condition that
// cannot be evaluated is an error.
func judge(success, failure string, value any) (pipeline.VerificationPhase, error) {
	holds := func(name, condition string) (bool, error) {
		if condition == "" {
			return false, nil
		}
		ok, err := expr.Condition(condition, value)
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		return ok, nil
	}
	succeeded, err := holds("successCondition", success)
	if err != nil {
		return pipeline.VerificationError, err
	}
	failed, err := holds("failureCondition", failure)
	if err != nil {
		return pipeline.VerificationError, err
	}
	switch {
	case failed:
		return pipeline.VerificationFailed, nil
	case succeeded, failure == "" && success == "", success == "":
		return pipeline.VerificationSuccessful, nil
	case failure == "":
		return pipeline.VerificationFailed, nil
	default:
		return pipeline.VerificationInconclusive, nil
	}
}

package verify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// validate finds what makes a Verification impossible to run, by Argo Rollouts'
// rules.
func validate(v *pipeline.Verification) error {
	if v == nil || len(v.Metrics) == 0 {
		return errors.New("there is no metric")
	}
	seen := map[string]bool{}
	for _, m := range v.Metrics {
		if err := validateMetric(m); err != nil {
			return fmt.Errorf("metric %s: %w", m.Name, err)
		}
		if seen[m.Name] {
			return fmt.Errorf("metric %s is there twice", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}

func validateMetric(m pipeline.Metric) error {
	switch {
	case m.Name == "":
		return errors.New("it has no name")
	case m.Count > 1 && m.Interval <= 0:
		return errors.New("a count over 1 needs an interval")
	case m.Count > 0 && m.FailureLimit > m.Count:
		return errors.New("failureLimit is greater than count")
	case m.Count > 0 && m.InconclusiveLimit > m.Count:
		return errors.New("inconclusiveLimit is greater than count")
	case m.FailureLimit < 0 && m.ConsecutiveSuccessLimit <= 0:
		return errors.New("without a failureLimit it needs a consecutiveSuccessLimit")
	}
	for _, c := range []string{m.SuccessCondition, m.FailureCondition} {
		if c == "" || strings.Contains(c, "{{") {
			continue
		}
		if err := expr.CheckCondition(c); err != nil {
			return err
		}
	}
	return nil
}

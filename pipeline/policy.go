package pipeline

import (
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// PromotionPolicy enables or disables auto-promotion for the Stages it selects.
// The first policy that selects a Stage wins, even one that disables.
type PromotionPolicy struct {
	Selector             StageSelector `json:"stageSelector"`
	AutoPromotionEnabled bool          `json:"autoPromotionEnabled"`
	AutoRollback         *AutoRollback `json:"autoRollback,omitempty"`
}

// AutoRollback promotes the last verified Freight again after a failure. An empty
// list means never for that cause; nil lists mean Kargo's defaults.
type AutoRollback struct {
	// OnVerification lists phases of Verifications: Failed (default), Error.
	OnVerification []VerificationPhase `json:"onVerification"`
	// OnPromotion lists phases of Promotions: Failed, Errored; default none.
	OnPromotion []Phase `json:"onPromotion"`
}

// StageSelector selects Stages by name and labels, both of which must match; an
// empty selector matches every Stage.
type StageSelector struct {
	// Name is exact, or a pattern after "glob:" or "regex:"/"regexp:"
	// (unanchored).
	Name        string            `json:"name,omitempty"`
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
	// MatchExpressions are Kubernetes label selector requirements.
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is one condition on labels.
type LabelRequirement struct {
	Key string `json:"key"`
	// Operator is In, NotIn, Exists or DoesNotExist.
	Operator string   `json:"operator"`
	Values   []string `json:"values,omitempty"`
}

// Matches reports whether the selector selects the Stage. A malformed pattern,
// which validation rejects, matches nothing.
func (s StageSelector) Matches(stage Stage) bool {
	return s.labels(&stage) && compileName(s.Name)(stage.Name)
}

func (s StageSelector) labels(stage *Stage) bool {
	for k, v := range s.MatchLabels {
		if got, ok := stage.Labels[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// MatchName matches a name against Kargo's pattern form: exact, "glob:PATTERN"
// or "regex:PATTERN" (also "regexp:", unanchored).
func MatchName(pattern, name string) bool {
	return pattern == name || (pattern != "" && compileName(pattern)(name))
}

// compileName returns the function that matches names; no pattern matches all.
func compileName(pattern string) func(name string) bool {
	kind, rest, found := strings.Cut(pattern, ":")
	switch {
	case pattern == "":
		return func(string) bool { return true }
	case found && kind == "glob":
		return func(name string) bool {
			ok, err := doublestar.Match(rest, name)
			return err == nil && ok
		}
	case found && (kind == "regex" || kind == "regexp"):
		re, err := regexp.Compile(rest)
		return func(name string) bool { return err == nil && re.MatchString(name) }
	}
	return func(name string) bool { return pattern == name }
}

// AutoPromotion reports whether auto-promotion is on for the Stage: the first
// matching policy decides, none means off.
func (p Pipeline) AutoPromotion(stage Stage) bool {
	return compilePolicies(p.Policies)(&stage)
}

// compilePolicies returns the function that applies policies to many Stages.
func compilePolicies(policies []PromotionPolicy) func(*Stage) bool {
	matches := make([]func(string) bool, len(policies))
	for i := range policies {
		matches[i] = compileName(policies[i].Selector.Name)
	}
	return func(stage *Stage) bool {
		for i := range policies {
			if matches[i](stage.Name) && policies[i].Selector.labels(stage) {
				return policies[i].AutoPromotionEnabled
			}
		}
		return false
	}
}

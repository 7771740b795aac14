package pipeline

import (
	"regexp"
	"slices"
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

// The operators of a [LabelRequirement], named as in Kubernetes.
const (
	LabelIn           = "In"
	LabelNotIn        = "NotIn"
	LabelExists       = "Exists"
	LabelDoesNotExist = "DoesNotExist"
)

func (r LabelRequirement) holds(labels map[string]string) bool {
	got, there := labels[r.Key]
	switch r.Operator {
	case LabelIn:
		return there && slices.Contains(r.Values, got)
	case LabelNotIn:
		return !there || !slices.Contains(r.Values, got)
	case LabelExists:
		return there
	case LabelDoesNotExist:
		return !there
	}
	return false // validation rejects it
}

// Matches reports whether the selector selects the Stage. Names are local ones. A
// malformed pattern, which validation rejects, matches nothing.
func (s StageSelector) Matches(stage Stage) bool {
	return s.labels(&stage) && compileName(s.Name)(stage.LocalName())
}

func (s StageSelector) labels(stage *Stage) bool {
	for k, v := range s.MatchLabels {
		if got, ok := stage.Labels[k]; !ok || got != v {
			return false
		}
	}
	for _, r := range s.MatchExpressions {
		if !r.holds(stage.Labels) {
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
	policy := compilePolicies(p.Policies)(&stage)
	return policy != nil && policy.AutoPromotionEnabled
}

// AutoRollback returns how the Stage recovers from failures, nil for not at all:
// the first matching policy decides.
func (p Pipeline) AutoRollback(stage Stage) *AutoRollback {
	if policy := compilePolicies(p.Policies)(&stage); policy != nil {
		return policy.AutoRollback
	}
	return nil
}

// Verifications reports whether a run that ended in this phase is rolled back.
func (r *AutoRollback) Verifications(phase VerificationPhase) bool {
	if r == nil {
		return false
	}
	if r.OnVerification == nil {
		return phase == VerificationFailed
	}
	return slices.Contains(r.OnVerification, phase)
}

// Promotions reports whether a Promotion that ended in this phase is rolled back.
func (r *AutoRollback) Promotions(phase Phase) bool {
	return r != nil && slices.Contains(r.OnPromotion, phase)
}

// compilePolicies returns the function that finds the policy of each of many
// Stages, nil for none.
func compilePolicies(policies []PromotionPolicy) func(*Stage) *PromotionPolicy {
	matches := make([]func(string) bool, len(policies))
	for i := range policies {
		matches[i] = compileName(policies[i].Selector.Name)
	}
	return func(stage *Stage) *PromotionPolicy {
		name := stage.LocalName()
		for i := range policies {
			if matches[i](name) && policies[i].Selector.labels(stage) {
				return &policies[i]
			}
		}
		return nil
	}
}

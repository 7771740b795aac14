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
}

// StageSelector selects Stages by name and labels, both of which must match; an
// empty selector matches every Stage.
type StageSelector struct {
	// Name is exact, or a pattern after "glob:" or "regex:"/"regexp:"
	// (unanchored).
	Name        string            `json:"name,omitempty"`
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// Matches reports whether the selector selects the Stage. A malformed pattern,
// which validation rejects, matches nothing.
func (s StageSelector) Matches(stage Stage) bool {
	for k, v := range s.MatchLabels {
		if got, ok := stage.Labels[k]; !ok || got != v {
			return false
		}
	}
	return s.Name == "" || MatchName(s.Name, stage.Name)
}

// MatchName matches a name against Kargo's pattern form: exact, "glob:PATTERN"
// or "regex:PATTERN" (also "regexp:", unanchored).
func MatchName(pattern, name string) bool {
	kind, rest, found := strings.Cut(pattern, ":")
	if !found {
		return pattern == name
	}
	switch kind {
	case "glob":
		ok, err := doublestar.Match(rest, name)
		return err == nil && ok
	case "regex", "regexp":
		re, err := regexp.Compile(rest)
		return err == nil && re.MatchString(name)
	}
	return pattern == name
}

// AutoPromotion reports whether auto-promotion is on for the Stage: the first
// matching policy decides, none means off.
func (p Pipeline) AutoPromotion(stage Stage) bool {
	for _, policy := range p.Policies {
		if policy.Selector.Matches(stage) {
			return policy.AutoPromotionEnabled
		}
	}
	return false
}

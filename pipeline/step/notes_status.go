package step

import (
	"encoding/json"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// FreightStatus is what has become of Freight, in the form that Kargo gives it.
type FreightStatus struct {
	CurrentlyIn map[string]CurrentStage  `json:"currentlyIn,omitempty"`
	VerifiedIn  map[string]VerifiedStage `json:"verifiedIn,omitempty"`
	ApprovedFor map[string]ApprovedStage `json:"approvedFor,omitempty"`
	Metadata    map[string]any           `json:"metadata,omitempty"`
}

// CurrentStage is a Stage that Freight is in.
type CurrentStage struct {
	Since time.Time `json:"since,omitzero"`
}

// VerifiedStage is a Stage that Freight was verified in.
type VerifiedStage struct {
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
	// LongestSoak is the longest stay that has ended.
	LongestSoak pipeline.Duration `json:"longestSoak,omitempty"`
}

// ApprovedStage is a Stage that Freight was approved for.
type ApprovedStage struct {
	ApprovedAt time.Time `json:"approvedAt,omitzero"`
}

// StatusOf gives marks and metadata of one Freight that form.
func StatusOf(marks []pipeline.Mark, metadata map[string]any) *FreightStatus {
	s := &FreightStatus{CurrentlyIn: map[string]CurrentStage{}, VerifiedIn: map[string]VerifiedStage{}, ApprovedFor: map[string]ApprovedStage{}, Metadata: metadata}
	for _, m := range marks {
		name := pipeline.LocalName(m.Stage)
		if !m.CurrentSince.IsZero() {
			s.CurrentlyIn[name] = CurrentStage{m.CurrentSince}
		}
		if !m.VerifiedAt.IsZero() {
			s.VerifiedIn[name] = VerifiedStage{m.VerifiedAt, pipeline.Duration(m.LongestSoak)}
		}
		if !m.ApprovedAt.IsZero() {
			s.ApprovedFor[name] = ApprovedStage{m.ApprovedAt}
		}
	}
	return s
}

// Values is the status as expressions see it, nil for none.
func (s *FreightStatus) Values() (map[string]any, error) {
	if s == nil {
		return nil, nil
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var values map[string]any
	return values, json.Unmarshal(raw, &values)
}

package pipeline

import "time"

// PromotionWindow opens or closes Stages to Promotions at recurring times. An
// active Deny always closes; where any Allow selects a Stage, one of them must be
// active.
type PromotionWindow struct {
	Name     string        `json:"name"`
	Kind     WindowKind    `json:"kind"`
	Selector StageSelector `json:"stageSelector,omitzero"`
	// RRule is an RFC 5545 recurrence rule and Cron a five-field cron expression
	// for when the window opens; one of them is set.
	RRule string `json:"rrule,omitempty"`
	Cron  string `json:"cron,omitempty"`
	// Start is when an RRule begins to count.
	Start time.Time `json:"start,omitzero"`
	// Duration is for how long it stays open.
	Duration Duration `json:"duration"`
	// TimeZone is an IANA name in which the rule is read; empty means UTC.
	TimeZone string `json:"timezone,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// WindowKind says what an active window does.
type WindowKind string

// The kinds of windows, named as in Kargo.
const (
	AllowWindow WindowKind = "Allow"
	DenyWindow  WindowKind = "Deny"
)

// Closure is whether a Stage is closed to Promotions at a moment, and until when.
type Closure struct {
	Closed bool `json:"closed"`
	// By names the rule: a window or the freeze.
	By string `json:"by,omitempty"`
	// Reason says in one sentence why the Stage is closed; a person's words are
	// part of it.
	Reason string `json:"reason,omitempty"`
	// Opens is when time alone opens a closed Stage, zero when an event has to.
	Opens time.Time `json:"opens,omitzero"`
	// Closes is when time alone closes an open Stage, zero for never.
	Closes time.Time `json:"closes,omitzero"`
}

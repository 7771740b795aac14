package store

import "time"

// AuditEvent is what a step of a Promotion wrote down for the record.
type AuditEvent struct {
	// Promotion and Step, an alias, say who wrote it.
	Promotion string    `json:"promotion"`
	Step      string    `json:"step"`
	At        time.Time `json:"at"`
	// Type, Actor and Data are what the step was told.
	Type    string         `json:"type"`
	Actor   string         `json:"actor,omitempty"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data,omitempty"`
}

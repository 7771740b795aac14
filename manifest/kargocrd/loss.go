package kargocrd

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Loss is something that a .kargo.yaml cannot say or says differently.
type Loss struct {
	File string `json:"file"`
	// Line is where it stands, 1-based.
	Line int `json:"line"`
	// Resource is "Stage prod", Field the path within it, empty for the whole.
	Resource string `json:"resource"`
	Field    string `json:"field,omitempty"`
	// Reason says why, and what stands in its place if something does.
	Reason string `json:"reason"`
}

// String returns one line about the loss.
func (l Loss) String() string {
	what := l.Resource
	if l.Field != "" {
		what += ", " + l.Field
	}
	return fmt.Sprintf("%s:%d: %s: %s", l.File, l.Line, what, l.Reason)
}

// lose records a loss in the resource at hand.
func (r *resource) lose(at *yaml.Node, field, format string, args ...any) {
	r.c.losses = append(r.c.losses, Loss{
		File: r.file, Line: at.Line, Resource: r.String(), Field: field, Reason: fmt.Sprintf(format, args...),
	})
}

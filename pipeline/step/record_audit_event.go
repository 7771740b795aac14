package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Audit keeps what steps write down for the record.
type Audit interface {
	// Record writes an event down. There is one for each step of a Promotion; that it
	// is there already is no error.
	Record(ctx context.Context, r pipeline.Repo, e AuditEvent) error
}

// AuditEvent is what a step writes down.
type AuditEvent struct {
	// Promotion and Step, an alias, say who writes.
	Promotion, Step      string
	Type, Actor, Message string
	Data                 map[string]any
}

// RecordAuditEventConfig configures record-audit-event.
type RecordAuditEventConfig struct {
	Message string `json:"message" doc:"what happened"`
	Type    string `json:"type,omitempty" doc:"a word for the kind of event; default recorded"`
	Actor   string `json:"actor,omitempty" doc:"who did it; default who asked for the Promotion"`
	Data    Values `json:"data,omitempty" doc:"further values"`
}

// maxAudit bounds one event, in bytes.
const maxAudit = 16 << 10

func recordAuditEvent() Definition {
	return Define("record-audit-event", Remote, Doc{
		Summary: `Writes an event down, once for each Promotion and step, to be read with ` + "`kargo audit`" + `
and in the server's log. Events are kept when the Promotion is long gone.`,
		Example: `
uses: record-audit-event
config:
  type: change-approved
  message: Change ${{ outputs.window.values.ticket }} covers this
  data:
    ticket: ${{ outputs.window.values.ticket }}
`,
	}, runRecordAuditEvent)
}

// Validate implements the rules beyond types.
func (c RecordAuditEventConfig) Validate() error {
	size := len(c.Message)
	for key, value := range c.Data {
		size += len(key) + len(value)
	}
	switch {
	case strings.TrimSpace(c.Message) == "":
		return errors.New("message must not be empty")
	case size > maxAudit:
		return fmt.Errorf("the event has %d bytes, and %d are allowed", size, maxAudit)
	}
	return nil
}

func runRecordAuditEvent(ctx context.Context, env Env, c RecordAuditEventConfig) (none, error) {
	if env.Audit == nil {
		return nil, &PermanentError{errors.New("there is nothing here to keep events in")}
	}
	e := AuditEvent{
		Promotion: env.Promotion.ID, Step: env.Promotion.Stage.Steps[env.Index].As,
		Type: cmp.Or(c.Type, "recorded"), Actor: cmp.Or(c.Actor, env.Promotion.Actor), Message: c.Message,
	}
	for key, raw := range c.Data {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, &PermanentError{fmt.Errorf("data.%s: %w", key, err)}
		}
		if e.Data == nil {
			e.Data = map[string]any{}
		}
		e.Data[key] = value
	}
	if err := env.Audit.Record(ctx, env.Promotion.Repo, e); err != nil {
		return nil, fmt.Errorf("record event: %w", err)
	}
	env.Log.InfoContext(ctx, "audit event", "type", e.Type, "actor", e.Actor, "message", e.Message)
	return nil, nil
}

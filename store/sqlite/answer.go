package sqlite

import (
	"cmp"
	"context"
	"database/sql"

	"github.com/kargo-app/kargo/pipeline"
)

// answer gathers what came of one intent. Several actions may answer it; it is
// granted if anything was done, else refused for the first reason.
type answer struct {
	// open is false for an intent that was resolved before, or is unknown: then
	// nothing is done that answers it.
	open                             bool
	granted                          bool
	promotion, verification, freight string
	refusal                          *pipeline.UserError
}

// answer returns what is known of an intent; an action without one may always be
// carried out.
func (a *applier) answer(ctx context.Context, intent string) (*answer, error) {
	if intent == "" {
		return &answer{open: true}, nil
	}
	if ans, ok := a.answers[intent]; ok {
		return ans, nil
	}
	open, err := a.tx.intentOpen(ctx, a.repoID, intent)
	if err != nil {
		return nil, err
	}
	ans := &answer{open: open}
	a.answers[intent] = ans
	return ans, nil
}

func (ans *answer) note(out outcome) {
	if out.refusal != nil {
		ans.refusal = cmp.Or(ans.refusal, out.refusal)
		return
	}
	ans.granted = true
	ans.promotion = cmp.Or(ans.promotion, out.promotion)
	ans.verification = cmp.Or(ans.verification, out.verification)
	ans.freight = cmp.Or(ans.freight, out.freight)
}

// resolve writes the answers.
func (a *applier) resolve(ctx context.Context) error {
	for id, ans := range a.answers {
		if !ans.open {
			continue
		}
		var message, hint sql.NullString
		if !ans.granted {
			message, hint = text(ans.refusal.Message), text(ans.refusal.Hint)
		}
		if _, err := a.tx.exec(ctx, `
UPDATE intent SET resolved_at = ?, promotion = ?, verification = ?, freight = ?, message = ?, hint = coalesce(?, '')
WHERE repo = ? AND id = ? AND resolved_at IS NULL`,
			micros(a.now), ans.promotion, ans.verification, ans.freight, message, hint, a.repoID, id); err != nil {
			return err
		}
	}
	return nil
}

func text(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }

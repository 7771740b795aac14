package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// openPromotion returns the unfinished Promotion of Freight into a Stage, empty
// when there is none.
func (a *applier) openPromotion(ctx context.Context, stage, freight string) (string, error) {
	id, err := one(ctx, a.tx, scanTo[string], `
SELECT id FROM promotion WHERE repo = ? AND stage = ? AND freight = ? AND phase IN ('Pending', 'Running')`,
		a.repoID, stage, freight)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return id, err
}

func onItsWay(f pipeline.Freight, stage, id string) outcome {
	return outcome{refusal: &pipeline.UserError{
		Message: fmt.Sprintf("%s is already on its way to %s as %s", f.Headline(), stage, id),
		Hint:    "/kargo status " + stage,
	}}
}

// deleted reports whether Freight existed and was deleted.
func (a *applier) deleted(ctx context.Context, freight string) (bool, error) {
	n, err := one(ctx, a.tx, scanTo[int],
		`SELECT count(*) FROM freight WHERE repo = ? AND id = ? AND deleted_at IS NOT NULL`, a.repoID, freight)
	return n == 1, err
}

func (a *applier) start(ctx context.Context, p pipeline.Promotion) (outcome, error) {
	if gone, err := a.deleted(ctx, p.Freight.ID); err != nil || gone {
		return refused("%s was deleted", p.Freight.Headline()), err
	}
	other, err := a.openPromotion(ctx, p.Stage.Name, p.Freight.ID)
	if err != nil {
		return outcome{}, err
	}
	if other != "" {
		return onItsWay(p.Freight, p.Stage.Name, other), nil
	}
	seq, err := a.tx.lastSeq(ctx, a.repoID, p.Stage.Name)
	if err != nil {
		return outcome{}, err
	}
	p.Seq = seq.promotion + 1
	p.ID = fmt.Sprintf("%s-%d", p.Stage.Name, p.Seq)
	if err := a.tx.insertPromotion(ctx, a.repoID, p); err != nil {
		return outcome{}, fmt.Errorf("start %s: %w", p.ID, err)
	}
	a.applied.Started = append(a.applied.Started, p.ID)
	return outcome{changed: true, promotion: p.ID}, a.wakeStage(ctx, p.Stage.Name)
}

func (a *applier) wakeStage(ctx context.Context, stage string) error {
	return a.tx.enqueue(ctx, store.WorkStage, store.StageKey(a.repoID, stage), a.now)
}

// abort requests an end; the first request stays.
func (a *applier) abort(ctx context.Context, s pipeline.AbortPromotion) (outcome, error) {
	stage, err := one(ctx, a.tx, scanTo[string], `
UPDATE promotion SET
	abort_as        = CASE abort_requested WHEN '' THEN ? ELSE abort_as END,
	abort_requested = CASE abort_requested WHEN '' THEN ? ELSE abort_requested END
WHERE repo = ? AND id = ? AND phase IN ('Pending', 'Running') RETURNING stage`, s.As, s.Reason, a.repoID, s.Promotion)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused("Promotion %s has already ended", s.Promotion), nil
	case err != nil:
		return outcome{}, err
	}
	return outcome{changed: true, promotion: s.Promotion}, a.wakeStage(ctx, stage)
}

// approve records one approval per person and head, the newest.
func (a *applier) approve(ctx context.Context, id string, approval pipeline.Approval) (outcome, error) {
	stage, err := a.tx.stageOfOpen(ctx, a.repoID, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused("Promotion %s has already ended", id), nil
	case err != nil:
		return outcome{}, err
	}
	if _, err := a.tx.exec(ctx, `DELETE FROM promotion_approval WHERE repo = ? AND promotion = ? AND login = ? AND head = ?`,
		a.repoID, id, approval.Actor.Login, approval.Head); err != nil {
		return outcome{}, err
	}
	if err := a.tx.insertApproval(ctx, a.repoID, id, approval); err != nil {
		return outcome{}, err
	}
	return outcome{changed: true, promotion: id}, a.wakeStage(ctx, stage)
}

// stageOfOpen returns the Stage of a Promotion that has not ended, or
// [store.ErrNotFound].
func (tx *writeTx) stageOfOpen(ctx context.Context, repoID int64, id string) (string, error) {
	return one(ctx, tx, scanTo[string], `SELECT stage FROM promotion WHERE repo = ? AND id = ? AND phase IN ('Pending', 'Running')`, repoID, id)
}

func (tx *writeTx) insertApproval(ctx context.Context, repoID int64, id string, approval pipeline.Approval) error {
	body, err := jsonText(approval)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO promotion_approval (repo, promotion, login, head, body) VALUES (?, ?, ?, ?, ?)`,
		repoID, id, approval.Actor.Login, approval.Head, body)
	return err
}

// retry queues a Promotion again that ended.
func (a *applier) retry(ctx context.Context, id string) (outcome, error) {
	all, err := promotions(ctx, newResolver(a.tx, a.repoID, a.tx.memory, nil), selectPromotion+`WHERE p.repo = ? AND p.id = ?`, a.repoID, id)
	switch {
	case err != nil:
		return outcome{}, err
	case len(all) == 0:
		return refused("there is no Promotion %s", id), nil
	}
	p := all[0]
	if !p.Phase.Terminal() {
		return refused("%s has not ended", id), nil
	}
	if gone, err := a.deleted(ctx, p.Freight.ID); err != nil || gone {
		return refused("%s was deleted", p.Freight.Headline()), err
	}
	other, err := a.openPromotion(ctx, p.Stage.Name, p.Freight.ID)
	if err != nil {
		return outcome{}, err
	}
	if other != "" {
		return onItsWay(p.Freight, p.Stage.Name, other), nil
	}
	p.Retry(a.now)
	if err := a.tx.reopen(ctx, a.repoID, p); err != nil {
		return outcome{}, fmt.Errorf("take up %s again: %w", id, err)
	}
	return outcome{changed: true, promotion: id}, a.wakeStage(ctx, p.Stage.Name)
}

// reopen writes a Promotion that is not ended any more. The one before it becomes
// the newest ended one of its Stage and Freight.
func (tx *writeTx) reopen(ctx context.Context, repoID int64, p pipeline.Promotion) error {
	steps, err := jsonText(p.Steps)
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `
UPDATE promotion SET phase = ?, message = ?, started_at = ?, finished_at = ?, rewinds = ?, steps = ?, retries = ?,
	abort_requested = ?, abort_as = ?, reported = 0, newest = 0
WHERE repo = ? AND id = ?`,
		p.Phase, p.Message, micros(p.StartedAt), micros(p.FinishedAt), p.Rewinds, steps, p.Retries, p.AbortRequested, p.AbortAs,
		repoID, p.ID); err != nil {
		return err
	}
	return tx.setNewest(ctx, repoID, p.Stage.Name, p.Freight.ID)
}

// seqs are the numbers of the newest of a Stage.
type seqs struct{ promotion, verification int }

// lastSeq returns the greatest numbers that were ever given in a Stage.
func (tx *writeTx) lastSeq(ctx context.Context, repoID int64, stage string) (seqs, error) {
	last, err := one(ctx, tx, func(rows *sql.Rows, s *seqs) error { return rows.Scan(&s.promotion, &s.verification) },
		`SELECT promotions, verifications FROM stage WHERE repo = ? AND name = ?`, repoID, stage)
	if errors.Is(err, store.ErrNotFound) {
		return seqs{}, nil
	}
	return last, err
}

package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// promotionRow is a Promotion as it is stored: less than half of a
// [pipeline.Promotion]. Its Freight is not there yet, because that may change its
// alias and metadata.
type promotionRow struct {
	id, stage, configSHA, reason, actor string
	abortRequested, message             string
	seq, source, retries, rewinds       int
	holdIntent                          pipeline.HoldIntent
	phase, abortAs                      pipeline.Phase
	rollback                            bool
	createdAt, startedAt, finishedAt    time.Time
	repo                                pipeline.Repo
	freight, previous                   string
	collection                          []string
	approvals                           []pipeline.Approval
	answers                             []pipeline.Answer
	steps                               []pipeline.StepState
	hash                                specHash
	spec                                *spec
}

const selectPromotion = `
SELECT p.id, p.stage, p.seq, repo.id, repo.owner, repo.name, p.config_sha, p.freight, p.collection, p.spec, p.reason, p.actor,
	p.source, p.hold_intent, p.rollback, p.created_at, p.abort_requested, p.abort_as, p.retries, p.phase, p.message,
	p.started_at, p.finished_at, coalesce(p.previous, ''), p.rewinds, p.steps,
	(SELECT json_group_array(json(a.body) ORDER BY a.seq) FROM promotion_approval AS a
	 WHERE a.repo = p.repo AND a.promotion = p.id HAVING count(*) > 0),
	(SELECT json_group_array(json(a.body) ORDER BY a.seq) FROM promotion_answer AS a
	 WHERE a.repo = p.repo AND a.promotion = p.id HAVING count(*) > 0)
FROM promotion AS p JOIN repo ON repo.id = p.repo `

const (
	selectPromotionByPull   = selectPromotion + `WHERE p.repo = ? AND p.pull = ? ORDER BY p.created_at DESC, p.seq DESC LIMIT 1`
	selectPromotionList     = selectPromotion + `WHERE p.repo = ? ORDER BY p.created_at DESC, p.seq DESC LIMIT ?`
	selectStagePromotions   = selectPromotion + `WHERE p.repo = ? AND p.stage = ? AND p.reported = 0 ORDER BY p.seq`
	selectEarlierPromotions = selectPromotion + `WHERE p.repo = ? AND p.stage = ? AND p.seq < ? ORDER BY p.seq DESC LIMIT ?`
)

func scanPromotion(rows *sql.Rows, p *promotionRow) error {
	return rows.Scan(&p.id, &p.stage, &p.seq, &p.repo.ID, &p.repo.Owner, &p.repo.Name, &p.configSHA, &p.freight,
		scanJSON(&p.collection), &p.hash, &p.reason, &p.actor, &p.source, &p.holdIntent, &p.rollback, scanTime(&p.createdAt),
		&p.abortRequested, &p.abortAs, &p.retries, &p.phase, &p.message, scanTime(&p.startedAt), scanTime(&p.finishedAt),
		&p.previous, &p.rewinds, scanJSON(&p.steps), scanJSON(&p.approvals), scanJSON(&p.answers))
}

// promotions runs a query that begins with selectPromotion.
func promotions(ctx context.Context, r *resolver, query string, args ...any) ([]pipeline.Promotion, error) {
	rows, err := promotionRows(ctx, r, query, args...)
	if err != nil {
		return nil, err
	}
	all := make([]pipeline.Promotion, len(rows))
	for i := range rows {
		if all[i], err = r.promotion(ctx, &rows[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func promotionRows(ctx context.Context, r *resolver, query string, args ...any) ([]promotionRow, error) {
	rows, err := collect(ctx, r.q, scanPromotion, query, args...)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].spec, err = r.spec(ctx, rows[i].hash); err != nil {
			return nil, fmt.Errorf("promotion %s: %w", rows[i].id, err)
		}
	}
	return rows, nil
}

// promotion follows the references of a row, which keeps nothing that whoever gets
// the Promotion may change in place.
func (r *resolver) promotion(ctx context.Context, row *promotionRow) (pipeline.Promotion, error) {
	p := pipeline.Promotion{
		ID: row.id, Seq: row.seq, Repo: row.repo, Pipeline: row.spec.Pipeline, ConfigSHA: row.configSHA,
		Stage: row.spec.Stage, Vars: row.spec.Vars, Channels: row.spec.Channels, Reason: row.reason, Actor: row.actor, Source: row.source,
		HoldIntent: row.holdIntent, Rollback: row.rollback, CreatedAt: row.createdAt,
		AbortRequested: row.abortRequested, AbortAs: row.abortAs, Approvals: slices.Clone(row.approvals), Answers: slices.Clone(row.answers), Retries: row.retries,
		Phase: row.phase, Message: row.message, StartedAt: row.startedAt, FinishedAt: row.finishedAt,
		Rewinds: row.rewinds, Steps: slices.Clone(row.steps),
	}
	f, err := r.load(ctx, row.freight)
	if err != nil {
		return p, fmt.Errorf("promotion %s: %w", p.ID, err)
	}
	p.Freight = *f
	if p.Collection, err = r.loadAll(ctx, row.collection); err != nil {
		return p, fmt.Errorf("promotion %s: %w", p.ID, err)
	}
	if row.previous != "" {
		if f, err = r.load(ctx, row.previous); err != nil {
			return p, fmt.Errorf("promotion %s: %w", p.ID, err)
		}
		previous := *f
		p.Previous = &previous
	}
	return p, nil
}

// insertPromotion writes a new Promotion; ID and Seq are set.
func (tx *writeTx) insertPromotion(ctx context.Context, repoID int64, p pipeline.Promotion) error {
	hash, err := tx.putSpec(ctx, spec{p.Pipeline, p.Vars, p.Stage, p.Channels})
	if err != nil {
		return err
	}
	steps, err := jsonText(p.Steps)
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, `
INSERT INTO promotion (repo, id, stage, seq, freight, collection, spec, config_sha, reason, actor, source, hold_intent,
	rollback, created_at, abort_requested, abort_as, retries, phase, message, steps)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		repoID, p.ID, p.Stage.Name, p.Seq, p.Freight.ID, freightIDs(p.Collection), hash[:], p.ConfigSHA, p.Reason, p.Actor,
		p.Source, p.HoldIntent, p.Rollback, micros(p.CreatedAt), p.AbortRequested, p.AbortAs, p.Retries, p.Phase, p.Message,
		steps); err != nil {
		return err
	}
	for _, approval := range p.Approvals {
		if err := tx.insertApproval(ctx, repoID, p.ID, approval); err != nil {
			return err
		}
	}
	for _, answer := range p.Answers {
		if err := tx.insertAnswer(ctx, repoID, p.ID, answer); err != nil {
			return err
		}
	}
	return nil
}

// Promotion returns a Promotion, or [store.ErrNotFound]. Its Repo has the
// present names, whatever they were when it was created.
func (db *DB) Promotion(ctx context.Context, repoID int64, id string) (pipeline.Promotion, error) {
	return db.onePromotion(ctx, repoID, "promotion "+id, selectPromotion+`WHERE p.repo = ? AND p.id = ?`, repoID, id)
}

// PromotionByPull returns the newest Promotion that opened or adopted a pull
// request of its own repository, or [store.ErrNotFound].
func (db *DB) PromotionByPull(ctx context.Context, repoID int64, number int) (pipeline.Promotion, error) {
	return db.onePromotion(ctx, repoID, fmt.Sprintf("promotion of pull request %d", number),
		selectPromotionByPull, repoID, number)
}

func (db *DB) onePromotion(ctx context.Context, repoID int64, what, query string, args ...any) (pipeline.Promotion, error) {
	all, err := promotions(ctx, newResolver(db.reads, repoID, db.memory, nil), query, args...)
	if err != nil {
		return pipeline.Promotion{}, fmt.Errorf("load %s: %w", what, err)
	}
	if err := found(len(all), nil); err != nil {
		return pipeline.Promotion{}, fmt.Errorf("load %s: %w", what, err)
	}
	return all[0], nil
}

// Promotions returns a repository's Promotions, newest first, at most limit.
func (db *DB) Promotions(ctx context.Context, repoID int64, limit int) ([]pipeline.Promotion, error) {
	all, err := promotions(ctx, newResolver(db.reads, repoID, db.memory, nil),
		selectPromotionList, repoID, limit)
	if err != nil {
		return nil, fmt.Errorf("list promotions of repository %d: %w", repoID, err)
	}
	return all, nil
}

// StagePromotions returns the Promotions of a Stage that need attention, by Seq:
// those that have not ended, and those whose end was not reported.
func (db *DB) StagePromotions(ctx context.Context, repoID int64, stage string) ([]pipeline.Promotion, error) {
	all, err := promotions(ctx, newResolver(db.reads, repoID, db.memory, nil),
		selectStagePromotions, repoID, stage)
	if err != nil {
		return nil, fmt.Errorf("load promotions of %s: %w", stage, err)
	}
	return all, nil
}

// EarlierPromotions returns the Promotions of a Stage with a lower Seq, newest first, at
// most limit.
func (db *DB) EarlierPromotions(ctx context.Context, repoID int64, stage string, seq, limit int) ([]pipeline.Promotion, error) {
	all, err := promotions(ctx, newResolver(db.reads, repoID, db.memory, nil),
		selectEarlierPromotions, repoID, stage, seq, limit)
	if err != nil {
		return nil, fmt.Errorf("load earlier promotions of %s: %w", stage, err)
	}
	return all, nil
}

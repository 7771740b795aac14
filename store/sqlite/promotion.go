package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// spec is the part of a Promotion that many Promotions share.
type spec struct {
	Pipeline string         `json:"pipeline"`
	Vars     []pipeline.Var `json:"vars,omitempty"`
	Stage    pipeline.Stage `json:"stage"`
}

// promotionRow is a Promotion whose references are not followed yet.
type promotionRow struct {
	pipeline.Promotion
	freight, previous string
	collection        []string
	spec              [sha256.Size]byte
}

const selectPromotion = `
SELECT p.id, p.seq, repo.id, repo.owner, repo.name, p.config_sha, p.freight, p.collection, p.spec, p.reason, p.actor,
	p.source, p.hold_intent, p.created_at, p.abort_requested, p.phase, p.message, p.started_at, p.finished_at,
	coalesce(p.previous, ''), p.rewinds, p.steps
FROM promotion AS p JOIN repo ON repo.id = p.repo `

const (
	selectPromotionByPull = selectPromotion + `WHERE p.repo = ? AND p.pull = ? ORDER BY p.created_at DESC, p.seq DESC LIMIT 1`
	selectPromotionList   = selectPromotion + `WHERE p.repo = ? ORDER BY p.created_at DESC, p.seq DESC LIMIT ?`
	selectStagePromotions = selectPromotion + `WHERE p.repo = ? AND p.stage = ? AND p.reported = 0 ORDER BY p.seq`
)

func scanPromotion(rows *sql.Rows, p *promotionRow) error {
	var hash sql.RawBytes
	err := rows.Scan(&p.ID, &p.Seq, &p.Repo.ID, &p.Repo.Owner, &p.Repo.Name, &p.ConfigSHA, &p.freight,
		scanJSON(&p.collection), &hash, &p.Reason, &p.Actor, &p.Source, &p.HoldIntent, scanTime(&p.CreatedAt),
		&p.AbortRequested, &p.Phase, &p.Message, scanTime(&p.StartedAt), scanTime(&p.FinishedAt), &p.previous,
		&p.Rewinds, scanJSON(&p.Steps))
	copy(p.spec[:], hash)
	return err
}

// promotions runs a query that begins with selectPromotion. known saves loading
// Freight again; it may be nil.
func promotions(ctx context.Context, q querier, repoID int64, known map[string]pipeline.Freight, query string, args ...any) ([]pipeline.Promotion, error) {
	rows, err := collect(ctx, q, scanPromotion, query, args...)
	if err != nil {
		return nil, err
	}
	r := resolver{q: q, repoID: repoID, freight: known, specs: map[[sha256.Size]byte]spec{}}
	if r.freight == nil {
		r.freight = map[string]pipeline.Freight{}
	}
	all := make([]pipeline.Promotion, len(rows))
	for i := range rows {
		if all[i], err = r.resolve(ctx, &rows[i]); err != nil {
			return nil, fmt.Errorf("promotion %s: %w", rows[i].ID, err)
		}
	}
	return all, nil
}

// resolver follows the references of Promotions, each target once. What it
// loads never changes, so it needs no transaction.
type resolver struct {
	q       querier
	repoID  int64
	freight map[string]pipeline.Freight
	specs   map[[sha256.Size]byte]spec
}

func (r *resolver) resolve(ctx context.Context, row *promotionRow) (pipeline.Promotion, error) {
	p := row.Promotion
	s, ok := r.specs[row.spec]
	if !ok {
		var err error
		s, err = one(ctx, r.q, func(rows *sql.Rows, s *spec) error { return rows.Scan(scanJSON(s)) },
			`SELECT body FROM spec WHERE hash = ?`, row.spec[:])
		if err != nil {
			return p, fmt.Errorf("load spec: %w", err)
		}
		r.specs[row.spec] = s
	}
	p.Pipeline, p.Vars, p.Stage = s.Pipeline, s.Vars, s.Stage
	var err error
	if p.Freight, err = r.load(ctx, row.freight); err != nil {
		return p, err
	}
	for _, id := range row.collection {
		f, err := r.load(ctx, id)
		if err != nil {
			return p, err
		}
		p.Collection = append(p.Collection, f)
	}
	if row.previous != "" {
		f, err := r.load(ctx, row.previous)
		if err != nil {
			return p, err
		}
		p.Previous = &f
	}
	return p, nil
}

func (r *resolver) load(ctx context.Context, id string) (pipeline.Freight, error) {
	if f, ok := r.freight[id]; ok {
		return f, nil
	}
	f, err := one(ctx, r.q, scanFreight, `SELECT `+freightColumns+` FROM freight WHERE repo = ? AND id = ?`, r.repoID, id)
	if err != nil {
		return f, fmt.Errorf("load freight %s: %w", pipeline.Short(id), err)
	}
	r.freight[id] = f
	return f, nil
}

// insertPromotion writes a new Promotion; ID and Seq are set.
func (tx *writeTx) insertPromotion(ctx context.Context, repoID int64, p pipeline.Promotion) error {
	body, err := jsonText(spec{p.Pipeline, p.Vars, p.Stage})
	if err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(body))
	if _, err := tx.ExecContext(ctx, `INSERT INTO spec (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING`, hash[:], body); err != nil {
		return err
	}
	steps, err := jsonText(p.Steps)
	if err != nil {
		return err
	}
	ids := make([]string, len(p.Collection))
	for i, f := range p.Collection {
		ids[i] = f.ID
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO promotion (repo, id, stage, seq, freight, collection, spec, config_sha, reason, actor, source, hold_intent,
	created_at, abort_requested, phase, message, steps)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		repoID, p.ID, p.Stage.Name, p.Seq, p.Freight.ID, list(ids), hash[:], p.ConfigSHA, p.Reason, p.Actor, p.Source,
		p.HoldIntent, micros(p.CreatedAt), p.AbortRequested, p.Phase, p.Message, steps)
	return err
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
	all, err := promotions(ctx, db.reader, repoID, nil, query, args...)
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
	all, err := promotions(ctx, db.reader, repoID, nil,
		selectPromotionList, repoID, limit)
	if err != nil {
		return nil, fmt.Errorf("list promotions of repository %d: %w", repoID, err)
	}
	return all, nil
}

// StagePromotions returns the Promotions of a Stage that need attention, by Seq:
// those that have not ended, and those whose end was not reported.
func (db *DB) StagePromotions(ctx context.Context, repoID int64, stage string) ([]pipeline.Promotion, error) {
	all, err := promotions(ctx, db.reader, repoID, nil,
		selectStagePromotions, repoID, stage)
	if err != nil {
		return nil, fmt.Errorf("load promotions of %s: %w", stage, err)
	}
	return all, nil
}

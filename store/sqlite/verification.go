package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// verificationRow is a VerificationRun whose Freight is not there yet, because
// that may change its alias and metadata.
type verificationRow struct {
	pipeline.VerificationRun
	collection []string
	hash       specHash
	spec       *spec
}

// verificationState is the part of a run that no query looks into.
type verificationState struct {
	Message string               `json:"message,omitempty"`
	Args    map[string]string    `json:"args,omitempty"`
	Metrics []pipeline.MetricRun `json:"metrics,omitempty"`
	WakeOn  []string             `json:"wakeOn,omitempty"`
}

func stateOf(run pipeline.VerificationRun) (string, error) {
	return jsonText(verificationState{run.Message, run.Args, run.Metrics, run.WakeOn})
}

const selectVerification = `
SELECT v.id, v.stage, v.seq, repo.id, repo.owner, repo.name, v.collection, v.spec, v.promotion, v.commit_id, v.commit_repo, v.again,
	v.actor, v.reason, v.created_at, v.abort_requested, v.phase, v.state, v.started_at, v.finished_at, v.wake
FROM verification AS v JOIN repo ON repo.id = v.repo `

const (
	selectOpenVerification = selectVerification + `
WHERE v.repo = ? AND v.stage = ? AND v.phase IN ('Pending', 'Running')`
	selectUnreportedVerifications = selectVerification + `
WHERE v.repo = ? AND v.stage = ? AND v.reported = 0 AND v.phase NOT IN ('Pending', 'Running') ORDER BY v.seq`
	// What [pipeline.FollowUp] looks at.
	selectPrecedents = selectVerification + `
WHERE v.repo = ?1 AND v.stage = ?2 AND v.rowid IN (
	SELECT rowid FROM verification WHERE repo = ?1 AND stage = ?2 AND phase IN ('Pending', 'Running')
	UNION
	SELECT rowid FROM verification WHERE repo = ?1 AND stage = ?2 AND collection_key = ?3 AND newest = 1)`
)

func scanVerification(rows *sql.Rows, v *verificationRow) error {
	var state verificationState
	err := rows.Scan(&v.ID, &v.Stage.Name, &v.Seq, &v.Repo.ID, &v.Repo.Owner, &v.Repo.Name, scanJSON(&v.collection), &v.hash, &v.Promotion,
		&v.Commit, &v.CommitRepo, &v.Again, &v.Actor, &v.Reason, scanTime(&v.CreatedAt), &v.AbortRequested, &v.Phase,
		scanJSON(&state), scanTime(&v.StartedAt), scanTime(&v.FinishedAt), scanTime(&v.WakeAt))
	v.Message, v.Args, v.Metrics, v.WakeOn = state.Message, state.Args, state.Metrics, state.WakeOn
	return err
}

// verifications runs a query that begins with selectVerification.
func verifications(ctx context.Context, r *resolver, query string, args ...any) ([]pipeline.VerificationRun, error) {
	rows, err := verificationRows(ctx, r, query, args...)
	if err != nil {
		return nil, err
	}
	all := make([]pipeline.VerificationRun, len(rows))
	for i := range rows {
		if all[i], err = r.verification(ctx, &rows[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func verificationRows(ctx context.Context, r *resolver, query string, args ...any) ([]verificationRow, error) {
	rows, err := collect(ctx, r.q, scanVerification, query, args...)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].spec, err = r.spec(ctx, rows[i].hash); err != nil {
			return nil, fmt.Errorf("verification %s: %w", rows[i].ID, err)
		}
	}
	return rows, nil
}

func (r *resolver) verification(ctx context.Context, row *verificationRow) (pipeline.VerificationRun, error) {
	v := row.VerificationRun
	v.Pipeline, v.Vars, v.Stage = row.spec.Pipeline, row.spec.Vars, row.spec.Stage
	v.Metrics = slices.Clone(v.Metrics)
	var err error
	if v.Collection, err = r.loadAll(ctx, row.collection); err != nil {
		return v, fmt.Errorf("verification %s: %w", v.ID, err)
	}
	return v, nil
}

// insertVerification gives a run its number and writes it.
func (tx *writeTx) insertVerification(ctx context.Context, repoID int64, v pipeline.VerificationRun) (id string, err error) {
	last, err := tx.lastSeq(ctx, repoID, v.Stage.Name)
	if err != nil {
		return "", err
	}
	v.Seq = last.verification + 1
	v.ID = fmt.Sprintf("%s-v%d", v.Stage.Name, v.Seq)
	if v.Phase == "" {
		v.Phase = pipeline.VerificationPending
	}
	hash, err := tx.putSpec(ctx, spec{Pipeline: v.Pipeline, Vars: v.Vars, Stage: v.Stage})
	if err != nil {
		return "", err
	}
	state, err := stateOf(v)
	if err != nil {
		return "", err
	}
	_, err = tx.exec(ctx, `
INSERT INTO verification (repo, id, stage, seq, collection, collection_key, spec, promotion, commit_id, commit_repo, again,
	actor, reason, created_at, abort_requested, phase, state, started_at, finished_at, wake)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		repoID, v.ID, v.Stage.Name, v.Seq, freightIDs(v.Collection), pipeline.CollectionKey(v.Collection), hash[:], v.Promotion,
		v.Commit, v.CommitRepo, v.Again, v.Actor, v.Reason, micros(v.CreatedAt), v.AbortRequested, v.Phase, state,
		micros(v.StartedAt), micros(v.FinishedAt), micros(v.WakeAt))
	return v.ID, err
}

// verify starts a run unless one is under way in the Stage.
func (a *applier) verify(ctx context.Context, run pipeline.VerificationRun) (outcome, error) {
	open, err := one(ctx, a.tx, scanTo[string],
		`SELECT id FROM verification WHERE repo = ? AND stage = ? AND phase IN ('Pending', 'Running')`, a.repoID, run.Stage.Name)
	switch {
	case err == nil:
		return refused("%s is being verified already as %s", run.Stage.Name, open), nil
	case !errors.Is(err, store.ErrNotFound):
		return outcome{}, err
	}
	id, err := a.tx.insertVerification(ctx, a.repoID, run)
	if err != nil {
		return outcome{}, fmt.Errorf("start verification of %s: %w", run.Stage.Name, err)
	}
	a.applied.Verifications = append(a.applied.Verifications, id)
	return outcome{changed: true, verification: id}, a.wakeStage(ctx, run.Stage.Name)
}

// stop requests the end of a run; the first reason stays.
func (a *applier) stop(ctx context.Context, s pipeline.StopVerification) (outcome, error) {
	stage, err := one(ctx, a.tx, scanTo[string], `
UPDATE verification SET abort_requested = CASE abort_requested WHEN '' THEN ? ELSE abort_requested END
WHERE repo = ? AND id = ? AND phase IN ('Pending', 'Running') RETURNING stage`, s.Reason, a.repoID, s.Run)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused("Verification %s has already ended", s.Run), nil
	case err != nil:
		return outcome{}, err
	}
	return outcome{changed: true, verification: s.Run}, a.wakeStage(ctx, stage)
}

// followUp starts the run that the success of a Promotion asks for, once it is
// healthy.
func (tx *writeTx) followUp(ctx context.Context, r *resolver, p *pipeline.Promotion, now time.Time) error {
	var collection []pipeline.Freight
	for _, req := range p.Stage.Requests {
		f, err := currentFreight(ctx, tx, r.repoID, p.Stage.Name, req.Origin)
		if err != nil {
			return err
		}
		if f != nil {
			collection = append(collection, *f)
		}
	}
	runs, err := verifications(ctx, r, selectPrecedents, r.repoID, p.Stage.Name, pipeline.CollectionKey(collection))
	if err != nil {
		return err
	}
	reading, err := stageHealth(ctx, tx, r.repoID, p.Stage.Name)
	if err != nil {
		return err
	}
	run := pipeline.FollowUp(p.Stage, p, reading, collection, runs, now)
	if run == nil {
		return nil
	}
	if _, err := tx.insertVerification(ctx, r.repoID, *run); err != nil {
		return err
	}
	return tx.enqueue(ctx, store.WorkStage, store.StageKey(r.repoID, p.Stage.Name), now)
}

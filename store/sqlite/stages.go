package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/pipeline"
)

// How much of every Stage a snapshot holds at least, so that status pages need no
// second look.
const (
	recentPromotions    = 20
	recentVerifications = 10
)

// The order of a CROSS JOIN is kept: first the Stages, whose names are ?2, then the
// few rows of each.
const (
	selectAllStages      = `SELECT name, marked, changed FROM stage WHERE repo = ? ORDER BY name`
	selectPipelineStages = `SELECT name, marked, changed FROM stage INDEXED BY stage_pipeline
WHERE repo = ? AND pipeline = ? ORDER BY name`

	// One row per Stage, because a row costs more than what is in it: marks are
	// separated by semicolons and mostly nothing but Freight and the time of its
	// verification.
	selectMarks = `
SELECT k.value, (
	SELECT group_concat(m.freight || ' ' || iif(
		m.approved_at IS NULL AND m.current_since IS NULL AND m.left_at IS NULL AND m.longest_soak = 0,
		coalesce(m.verified_at, ''),
		concat_ws(' ', coalesce(m.verified_at, ''), coalesce(m.approved_at, ''), coalesce(m.current_since, ''),
			coalesce(m.left_at, ''), m.longest_soak)), ';')
	FROM mark AS m WHERE m.repo = ?1 AND m.stage = k.value)
FROM json_each(?2) AS k`

	snapshotPromotions = `
WHERE p.rowid IN (
	SELECT o.rowid FROM json_each(?2) AS k CROSS JOIN promotion AS o INDEXED BY promotion_open
		ON o.repo = ?1 AND o.stage = k.value AND o.phase IN ('Pending', 'Running')
	UNION
	SELECT n.rowid FROM json_each(?2) AS k CROSS JOIN promotion AS n INDEXED BY promotion_newest
		ON n.repo = ?1 AND n.stage = k.value AND n.newest = 1
	UNION
	SELECT recent.rowid FROM json_each(?2) AS k CROSS JOIN stage AS s ON s.repo = ?1 AND s.name = k.value
		CROSS JOIN promotion AS recent ON recent.repo = ?1 AND recent.stage = k.value AND recent.seq > s.promotions - ?3)`

	snapshotVerifications = `
WHERE v.rowid IN (
	SELECT o.rowid FROM json_each(?2) AS k CROSS JOIN verification AS o INDEXED BY verification_open
		ON o.repo = ?1 AND o.stage = k.value AND o.phase IN ('Pending', 'Running')
	UNION
	SELECT n.rowid FROM json_each(?2) AS k CROSS JOIN verification AS n INDEXED BY verification_newest
		ON n.repo = ?1 AND n.stage = k.value AND n.newest = 1
	UNION
	SELECT recent.rowid FROM json_each(?2) AS k CROSS JOIN stage AS s ON s.repo = ?1 AND s.name = k.value
		CROSS JOIN verification AS recent ON recent.repo = ?1 AND recent.stage = k.value AND recent.seq > s.verifications - ?3)`
)

// stageVersion is how often a Stage's marks and the rest of it changed.
type stageVersion struct {
	name            string
	marked, changed int64
}

// stages loads what is known of every Stage, as far as it is not known from
// before.
func (l *loader) stages(ctx context.Context, s *pipeline.Snapshot) error {
	query, args := selectAllStages, []any{l.repoID}
	if l.name.Valid {
		query, args = selectPipelineStages, []any{l.repoID, l.name.String}
	}
	versions, err := collect(ctx, l.tx, func(rows *sql.Rows, v *stageVersion) error {
		return rows.Scan(&v.name, &v.marked, &v.changed)
	}, query, args...)
	if err != nil {
		return err
	}
	r := newResolver(l.tx, l.repoID, l.db.memory, s.Freight)
	records, err := l.records(ctx, r, versions)
	if err != nil {
		return err
	}
	return l.assemble(ctx, s, r, versions, records)
}

// records returns what is known of each Stage, from memory where its version is
// the present one.
func (l *loader) records(ctx context.Context, r *resolver, versions []stageVersion) ([]*stageRecord, error) {
	records := make([]*stageRecord, len(versions))
	fresh := map[string]*stageRecord{}
	var marked, changed []string
	for i, v := range versions {
		old, ok := l.db.memory.recall(stageKey{l.repoID, v.name})
		if ok && old.marked == v.marked && old.changed == v.changed {
			records[i] = old
			continue
		}
		next := &stageRecord{marked: v.marked, changed: v.changed}
		if ok && old.marked == v.marked {
			next.marks = old.marks
		} else {
			marked = append(marked, v.name)
		}
		if ok && old.changed == v.changed {
			next.promotions, next.verifications = old.promotions, old.verifications
		} else {
			changed = append(changed, v.name)
		}
		records[i], fresh[v.name] = next, next
	}
	if err := l.readMarks(ctx, r, marked, fresh); err != nil {
		return nil, fmt.Errorf("marks: %w", err)
	}
	if err := l.readHistory(ctx, r, changed, fresh); err != nil {
		return nil, err
	}
	for name, record := range fresh {
		l.db.memory.remember(stageKey{l.repoID, name}, record)
	}
	return records, nil
}

func (l *loader) readMarks(ctx context.Context, r *resolver, names []string, fresh map[string]*stageRecord) error {
	if len(names) == 0 {
		return nil
	}
	type row struct {
		stage string
		marks []packedMark
	}
	all, err := collect(ctx, l.tx, func(rows *sql.Rows, m *row) error {
		var text sql.RawBytes
		err := rows.Scan(&m.stage, &text)
		if err == nil {
			m.marks, err = unpackMarks(text, r.known)
		}
		return err
	}, selectMarks, l.repoID, list(names))
	for _, m := range all {
		fresh[m.stage].marks = m.marks
	}
	return err
}

func (l *loader) readHistory(ctx context.Context, r *resolver, names []string, fresh map[string]*stageRecord) error {
	if len(names) == 0 {
		return nil
	}
	promotions, err := promotionRows(ctx, r, selectPromotion+snapshotPromotions, l.repoID, list(names), recentPromotions)
	if err != nil {
		return err
	}
	for i := range promotions {
		record := fresh[promotions[i].stage]
		record.promotions = append(record.promotions, promotions[i])
	}
	verifications, err := verificationRows(ctx, r, selectVerification+snapshotVerifications, l.repoID, list(names), recentVerifications)
	if err != nil {
		return err
	}
	for i := range verifications {
		record := fresh[verifications[i].Stage.Name]
		record.verifications = append(record.verifications, verifications[i])
	}
	for _, name := range names {
		slices.SortFunc(fresh[name].promotions, func(a, b promotionRow) int { return a.seq - b.seq })
		slices.SortFunc(fresh[name].verifications, func(a, b verificationRow) int { return a.Seq - b.Seq })
	}
	return nil
}

// assemble puts the records together. Repositories change their names while the
// records stay.
func (l *loader) assemble(ctx context.Context, s *pipeline.Snapshot, r *resolver, versions []stageVersion, records []*stageRecord) error {
	var marks, promotions, verifications int
	for _, record := range records {
		marks += len(record.marks)
		promotions += len(record.promotions)
		verifications += len(record.verifications)
	}
	s.Marks = make([]pipeline.Mark, 0, marks)
	s.Promotions = make([]pipeline.Promotion, 0, promotions)
	s.Verifications = make([]pipeline.VerificationRun, 0, verifications)
	for i, record := range records {
		for j := range record.marks {
			s.Marks = append(s.Marks, record.marks[j].unpack(versions[i].name))
		}
		for j := range record.promotions {
			p, err := r.promotion(ctx, &record.promotions[j])
			if err != nil {
				return err
			}
			p.Repo = s.Repo
			s.Promotions = append(s.Promotions, p)
		}
		for j := range record.verifications {
			v, err := r.verification(ctx, &record.verifications[j])
			if err != nil {
				return err
			}
			v.Repo = s.Repo
			s.Verifications = append(s.Verifications, v)
		}
	}
	return nil
}

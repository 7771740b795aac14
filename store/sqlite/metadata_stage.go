package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// PutStageMetadata sets keys of a Stage's metadata, each to a value that JSON can
// express, and leaves its other keys alone; nil removes a key. Whether there is such a
// Stage is for the caller to know.
func (db *DB) PutStageMetadata(ctx context.Context, repoID int64, stage string, values map[string]any) error {
	return db.write(ctx, "save metadata of stage "+stage, func(tx *writeTx) error {
		for key, value := range values {
			if value == nil {
				if _, err := tx.exec(ctx, `DELETE FROM stage_metadata WHERE repo = ? AND stage = ? AND key = ?`, repoID, stage, key); err != nil {
					return err
				}
				continue
			}
			body, err := jsonText(value)
			if err != nil {
				return fmt.Errorf("metadata %q: %w", key, err)
			}
			if _, err := tx.exec(ctx, `
INSERT INTO stage_metadata (repo, stage, key, value) VALUES (?, ?, ?, ?)
ON CONFLICT (repo, stage, key) DO UPDATE SET value = excluded.value`, repoID, stage, key, body); err != nil {
				return err
			}
		}
		return nil
	})
}

// StageMetadata returns what steps noted about the Stages of a pipeline, by their full
// names; the pipeline's name is empty for the root pipeline.
func (db *DB) StageMetadata(ctx context.Context, repoID int64, name string) (map[string]map[string]any, error) {
	type stage struct {
		name   string
		values map[string]any
	}
	all, err := collect(ctx, db.reads, func(rows *sql.Rows, s *stage) error { return rows.Scan(&s.name, scanJSON(&s.values)) },
		`SELECT stage, json_group_object(key, json(value)) FROM stage_metadata WHERE repo = ? GROUP BY stage`, repoID)
	if err != nil {
		return nil, fmt.Errorf("load metadata of stages: %w", err)
	}
	out := map[string]map[string]any{}
	for _, s := range all {
		if pipeline.Qualifier(s.name) == name {
			out[s.name] = s.values
		}
	}
	return out, nil
}

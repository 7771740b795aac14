package sqlite

import (
	"context"
	"database/sql"

	"github.com/kargo-app/kargo/pipeline"
)

// configRecord holds the pipelines of a repository at a version, decoded. Every job of
// a repository looks at them, and there may be thousands of Stages in them.
type configRecord struct {
	version  int64
	root     *pipeline.Pipeline
	included []pipeline.Pipeline
	// text is how long they are as JSON, in bytes.
	text int
}

// rememberedConfigs bounds how many repositories' pipelines are kept decoded,
// whatever their size; see also memory.limit.
const rememberedConfigs = 1024

func (m *memory) recallConfig(repo, version int64) (*configRecord, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.configs.Get(repo)
	return r, ok && r.version == version
}

func (m *memory) rememberConfig(repo int64, r *configRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.configs.Remove(repo)
	m.configs.Add(repo, r)
	m.configText += r.text
	for m.configText > m.limit {
		m.configs.RemoveOldest()
	}
}

// pipelinesOf completes a repository with its pipelines, as they are now: where
// they were replaced since r was read, they are newer than the rest of r.
func (db *DB) pipelinesOf(ctx context.Context, q querier, r *versioned) error {
	known, ok := db.memory.recallConfig(r.ID, r.version)
	if !ok {
		var err error
		known, err = one(ctx, q, scanConfigRecord, `SELECT config_version, pipeline, included FROM repo WHERE id = ?`, r.ID)
		if err != nil {
			return err
		}
		db.memory.rememberConfig(r.ID, known)
	}
	r.Config.Pipeline, r.Config.Included = known.root, known.included
	return nil
}

func scanConfigRecord(rows *sql.Rows, r **configRecord) error {
	c := &configRecord{}
	*r = c
	return rows.Scan(&c.version, countText{scanJSON(&c.root), &c.text}, countText{scanJSON(&c.included), &c.text})
}

// countText adds the length of what it scans to n.
type countText struct {
	sql.Scanner
	n *int
}

// Scan implements [sql.Scanner].
func (c countText) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*c.n += len(v)
	case []byte:
		*c.n += len(v)
	}
	return c.Scanner.Scan(v)
}

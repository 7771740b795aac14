package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// spec is the part that many Promotions and VerificationRuns share: what they
// saw of the configuration.
type spec struct {
	Pipeline string         `json:"pipeline"`
	Vars     []pipeline.Var `json:"vars,omitempty"`
	Stage    pipeline.Stage `json:"stage"`
	// Channels are those of a Promotion.
	Channels []pipeline.MessageChannel `json:"channels,omitempty"`
}

// specHash identifies a spec by its content.
type specHash [sha256.Size]byte

func (h *specHash) Scan(v any) error {
	raw, ok := v.([]byte)
	if !ok || len(raw) != len(h) {
		return fmt.Errorf("hash of a spec is stored as %T", v)
	}
	copy(h[:], raw)
	return nil
}

// putSpec stores a spec unless it is there, and returns its hash.
func (tx *writeTx) putSpec(ctx context.Context, s spec) (specHash, error) {
	body, err := jsonText(s)
	if err != nil {
		return specHash{}, err
	}
	hash := specHash(sha256.Sum256([]byte(body)))
	_, err = tx.exec(ctx, `INSERT INTO spec (hash, body) VALUES (?, ?) ON CONFLICT DO NOTHING`, hash[:], body)
	return hash, err
}

// resolver follows the references of Promotions and VerificationRuns, each target
// once.
type resolver struct {
	q       querier
	repoID  int64
	memory  *memory
	freight map[string]*pipeline.Freight
}

// newResolver makes a resolver for one call. known saves loading Freight again.
func newResolver(q querier, repoID int64, m *memory, known []pipeline.Freight) *resolver {
	r := &resolver{q: q, repoID: repoID, memory: m, freight: make(map[string]*pipeline.Freight, len(known))}
	for i := range known {
		r.freight[known[i].ID] = &known[i]
	}
	return r
}

func (r *resolver) spec(ctx context.Context, hash specHash) (*spec, error) {
	if s, ok := r.memory.specs.Get(hash); ok {
		return s, nil
	}
	s, err := one(ctx, r.q, func(rows *sql.Rows, s *spec) error { return rows.Scan(scanJSON(s)) },
		`SELECT body FROM spec WHERE hash = ?`, hash[:])
	if err != nil {
		return nil, fmt.Errorf("load spec: %w", err)
	}
	r.memory.specs.Add(hash, &s)
	return &s, nil
}

// known returns the one string for an id that many marks have.
func (r *resolver) known(id []byte) string {
	if f, ok := r.freight[string(id)]; ok {
		return f.ID
	}
	return string(id)
}

func (r *resolver) load(ctx context.Context, id string) (*pipeline.Freight, error) {
	if f, ok := r.freight[id]; ok {
		return f, nil
	}
	f, err := one(ctx, r.q, scanFreight, `SELECT `+freightColumns+` FROM freight WHERE repo = ? AND id = ?`, r.repoID, id)
	if err != nil {
		return nil, fmt.Errorf("load freight %s: %w", pipeline.Short(id), err)
	}
	r.freight[id] = &f
	return &f, nil
}

func (r *resolver) loadAll(ctx context.Context, ids []string) ([]pipeline.Freight, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	all := make([]pipeline.Freight, len(ids))
	for i, id := range ids {
		f, err := r.load(ctx, id)
		if err != nil {
			return nil, err
		}
		all[i] = *f
	}
	return all, nil
}

// freightIDs is how a collection is stored.
func freightIDs(collection []pipeline.Freight) string {
	ids := make([]string, len(collection))
	for i, f := range collection {
		ids[i] = f.ID
	}
	return list(ids)
}

package demo

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// moment is all that can be seen at one time, on GitHub and in the store.
type moment struct {
	At time.Time `json:"-"`
	// Pipeline is nil until .kargo.yaml was read.
	Pipeline *pipeline.Pipeline
	// Problems are those of the newest .kargo.yaml, as stored.
	Problems    json.RawMessage
	Snapshot    pipeline.Snapshot
	Warehouses  map[string]warehouseState
	Pulls       []forge.PullRequest
	Checks      []forge.CheckRun
	Deployments []forge.Deployment
}

// warehouseState is what the store knows of a Warehouse beside its Discovery.
type warehouseState struct {
	Looked time.Time
	Error  string
}

// look reads the present.
func (w *world) look(ctx context.Context) (moment, error) {
	m := moment{At: w.now(), Warehouses: map[string]warehouseState{}}
	var errs [3]error
	m.Pulls, errs[0] = w.github.PullRequests(configRepo)
	m.Checks, errs[1] = w.github.CheckRuns(configRepo, "")
	m.Deployments, errs[2] = w.github.Deployments(configRepo)
	if err := errors.Join(errs[:]...); err != nil {
		return moment{}, fmt.Errorf("look at GitHub: %w", err)
	}
	db := w.server.DB()
	rec, err := db.RepoByName(ctx, orgName, repoName)
	if errors.Is(err, store.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return moment{}, err
	}
	m.Pipeline, m.Problems = rec.Config.Pipeline, rec.Config.Problems
	if m.Snapshot, err = db.Snapshot(ctx, rec.ID); err != nil {
		return moment{}, err
	}
	states, err := db.Warehouses(ctx, rec.ID)
	if err != nil {
		return moment{}, err
	}
	for _, s := range states {
		m.Warehouses[s.Name] = warehouseState{Looked: s.DiscoveredAt, Error: s.Error}
	}
	return m, nil
}

// fingerprint tells moments apart, whenever they were.
func (m moment) fingerprint() ([sha256.Size]byte, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("compare states: %w", err)
	}
	return sha256.Sum256(data), nil
}

// pull returns a pull request by number.
func (m moment) pull(number int) (forge.PullRequest, bool) {
	for _, p := range m.Pulls {
		if p.Number == number {
			return p, true
		}
	}
	return forge.PullRequest{}, false
}

// checksOf returns the check runs of a commit.
func (m moment) checksOf(sha string) []forge.CheckRun {
	var out []forge.CheckRun
	for _, c := range m.Checks {
		if c.SHA == sha {
			out = append(out, c)
		}
	}
	return out
}

// promotionOf returns the Promotion that a pull request belongs to: the one whose
// branch it is from.
func (m moment) promotionOf(pr forge.PullRequest) (pipeline.Promotion, bool) {
	for i := range m.Snapshot.Promotions {
		if p := &m.Snapshot.Promotions[i]; pipeline.PromotionBranch(p) == pr.Head {
			return *p, true
		}
	}
	return pipeline.Promotion{}, false
}

// freight returns the Freight that holds an image version.
func (m moment) freight(version string) (pipeline.Freight, bool) {
	for _, f := range m.Snapshot.Freight {
		if f.Version() == version {
			return f, true
		}
	}
	return pipeline.Freight{}, false
}

// verified reports whether an image version is verified in a Stage.
func (m moment) verified(stage, version string) bool {
	f, ok := m.freight(version)
	return ok && !m.Snapshot.Mark(stage, f.ID).VerifiedAt.IsZero()
}

// deploymentsOf returns the Deployments that name a Promotion.
func (m moment) deploymentsOf(promotion string) []forge.Deployment {
	var out []forge.Deployment
	for _, d := range m.Deployments {
		var payload struct {
			Promotion string `json:"promotion"`
		}
		if json.Unmarshal(d.Payload, &payload) == nil && payload.Promotion == promotion {
			out = append(out, d)
		}
	}
	return out
}

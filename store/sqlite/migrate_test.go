package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store/sqlite"
)

// first returns a database as the first release left it.
func first(t *testing.T, statements ...string) (path string) {
	t.Helper()
	path = file(t)
	schema, err := os.ReadFile(filepath.Join("migrations", "0001_init.sql"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{string(schema), `PRAGMA user_version = 1`}, statements...) {
		alter(t, path, s)
	}
	return path
}

// old is what was in the database of a first release: two Freight, of which the
// first left prod for the second, and a hold.
const old = `
INSERT INTO repo (id, installation, owner, name, default_branch, private, updated_at) VALUES (1, 7, 'acme', 'gitops', 'main', 0, 1);
INSERT INTO freight (repo, id, alias, warehouse, discovered_at, artifacts) VALUES
	(1, 'f1', 'one', 'web', 1000000, '{"images":[{"repoURL":"ghcr.io/acme/web","tag":"1"}]}'),
	(1, 'f2', 'two', 'web', 2000000, '{"images":[{"repoURL":"ghcr.io/acme/web","tag":"2"}]}');
INSERT INTO spec (hash, body) VALUES (zeroblob(32), '{"pipeline":"gitops","stage":{"name":"prod","requestedFreight":[]}}');
INSERT INTO promotion (repo, id, stage, seq, freight, collection, spec, config_sha, reason, actor, source, hold_intent, created_at,
	phase, finished_at, previous, steps, reported, newest) VALUES
	(1, 'prod-1', 'prod', 1, 'f1', '["f1"]', zeroblob(32), 'c', 'r', '', 0, '', 3000000, 'Succeeded', 4000000, NULL, '[{}]', 1, 1),
	(1, 'prod-7', 'prod', 7, 'f2', '["f2"]', zeroblob(32), 'c', 'r', 'ada', 12, 'hold', 5000000, 'Succeeded', 6000000, 'f1', '[{}]', 1, 1),
	(1, 'prod-8', 'prod', 8, 'f1', '["f1"]', zeroblob(32), 'c', 'r', '', 0, '', 7000000, 'Running', NULL, 'f2', '[{"wakeOn":["event"]}]', 0, 0);
INSERT INTO wait (event, repo, promotion, stage) VALUES ('event', 1, 'prod-8', 'prod');
INSERT INTO mark (repo, stage, freight, warehouse, verified_at, current_since, longest_soak) VALUES
	(1, 'prod', 'f1', 'web', 4500000, NULL, 1500000),
	(1, 'prod', 'f2', 'web', NULL, 6000000, 0),
	(1, 'test', 'f2', 'web', 3500000, NULL, 0);
INSERT INTO hold (repo, stage, warehouse, freight, promotion, actor, created_at) VALUES (1, 'prod', 'web', 'f2', 'prod-7', 'ada', 6000000);
INSERT INTO intent (repo, id, received_at, body) VALUES (1, 'i1', 8000000, '{"id":"i1","kind":"promote","stage":"prod","actor":{"login":"ada"}}');`

func second(n int64) time.Time { return time.Unix(n, 0).UTC() }

func TestMigrationKeepsWhatTheFirstReleaseStored(t *testing.T) {
	t.Parallel()
	path := first(t, old)
	db := open(t, path)
	s, err := db.Snapshot(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	promotions := s.Promotions
	s.Promotions = nil
	image := func(id, alias, tag string, found int64) pipeline.Freight {
		return pipeline.Freight{
			ID: id, Alias: alias, Warehouse: "web", DiscoveredAt: second(found),
			Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: tag}},
		}
	}
	want := pipeline.Snapshot{
		Repo:        pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"},
		Discoveries: map[string]pipeline.Discovery{},
		Freight:     []pipeline.Freight{image("f1", "one", "1", 1), image("f2", "two", "2", 2)},
		Marks: []pipeline.Mark{
			{Stage: "prod", Freight: "f1", VerifiedAt: second(4).Add(time.Second / 2), LeftAt: second(6), LongestSoak: 3 * time.Second / 2},
			{Stage: "prod", Freight: "f2", CurrentSince: second(6)},
			{Stage: "test", Freight: "f2", VerifiedAt: second(3).Add(time.Second / 2)},
		},
		Holds:   []pipeline.Hold{{Stage: "prod", Warehouse: "web", Freight: "f2", Promotion: "prod-7", Actor: "ada", CreatedAt: second(6)}},
		Intents: []pipeline.Intent{{ID: "i1", Kind: pipeline.IntentPromote, Stage: "prod", Actor: pipeline.Actor{Login: "ada"}}},
	}
	if diff := cmp.Diff(want, s, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	ids := make([]string, len(promotions))
	for i, p := range promotions {
		ids[i] = p.ID
	}
	if got := strings.Join(ids, " "); got != "prod-1 prod-7 prod-8" {
		t.Errorf("promotions are %s", got)
	}
	if p := promotions[1]; p.Previous == nil || p.Previous.ID != "f1" || p.Actor != "ada" || p.Pipeline != "gitops" {
		t.Errorf("promotion is %+v", p)
	}
	if n, err := db.Wake(t.Context(), []string{"event"}, second(9)); err != nil || n != 1 {
		t.Errorf("woke %d, %v", n, err)
	}
	applied, err := db.Apply(t.Context(), 1, []pipeline.Action{
		pipeline.RenameFreight{Freight: "f1", Alias: "uno"},
		pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
			Stage: pipeline.Stage{Name: "prod"}, Freight: image("f2", "two", "2", 2), CreatedAt: second(9),
		}), Intent: "i1"},
	}, second(9))
	if err != nil || !cmp.Equal(applied.Started, []string{"prod-9"}) {
		t.Errorf("applied %+v, %v", applied, err)
	}
	sound(t, path)
}

func TestForeignKeysHoldAfterMigration(t *testing.T) {
	t.Parallel()
	db := open(t, first(t, old))
	unknown := pipeline.StartPromotion{Promotion: pipeline.NewPromotion(pipeline.Promotion{
		Stage: pipeline.Stage{Name: "prod"}, Freight: pipeline.Freight{ID: "unknown"}, CreatedAt: second(9),
	})}
	if _, err := db.Apply(t.Context(), 1, []pipeline.Action{unknown}, second(9)); err == nil {
		t.Error("Freight that does not exist is promoted")
	}
}

func TestMigrationRefusesRowsThatReferToNothing(t *testing.T) {
	t.Parallel()
	path := first(t, old, `DELETE FROM freight WHERE id = 'f2'`)
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "refers to freight") {
		t.Fatalf("error is %v", err)
	}
	// Nothing of it is left behind.
	alter(t, path, `INSERT INTO freight (repo, id, alias, warehouse, discovered_at, artifacts) VALUES (1, 'f2', 'two', 'web', 2000000, '{}')`)
	if err := open(t, path).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

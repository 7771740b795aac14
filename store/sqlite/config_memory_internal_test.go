package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func TestPipelinesAreDecodedOnceAndAnewWhenAnyoneReplacesThem(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Now()
	path := filepath.Join(t.TempDir(), "kargo.db")
	var dbs [2]*DB
	for i := range dbs {
		var err error
		if dbs[i], err = Open(ctx, path, Options{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = dbs[i].Close() })
	}
	repo := store.RepoRecord{Repo: pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}}
	if err := dbs[0].PutRepo(ctx, repo, now); err != nil {
		t.Fatal(err)
	}
	save := func(c store.Config) {
		t.Helper()
		if err := dbs[1].SaveConfig(ctx, 1, c, nil, now); err != nil {
			t.Fatal(err)
		}
	}
	load := func() store.Config {
		t.Helper()
		r, err := dbs[0].Repo(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r.Config
	}
	c := store.Config{Blob: "b1", Pipeline: &pipeline.Pipeline{Name: "one"}, Included: []pipeline.Pipeline{{Name: "shop"}}}
	save(c)
	first := load()
	c.SeenSHA = "looked"
	save(c)
	if again := load(); again.Pipeline != first.Pipeline || &again.Included[0] != &first.Included[0] || again.SeenSHA != "looked" {
		t.Errorf("what stays the same is decoded again, or hides what does not: %+v", again)
	}
	c.Included = []pipeline.Pipeline{{Name: "shop"}, {Name: "bank"}}
	save(c)
	if again := load(); len(again.Included) != 2 {
		t.Errorf("what another process replaced is not seen: %+v", again)
	}
	c.Pipeline, c.Included = nil, nil
	save(c)
	if again := load(); again.Pipeline != nil || again.Included != nil {
		t.Errorf("pipelines that are gone are still there: %+v", again)
	}
}

func TestMemoryForgetsTheOldestPipelinesBeyondItsLimit(t *testing.T) {
	t.Parallel()
	m, err := newMemory(100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(20) {
		m.rememberConfig(i, &configRecord{version: 1, text: 30})
		if _, ok := m.recallConfig(i, 1); !ok {
			t.Fatalf("pipelines of repository %d are forgotten at once", i)
		}
		if m.configText > 100 || m.configText != 30*m.configs.Len() {
			t.Fatalf("counts %d bytes for %d repositories", m.configText, m.configs.Len())
		}
	}
	if _, ok := m.recallConfig(19, 2); ok {
		t.Error("pipelines of another version are taken")
	}
	m.rememberConfig(20, &configRecord{text: 101})
	if _, ok := m.recallConfig(20, 0); ok || m.configText != 0 {
		t.Errorf("what is larger than all of memory is kept, %d bytes", m.configText)
	}
}

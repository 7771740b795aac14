package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// fixture is one test and its own Store.
type fixture struct {
	*testing.T
	Store
	ctx context.Context //nolint:containedctx // lives as long as the test
}

// repoID is the repository of most tests.
const repoID = 42

// lease outlives every test that does not let one run out.
const lease = time.Hour

// at returns a moment, counted in seconds from the start of every test.
func at(seconds int) time.Time {
	return time.Date(2025, 6, 1, 12, 0, seconds, 123456000, time.UTC)
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) is(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("error is %v, want %v", err, want)
	}
}

// equal compares, taking empty and missing lists for the same.
func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		f.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// must unwraps a result that comes with an error.
func must[T any](v T, err error) func(f *fixture) T {
	return func(f *fixture) T {
		f.Helper()
		f.ok(err)
		return v
	}
}

// claim claims the only due job of a kind.
func (f *fixture) claim(kind store.WorkKind, now time.Time) store.Job {
	f.Helper()
	j, ok, err := f.Claim(f.ctx, []store.WorkKind{kind}, now, lease)
	f.ok(err)
	if !ok {
		f.Fatalf("no %s is due at %s", kind, now)
	}
	return j
}

func (f *fixture) nothing(kind store.WorkKind, now time.Time) {
	f.Helper()
	j, ok, err := f.Claim(f.ctx, []store.WorkKind{kind}, now, lease)
	f.ok(err)
	if ok {
		f.Fatalf("%s %s is due at %s, want nothing", j.Kind, j.Key, now)
	}
}

// repo stores the repository of the test.
func (f *fixture) repo() {
	f.Helper()
	f.ok(f.PutRepo(f.ctx, store.RepoRecord{
		Repo:         pipeline.Repo{ID: repoID, Owner: "acme", Name: "gitops"},
		Installation: 7, DefaultBranch: "main", Private: true,
	}, at(0)))
}

func (f *fixture) apply(now time.Time, actions ...pipeline.Action) store.Applied {
	f.Helper()
	return must(f.Apply(f.ctx, repoID, actions, now))(f)
}

// freight returns the nth Freight of Warehouse web and stores it.
func (f *fixture) freight(n int) pipeline.Freight {
	f.Helper()
	fr := newFreight("web", n)
	f.apply(at(n), pipeline.CreateFreight{Freight: fr})
	return fr
}

func newFreight(warehouse string, n int) pipeline.Freight {
	fr := pipeline.Freight{
		Alias: fmt.Sprintf("%s-alias-%d", warehouse, n), Warehouse: warehouse, DiscoveredAt: at(n),
		Images: []pipeline.Image{{
			RepoURL: "ghcr.io/acme/" + warehouse, Tag: fmt.Sprintf("1.0.%d", n), CreatedAt: at(n),
			Annotations: map[string]string{"org.opencontainers.image.revision": "abc"},
		}},
	}
	fr.ID = pipeline.FreightID(fr)
	return fr
}

// promotion returns a Promotion of one remote step, as Decide would start it.
func promotion(stage string, fr pipeline.Freight, now time.Time) pipeline.Promotion {
	return pipeline.NewPromotion(pipeline.Promotion{
		Pipeline: "gitops", ConfigSHA: "c0ffee", CreatedAt: now, Reason: "test",
		Stage: pipeline.Stage{
			Name:     stage,
			Requests: []pipeline.FreightRequest{{Origin: fr.Warehouse, Direct: true}},
			Steps:    []pipeline.StepSpec{{Uses: "git-open-pr", As: "open"}},
		},
		Vars:       []pipeline.Var{{Name: "env", Value: "eu"}},
		Freight:    fr,
		Collection: []pipeline.Freight{fr},
	})
}

// start starts a Promotion, claims its Stage and returns both.
func (f *fixture) start(stage string, fr pipeline.Freight, now time.Time, change ...func(*pipeline.Promotion)) (store.Job, pipeline.Promotion) {
	f.Helper()
	p := promotion(stage, fr, now)
	for _, c := range change {
		c(&p)
	}
	applied := f.apply(now, pipeline.StartPromotion{Promotion: p})
	if len(applied.Started) != 1 {
		f.Fatalf("started %v, want one Promotion", applied.Started)
	}
	return f.claim(store.WorkStage, now), must(f.Promotion(f.ctx, repoID, applied.Started[0]))(f)
}

// finish ends a Promotion in the given phase and the claim with it.
func (f *fixture) finish(j store.Job, p pipeline.Promotion, phase pipeline.Phase, now time.Time) {
	f.Helper()
	p.Phase, p.FinishedAt = phase, now
	f.ok(f.FinishPromotion(f.ctx, j, p, now))
	f.ok(f.MarkReported(f.ctx, j, p.ID))
	f.ok(f.Finish(f.ctx, j, time.Time{}))
}

// promote brings Freight into a Stage.
func (f *fixture) promote(stage string, fr pipeline.Freight, now time.Time, change ...func(*pipeline.Promotion)) {
	f.Helper()
	j, p := f.start(stage, fr, now, change...)
	f.finish(j, p, pipeline.Succeeded, now)
}

func (f *fixture) snapshot() pipeline.Snapshot {
	f.Helper()
	return must(f.Snapshot(f.ctx, repoID))(f)
}

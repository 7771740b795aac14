package storetest

import (
	"cmp"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/kargo-app/kargo/pipeline"
)

// compare holds what the Store shows against the model.
func (w *twin) compare() {
	whole, err := w.Snapshot(w.ctx, w.repoID)
	w.check(err)
	part, err := w.PipelineSnapshot(w.ctx, w.repoID, "")
	w.check(err)
	if diff := gocmp.Diff(whole, part); diff != "" {
		w.Fatalf("a part that is the whole (-whole +part):\n%s", diff)
	}
	want := w.model
	want.Promotions = shown(w.T, want.Promotions, whole.Promotions, func(p pipeline.Promotion) (string, bool) {
		last, ok := w.model.Last(p.Stage.Name, p.Freight.ID)
		return p.ID, !p.Phase.Terminal() || ok && last.ID == p.ID
	})
	want.Verifications = shown(w.T, want.Verifications, whole.Verifications, func(r pipeline.VerificationRun) (string, bool) {
		return r.ID, !r.Phase.Terminal() || !slices.ContainsFunc(w.model.Verifications, func(o pipeline.VerificationRun) bool {
			return o.Stage.Name == r.Stage.Name && o.Phase.Terminal() && o.Seq > r.Seq &&
				pipeline.CollectionKey(o.Collection) == pipeline.CollectionKey(r.Collection)
		})
	})
	if diff := gocmp.Diff(canonical(want), canonical(whole), cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("the store differs from the model (-model +store):\n%s", diff)
	}
}

// shown keeps of what the model has what the store shows, and what it must show.
func shown[T any](t *rapid.T, model, got []T, look func(T) (id string, needed bool)) []T {
	t.Helper()
	var out []T
	for _, v := range model {
		id, needed := look(v)
		if needed || slices.ContainsFunc(got, func(g T) bool { other, _ := look(g); return other == id }) {
			out = append(out, v)
		}
	}
	return out
}

// canonical puts everything in one order, drops marks that say nothing, and leaves
// of Freight that Promotions and runs carry what never changes: stores show its
// present alias.
func canonical(s pipeline.Snapshot) pipeline.Snapshot {
	s.Freight = sorted(s.Freight, func(f pipeline.Freight) string { return f.ID })
	s.Marks = sorted(s.Marks, func(m pipeline.Mark) string { return m.Stage + " " + m.Freight })
	s.Marks = slices.DeleteFunc(s.Marks, func(m pipeline.Mark) bool {
		return m == pipeline.Mark{Stage: m.Stage, Freight: m.Freight}
	})
	s.Holds = sorted(s.Holds, func(h pipeline.Hold) string { return h.Stage + " " + h.Warehouse })
	s.Intents = sorted(s.Intents, func(in pipeline.Intent) string { return in.ID })
	s.Promotions = sorted(s.Promotions, func(p pipeline.Promotion) string { return p.ID })
	for i := range s.Promotions {
		p := &s.Promotions[i]
		p.Freight, p.Collection = bare(p.Freight), bareAll(p.Collection)
		if p.Previous != nil {
			f := bare(*p.Previous)
			p.Previous = &f
		}
	}
	s.Verifications = sorted(s.Verifications, func(r pipeline.VerificationRun) string { return r.ID })
	for i := range s.Verifications {
		s.Verifications[i].Collection = bareAll(s.Verifications[i].Collection)
	}
	return s
}

func sorted[T any](all []T, key func(T) string) []T {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return all
}

func bare(f pipeline.Freight) pipeline.Freight {
	f.Alias, f.DiscoveredAt = "", time.Time{}
	return f
}

func bareAll(all []pipeline.Freight) []pipeline.Freight {
	out := make([]pipeline.Freight, len(all))
	for i := range all {
		out[i] = bare(all[i])
	}
	return out
}

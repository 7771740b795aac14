package store_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func TestReconcileKeyNamesThePipeline(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"prod": "42", "shop/prod": "42/shop", "shop/prod-v3": "42/shop", "": "42"} {
		key := store.ReconcileKey(42, name)
		if key != want {
			t.Errorf("%q is reconciled by %q, want %q", name, key, want)
		}
		id, of, err := store.ParseReconcileKey(key)
		if err != nil || id != 42 || of != pipeline.Qualifier(name) {
			t.Errorf("%q parses as %d, %q, %v", key, id, of, err)
		}
	}
	for _, key := range []string{"", "x", "x/shop", "42/", "/shop"} {
		if _, _, err := store.ParseReconcileKey(key); err == nil {
			t.Errorf("%q parses", key)
		}
	}
}

func TestStageKeyHoldsAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"prod", "shop/prod"} {
		id, stage, err := store.ParseStageKey(store.StageKey(42, name))
		if err != nil || id != 42 || stage != name {
			t.Errorf("%q comes back as %d, %q, %v", name, id, stage, err)
		}
	}
}

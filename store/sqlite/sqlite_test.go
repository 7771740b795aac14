package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/kargo-app/kargo/store/sqlite"
	"github.com/kargo-app/kargo/store/storetest"
)

var _ storetest.Store = (*sqlite.DB)(nil)

// open opens a database that is closed with the test.
func open(tb testing.TB, path string) *sqlite.DB {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), path, sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

func file(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "kargo.db")
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Store {
		t.Helper()
		return open(t, file(t))
	})
}

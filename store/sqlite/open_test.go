package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/store/sqlite"
)

// alter changes the database file behind the back of package sqlite.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestOpenKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	path := file(t)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutSetting(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := open(t, path).Setting(t.Context(), "k"); err != nil || v != "v" {
		t.Fatalf("setting is %q, %v", v, err)
	}
}

func TestOpenTakesAnyFileName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?mode=memory&%41#c.db")
	if err := open(t, path).Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() == 0 {
		t.Error("the schema went into another file")
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, but webhooks are nobody else's business", info.Mode())
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	path := file(t)
	alter(t, path, `PRAGMA user_version = 999`)
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Fatalf("error is %v", err)
	}
}

func TestOpenFailsWithoutItsDirectory(t *testing.T) {
	t.Parallel()
	if _, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "no", "x.db"), sqlite.Options{}); err == nil {
		t.Fatal("no error")
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlite.Open(ctx, file(t), sqlite.Options{}); err == nil {
		t.Fatal("no error")
	}
}

func TestOpenMigratesOnceWhenManyStart(t *testing.T) {
	t.Parallel()
	path := file(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestReadyNoticesAnotherSchema(t *testing.T) {
	t.Parallel()
	path := file(t)
	db := open(t, path)
	alter(t, path, `PRAGMA user_version = 999`)
	if err := db.Ready(t.Context()); err == nil {
		t.Fatal("no error")
	}
}

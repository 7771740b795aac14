package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// A migration that was released is never edited; a change is a new file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationFiles returns the names in order; the nth leads to user_version n.
func migrationFiles() ([]string, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	return files, nil
}

// migrate runs what is missing, each migration in its own transaction and without
// foreign keys, so that it may move rows that others refer to; they are checked
// before it is committed. Two processes that start at once wait for each other.
func migrate(ctx context.Context, db *sql.DB) (err error) {
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `PRAGMA foreign_keys = OFF`); err != nil {
		return fmt.Errorf("turn off foreign keys: %w", err)
	}
	for done := false; !done; {
		if done, err = migrateOne(ctx, conn, files); err != nil {
			return err
		}
	}
	if _, err := conn.ExecContext(ctx, `PRAGMA foreign_keys = ON`); err != nil {
		return fmt.Errorf("turn on foreign keys: %w", err)
	}
	return nil
}

func migrateOne(ctx context.Context, conn *sql.Conn, files []string) (done bool, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin migration: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // no effect after Commit
	var version int
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return false, fmt.Errorf("read schema version: %w", err)
	}
	switch {
	case version > len(files):
		return false, fmt.Errorf("schema version is %d, this program knows only %d: it was written by a newer release", version, len(files))
	case version == len(files):
		return true, nil
	}
	text, err := migrations.ReadFile(files[version])
	if err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return false, fmt.Errorf("run %s: %w", files[version], err)
	}
	broken, err := collect(ctx, tx, scanTo[string], `SELECT "table" || ' refers to ' || parent FROM pragma_foreign_key_check`)
	if err != nil {
		return false, fmt.Errorf("run %s: check foreign keys: %w", files[version], err)
	}
	if len(broken) > 0 {
		return false, fmt.Errorf("run %s: rows refer to nothing: %s", files[version], broken[0])
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, version+1)); err != nil {
		return false, fmt.Errorf("run %s: set version: %w", files[version], err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("run %s: %w", files[version], err)
	}
	return false, nil
}

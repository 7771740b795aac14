// Package sqlite keeps the records of package store in one SQLite file, without
// cgo.
//
// A [DB] has one connection that writes and a few that only read. Everything is
// durable when a method returns: the file is in WAL mode with synchronous=FULL.
// Deliveries that arrive at the same time share one fsync (see inbox.go).
// Migrations are embedded, run forward only, and are counted in user_version.
// What snapshots decoded is remembered, within bounds, for as long as the database
// says that it did not change (see memory.go).
//
// It is not meant for several processes on one file, although nothing breaks
// then: leases are fenced, but wake-ups reach only the process that caused them.
//
// All methods of DB are safe for concurrent use.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // registers the "sqlite" driver
)

// errClosed is what a write gets once the DB was closed.
var errClosed = errors.New("database is closed")

// Options tune a [DB]. The zero value is good.
type Options struct {
	// Readers is the number of connections that read; zero means four.
	Readers int
	// Memory is about how many bytes of what snapshots hold are kept decoded; zero
	// means 16 MiB, enough for a thousand Stages.
	Memory int
}

// DB is an open database. It must be closed.
type DB struct {
	writer *sql.DB
	reader *sql.DB
	writes *statements
	reads  *statements
	claim  *sql.Stmt
	inbox  *inbox
	memory *memory
	notify notifier
}

// Open opens the database file at path, creates it for the owner's eyes only
// when it does not exist, and brings its schema up to date. The directory must
// exist. A schema newer than this program is an error.
func Open(ctx context.Context, path string, opts Options) (*DB, error) {
	db, err := open(ctx, path, opts)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, opts Options) (*DB, error) {
	// SQLite gives its -wal and -shm files the mode of the main file.
	f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	known, err := newMemory(cmp.Or(opts.Memory, 16<<20))
	if err != nil {
		return nil, err
	}
	db := &DB{notify: make(notifier, 1), memory: known}
	// Webhook bodies fill the log quickly: a checkpoint every 16 MB instead of every 4 saves fsyncs.
	db.writer, err = sql.Open("sqlite", dsn(path, "immediate", "synchronous(FULL)", "foreign_keys(1)", "journal_mode(WAL)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-16000)"))
	if err != nil {
		return nil, err
	}
	db.writer.SetMaxOpenConns(1)
	if err := db.prepare(ctx, path, opts); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) prepare(ctx context.Context, path string, opts Options) error {
	if err := migrate(ctx, db.writer); err != nil {
		return err
	}
	var err error
	if db.reader, err = sql.Open("sqlite", dsn(path, "deferred", "query_only(1)", "cache_size(-8000)")); err != nil {
		return err
	}
	readers := opts.Readers
	if readers == 0 {
		readers = 4
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	db.writes, db.reads = newStatements(db.writer), newStatements(db.reader)
	if db.claim, err = db.writer.PrepareContext(ctx, claimSQL); err != nil {
		return fmt.Errorf("prepare claim: %w", err)
	}
	db.inbox, err = startInbox(ctx, db.writer, db.notify)
	return err
}

// dsn names the file and everything that each of its connections needs.
func dsn(path, lock string, pragmas ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{"busy_timeout(10000)"}, pragmas...)}
	// A name that is a URI may hold any byte when escaped; slashes must stay.
	escaped := strings.ReplaceAll(url.PathEscape(path), "%2F", "/")
	return "file:" + escaped + "?" + q.Encode()
}

// Close finishes the writes under way and closes the file.
func (db *DB) Close() error {
	var errs []error
	if db.inbox != nil {
		errs = append(errs, db.inbox.close())
	}
	if db.claim != nil {
		errs = append(errs, db.claim.Close())
	}
	for _, s := range []*statements{db.writes, db.reads} {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	return errors.Join(append(errs, db.writer.Close())...)
}

// Ready returns an error unless the database answers and its schema is the one
// that this program knows.
func (db *DB) Ready(ctx context.Context) error {
	var version int
	if err := db.reader.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	if version != len(files) {
		return fmt.Errorf("schema version is %d, this program needs %d", version, len(files))
	}
	return nil
}

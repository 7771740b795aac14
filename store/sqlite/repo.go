package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

const repoColumns = `id, owner, name, installation, default_branch, private, removed, updated_at`

func scanRepo(rows *sql.Rows, r *store.RepoRecord, more ...any) error {
	return rows.Scan(append([]any{
		&r.ID, &r.Owner, &r.Name, &r.Installation, &r.DefaultBranch, &r.Private, &r.Removed, scanTime(&r.UpdatedAt),
	}, more...)...)
}

func scanBareRepo(rows *sql.Rows, r *store.RepoRecord) error { return scanRepo(rows, r) }

// versioned is a repository whose pipelines were not decoded yet.
type versioned struct {
	store.RepoRecord
	version int64
}

func scanVersioned(rows *sql.Rows, r *versioned) error {
	c := &r.Config
	return scanRepo(rows, &r.RepoRecord, &c.SHA, &c.Blob, &r.version, &c.SeenSHA, &c.SeenBlob, scanJSON(&c.Problems))
}

const selectVersioned = `SELECT ` + repoColumns + `, config_sha, config_blob, config_version, seen_sha, seen_blob, problems FROM repo `

// PutRepo stores what is known of a repository, by its id: a new name, owner or
// installation replaces the old one, and one that was removed is back. Config,
// Removed and UpdatedAt of r are not looked at.
func (db *DB) PutRepo(ctx context.Context, r store.RepoRecord, now time.Time) error {
	return db.write(ctx, "store repository "+r.String(), func(tx *writeTx) error {
		_, err := tx.ExecContext(ctx, `
INSERT INTO repo (id, owner, name, installation, default_branch, private, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
	owner = excluded.owner, name = excluded.name, installation = excluded.installation,
	default_branch = excluded.default_branch, private = excluded.private, removed = 0, updated_at = excluded.updated_at`,
			r.ID, r.Owner, r.Name, r.Installation, r.DefaultBranch, r.Private, micros(now))
		return err
	})
}

// Repo returns a repository, even a removed one, or [store.ErrNotFound].
func (db *DB) Repo(ctx context.Context, id int64) (store.RepoRecord, error) {
	r, err := db.configured(ctx, `WHERE id = ?`, id)
	if err != nil {
		return store.RepoRecord{}, fmt.Errorf("load repository %d: %w", id, err)
	}
	return r, nil
}

// RepoByName returns the repository that has this name now, without regard to
// case and not counting removed ones, or [store.ErrNotFound].
func (db *DB) RepoByName(ctx context.Context, owner, name string) (store.RepoRecord, error) {
	// Two may claim one name after a rename that nobody told us about; GitHub gave it to the newer one.
	r, err := db.configured(ctx, `WHERE owner = ? AND name = ? AND removed = 0 ORDER BY updated_at DESC, id DESC LIMIT 1`, owner, name)
	if err != nil {
		return store.RepoRecord{}, fmt.Errorf("load repository %s: %w", pipeline.Repo{Owner: owner, Name: name}, err)
	}
	return r, nil
}

// Repos returns every repository that is not removed, by id, without its Config.
func (db *DB) Repos(ctx context.Context) ([]store.RepoRecord, error) {
	all, err := collect(ctx, db.reads, scanBareRepo, `SELECT `+repoColumns+` FROM repo WHERE removed = 0 ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", err)
	}
	return all, nil
}

// RemoveRepo marks a repository as out of reach. An unknown one is left unknown.
func (db *DB) RemoveRepo(ctx context.Context, id int64, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("remove repository %d", id), func(tx *writeTx) error {
		_, err := tx.ExecContext(ctx, `UPDATE repo SET removed = 1, updated_at = ? WHERE id = ? AND removed = 0`, micros(now), id)
		return err
	})
}

// RemoveInstallation marks all repositories of an installation as out of reach.
func (db *DB) RemoveInstallation(ctx context.Context, installation int64, now time.Time) error {
	return db.write(ctx, fmt.Sprintf("remove installation %d", installation), func(tx *writeTx) error {
		_, err := tx.ExecContext(ctx, `UPDATE repo SET removed = 1, updated_at = ? WHERE installation = ? AND removed = 0`,
			micros(now), installation)
		return err
	})
}

// Carriers returns the repositories of an installation, with their Config, that have
// Freight whose artifacts name a commit by its full id. Whether they hold it is for the
// caller to say.
func (db *DB) Carriers(ctx context.Context, installation int64, commit string) ([]store.RepoRecord, error) {
	var all []store.RepoRecord
	err := db.read(ctx, "look for freight with "+commit, func(q querier) error {
		found, err := collect(ctx, q, scanVersioned, selectVersioned+`
WHERE removed = 0 AND installation = ?1 AND id IN (
	SELECT repo FROM freight WHERE deleted_at IS NULL AND instr(artifacts, ?2) > 0)
ORDER BY id`, installation, `"`+commit+`"`)
		if err != nil {
			return err
		}
		for _, r := range found {
			if err := db.pipelinesOf(ctx, q, &r); err != nil {
				return err
			}
			all = append(all, r.RepoRecord)
		}
		return nil
	})
	return all, err
}

// configured returns the repository that a clause selects, with its pipelines.
func (db *DB) configured(ctx context.Context, where string, args ...any) (store.RepoRecord, error) {
	r, err := one(ctx, db.reads, scanVersioned, selectVersioned+where, args...)
	if err != nil {
		return store.RepoRecord{}, err
	}
	return r.RepoRecord, db.pipelinesOf(ctx, db.reads, &r)
}

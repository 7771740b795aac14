package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/app/vault"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
	"github.com/kargo-app/kargo/store/sqlite"
)

// Safe keeps the accounts and secrets of repositories, encrypted, in the database.
type Safe struct {
	db    *sqlite.DB
	vault *vault.Vault
	now   func() time.Time
}

// setSecretKey takes the keys themselves or what a file holds; both together are more
// keys.
func setSecretKey(c *Config, v string) error {
	if _, err := vault.New(v); err != nil {
		return err
	}
	c.SecretKey = strings.TrimLeft(c.SecretKey+"\n"+v, "\n")
	return nil
}

func setSecretKeyFile(c *Config, v string) error {
	if v == "" {
		return nil
	}
	data, err := os.ReadFile(v)
	if err != nil {
		return err
	}
	return setSecretKey(c, string(data))
}

// OpenSafe opens the Safe of a server, which may be running. The database must exist.
// The caller must call Close.
func OpenSafe(ctx context.Context, cfg Config, now func() time.Time) (*Safe, error) {
	v, err := vault.New(cfg.SecretKey)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(cfg.DatabasePath); err != nil {
		return nil, fmt.Errorf("open database: %w; kargo serve makes it, and --data-dir (%s) says where", err, envName("data-dir"))
	}
	db, err := sqlite.Open(ctx, cfg.DatabasePath, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &Safe{db: db, vault: v, now: now}, nil
}

// Close closes the database.
func (s *Safe) Close() error { return s.db.Close() }

// Repo finds a repository by owner and name.
func (s *Safe) Repo(ctx context.Context, owner, name string) (store.RepoRecord, error) {
	rec, err := s.db.RepoByName(ctx, owner, name)
	if errors.Is(err, store.ErrNotFound) {
		return rec, &pipeline.UserError{
			Message: fmt.Sprintf("the server does not know the repository %s/%s", owner, name),
			Hint:    "install the App on it first; the server then hears of it",
			Err:     err,
		}
	}
	return rec, err
}

// PutCredential stores an account, and replaces the one with its kind and address.
func (s *Safe) PutCredential(ctx context.Context, repo int64, head store.CredentialHead, password []byte) error {
	if head.Kind == "" {
		return errors.New("an account needs a kind: image, chart or git")
	}
	if err := checkCredential(head.Kind, head.URL, head.Regex); err != nil {
		return err
	}
	sealed, err := s.vault.Seal(vault.Credential(repo, string(head.Kind), head.URL), password)
	if err != nil {
		return err
	}
	return s.db.PutCredential(ctx, repo, store.Credential{CredentialHead: head, Ciphertext: sealed}, s.now())
}

// Credentials lists the accounts of a repository.
func (s *Safe) Credentials(ctx context.Context, repo int64) ([]store.CredentialHead, error) {
	return s.db.Credentials(ctx, repo)
}

// DeleteCredential forgets an account, or returns [store.ErrNotFound].
func (s *Safe) DeleteCredential(ctx context.Context, repo int64, kind pipeline.ArtifactKind, url string) error {
	return s.db.DeleteCredential(ctx, repo, kind, url)
}

// password opens the secret part of an account.
func (s *Safe) password(ctx context.Context, repo int64, kind pipeline.ArtifactKind, url string) (string, error) {
	c, err := s.db.Credential(ctx, repo, kind, url)
	if err != nil {
		return "", err
	}
	value, err := s.vault.Open(vault.Credential(repo, string(kind), url), c.Ciphertext)
	return string(value), err
}

// secretName is what an expression can name as secrets.NAME.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// PutSecret stores a secret for the steps of a repository's pipelines.
func (s *Safe) PutSecret(ctx context.Context, repo int64, name string, value []byte) error {
	if !secretName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a secret: letters, digits and underscores, no digit first, at most 100", name)
	}
	sealed, err := s.vault.Seal(vault.Secret(repo, name), value)
	if err != nil {
		return err
	}
	return s.db.PutSecret(ctx, repo, name, sealed, s.now())
}

// Secrets lists the secrets of a repository.
func (s *Safe) Secrets(ctx context.Context, repo int64) ([]store.SecretHead, error) {
	return s.db.Secrets(ctx, repo)
}

// AuditEvents returns what steps wrote down for the record, newest first.
func (s *Safe) AuditEvents(ctx context.Context, repo int64, limit int) ([]store.AuditEvent, error) {
	return s.db.AuditEvents(ctx, repo, limit)
}

// DeleteSecret forgets a secret, or returns [store.ErrNotFound].
func (s *Safe) DeleteSecret(ctx context.Context, repo int64, name string) error {
	return s.db.DeleteSecret(ctx, repo, name)
}

// Secret opens a secret, or returns [store.ErrNotFound]. It is for the step that needs
// it and must be shown to nobody.
func (s *Safe) Secret(ctx context.Context, repo int64, name string) (string, error) {
	sealed, err := s.db.Secret(ctx, repo, name)
	if err != nil {
		return "", err
	}
	value, err := s.vault.Open(vault.Secret(repo, name), sealed)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	return string(value), nil
}

// logins returns the accounts of a repository, and what identifies them together: of
// accounts that changed it is another one. Passwords are opened when they are needed
// and not before.
func (s *Safe) logins(ctx context.Context, repo int64) (all []registry.Login, version string, err error) {
	heads, err := s.db.Credentials(ctx, repo)
	if err != nil {
		return nil, "", err
	}
	var changed time.Time
	for _, h := range heads {
		if h.UpdatedAt.After(changed) {
			changed = h.UpdatedAt
		}
		url := h.URL
		if h.Kind == pipeline.GitArtifact && !h.Regex {
			url = pipeline.NormalizeGitURL(url)
		}
		all = append(all, registry.Login{
			Kind: h.Kind, URL: url, Regex: h.Regex, Username: h.Username,
			Password: func(ctx context.Context) (string, error) { return s.password(ctx, repo, h.Kind, h.URL) },
		})
	}
	return all, fmt.Sprintf("%d/%d/%d", repo, len(all), changed.UnixMicro()), nil
}

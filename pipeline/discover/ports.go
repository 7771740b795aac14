package discover

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is what a port returns, possibly wrapped, when a tag, manifest,
// branch or commit does not exist. A repository that does not exist, or that may
// not be read, is any other error.
var ErrNotFound = errors.New("not found")

// Repository is a container or Git repository to ask.
type Repository struct {
	// URL is the reference without tag or digest ("ghcr.io/acme/web"), or the address
	// of a Git repository as a Subscription gives it.
	URL string
	// SkipTLSVerify accepts any certificate.
	SkipTLSVerify bool
}

// Images reads container registries.
type Images interface {
	// Tags lists all tags of the repository in any order.
	Tags(ctx context.Context, r Repository) ([]string, error)
	// Head returns the digest behind a tag, without its manifest: one request.
	Head(ctx context.Context, r Repository, tag string) (digest string, err error)
	// Manifest reads the manifest or index behind a tag or digest: one request.
	Manifest(ctx context.Context, r Repository, ref string) (Manifest, error)
	// Config reads the image configuration of a manifest: one request.
	Config(ctx context.Context, r Repository, m Manifest) (Config, error)
}

// Manifest is an image manifest or, if it has Children, an index.
type Manifest struct {
	Digest      string
	Annotations map[string]string
	// Index says that this is an index, even when it has no Children.
	Index    bool
	Children []Child
	// ConfigDigest is the digest of the image configuration, empty for an index and for
	// artifacts that are not images.
	ConfigDigest string
}

// Child is an entry of an index.
type Child struct {
	Digest string
	// Platform is "os/arch" or "os/arch/variant"; empty when the index gives none.
	Platform    string
	Annotations map[string]string
}

// Config is the part of an image configuration that discovery needs.
type Config struct {
	Created time.Time
	// Platform is "os/arch" or "os/arch/variant".
	Platform string
	Labels   map[string]string
}

// Commits reads Git repositories.
type Commits interface {
	// Head returns the commit id of a branch, of the default branch if empty.
	Head(ctx context.Context, r Repository, branch string) (id string, err error)
	// Log returns up to limit commits from the given one along first parents,
	// newest first; fewer mean that history ends there.
	Log(ctx context.Context, r Repository, from string, limit int) ([]Commit, error)
	// Tags lists all tags by Name and commit ID; other fields may be empty.
	Tags(ctx context.Context, r Repository) ([]Tag, error)
	// Describe fills in the other fields of tags that Tags returned. Tags of
	// something other than a commit are left out.
	Describe(ctx context.Context, r Repository, tags []Tag) ([]Tag, error)
	// Changed lists the paths that differ between the trees of two commits; an
	// empty base means the empty tree. A rename is both of its paths.
	Changed(ctx context.Context, r Repository, base, head string) ([]string, error)
}

// Commit is a commit as [Commits] reads it.
type Commit struct {
	ID      string
	Parents []string
	Message string
	// Author and Committer are "Name <address>".
	Author      string
	Committer   string
	CommittedAt time.Time
}

// Tag is a Git tag.
type Tag struct {
	Name string
	// ID is the commit, also for an annotated tag.
	ID string
	// CreatedAt is when the tagger tagged or, without annotation, when the
	// committer committed.
	CreatedAt time.Time
	// Tagger ("Name <address>") and Annotation are empty for a lightweight tag.
	Tagger     string
	Annotation string
	Commit     Commit
}

// TagCache remembers Builds between runs, so that NewestBuild, and whoever trusts
// tags not to move, ask only for tags that were not seen before.
type TagCache interface {
	// Builds returns what is remembered of the given tags, by tag. The repository is
	// named as pipeline.NormalizeImage does.
	Builds(ctx context.Context, repoURL string, tags []string) (map[string]Build, error)
	// PutBuilds adds or replaces Builds.
	PutBuilds(ctx context.Context, repoURL string, builds []Build) error
}

// Build is what is known about the image behind one tag.
type Build struct {
	Tag         string            `json:"tag"`
	Digest      string            `json:"digest"`
	CreatedAt   time.Time         `json:"createdAt,omitzero"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Labels are those of the image's configuration that say what it was built from; nil,
	// which must survive being stored, means that nobody has looked.
	Labels map[string]string `json:"labels"`
	// Undated says that nobody has looked for when it was built.
	Undated bool `json:"undated,omitempty"`
	// Platforms are those that it runs on; nil, which must survive being stored,
	// means that nobody has looked.
	Platforms []BuildPlatform `json:"platforms"`
	// CheckedAt is when the tag was last seen to have this Digest.
	CheckedAt time.Time `json:"checkedAt,omitzero"`
}

// BuildPlatform is one platform of a Build.
type BuildPlatform struct {
	// Name is "os/arch" or "os/arch/variant".
	Name string `json:"name"`
	// Digest is that of the index entry, empty when the Build is no index.
	Digest string `json:"digest,omitempty"`
	// Annotations are those of the entry's own manifest; nil, which must survive
	// being stored, means that nobody has looked.
	Annotations map[string]string `json:"annotations"`
}

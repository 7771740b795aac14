package reconcile

import (
	"context"
	"time"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
	"github.com/kargo-app/kargo/store"
)

// Configs keeps repositories and the pipelines they declare.
type Configs interface {
	Repo(ctx context.Context, id int64) (store.RepoRecord, error)
	SaveConfig(ctx context.Context, repoID int64, c store.Config, subs []store.Subscription, now time.Time) error
}

// Discoveries keeps what Warehouses saw.
type Discoveries interface {
	// PipelineWarehouses returns those of one pipeline, whose name is empty for the
	// root.
	PipelineWarehouses(ctx context.Context, repoID int64, name string) ([]store.WarehouseState, error)
	SaveDiscovery(ctx context.Context, repoID int64, w store.WarehouseState) error
}

// Decisions loads what Decide looks at and applies what it says, in one
// transaction. The name of the root pipeline is empty.
type Decisions interface {
	PipelineSnapshot(ctx context.Context, repoID int64, name string) (pipeline.Snapshot, error)
	ApplyPipeline(ctx context.Context, repoID int64, name string, actions []pipeline.Action, now time.Time) (store.Applied, error)
	PipelineResolvedIntents(ctx context.Context, repoID int64, name string) ([]store.ResolvedIntent, error)
}

// Work asks for jobs.
type Work interface {
	Enqueue(ctx context.Context, kind store.WorkKind, key string, due time.Time) error
}

// Files reads a repository without cloning it.
type Files interface {
	// Head returns the head commit of the default branch, "" for a repository
	// without commits.
	Head(ctx context.Context, r store.RepoRecord) (string, error)
	// Config returns .kargo.yaml at a commit with the id of its blob; a blob of
	// "" means that there is no such file.
	Config(ctx context.Context, r store.RepoRecord, commit string) (data []byte, blob string, err error)
	// List returns the files at a commit whose paths match one of the globs, in the
	// syntax of doublestar, sorted by path.
	List(ctx context.Context, r store.RepoRecord, commit string, globs []string) ([]FileRef, error)
	// Read returns the content of some of them, in the same order and in few round
	// trips.
	Read(ctx context.Context, r store.RepoRecord, commit string, paths []string) ([][]byte, error)
}

// FileRef is a file at a commit.
type FileRef struct {
	Path string
	// Blob is the id of its content.
	Blob string
}

// Checked is a file that was read.
type Checked struct {
	Path string
	// File is nil when the problems make it unusable.
	File     *kargofile.File
	Problems kargofile.Problems
}

// Discoverer looks at the Subscriptions of one Warehouse.
type Discoverer interface {
	Discover(ctx context.Context, r store.RepoRecord, w pipeline.Warehouse, known discover.Previous) (pipeline.Discovery, error)
}

// Matcher tells whether a Promotion would change nothing, because the Stage's
// files hold its Freight already.
type Matcher interface {
	Unchanged(ctx context.Context, r store.RepoRecord, p pipeline.Promotion) (bool, error)
}

// Tasks reads promotion tasks of other repositories.
type Tasks interface {
	// Task returns the file that a reference "org/repo//path@ref" names and the
	// commit that ref, a branch, tag or commit, stands for now. r is the repository
	// whose pipeline refers to it: what r's installation may not read, unless it is
	// public, is not read. A *pipeline.UserError says that there is no such file.
	Task(ctx context.Context, r store.RepoRecord, ref string) (data []byte, commit string, err error)
}

// Voice answers people.
type Voice interface {
	// Config publishes the check run on a commit whose .kargo.yaml was read, together
	// with the files that it includes.
	Config(ctx context.Context, r store.RepoRecord, commit string, root Checked, included []Checked) error
	// Answer tells the person who asked what became of the request.
	Answer(ctx context.Context, r store.RepoRecord, in store.ResolvedIntent) error
}

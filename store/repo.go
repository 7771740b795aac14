package store

import (
	"encoding/json"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// RepoRecord is what is known of a repository.
type RepoRecord struct {
	pipeline.Repo
	Installation  int64
	DefaultBranch string
	Private       bool
	// Removed: the App lost access or the repository is gone. Its history stays.
	Removed   bool
	UpdatedAt time.Time
	Config    Config
}

// Config is the last good .kargo.yaml and, separately, the newest look at the
// file. Its pipelines may be shared with others who loaded the repository: they are
// not to be modified.
type Config struct {
	// SHA is the commit of the last good file, Blob the file's blob id.
	SHA  string
	Blob string
	// Pipeline is the root pipeline, nil when there never was a good file.
	Pipeline *pipeline.Pipeline
	// Included are the pipelines of the files that the root's file includes; their
	// Warehouses and Stages have qualified names.
	Included []pipeline.Pipeline
	// SeenSHA and SeenBlob are the head commit and the blob looked at last;
	// SeenBlob is empty when there was no file.
	SeenSHA, SeenBlob string
	// Problems of the newest look as JSON, nil when there were none.
	Problems json.RawMessage
}

// Subscription says that a Warehouse wants to hear about a source.
type Subscription struct {
	Kind pipeline.ArtifactKind
	// URL is normalized, so that equal sources have equal URLs.
	URL       string
	Warehouse string
}

// WarehouseState is what is known of one Warehouse.
type WarehouseState struct {
	Name string
	// Due is when the next discovery should run.
	Due time.Time
	// DiscoveredAt is when Discovery was made; zero means never, and then
	// Discovery is not kept.
	DiscoveredAt time.Time
	// Error is why the newest discovery failed, empty when it did not.
	Error     string
	Discovery pipeline.Discovery
	// Hints counts the events that asked for a discovery since the last one was
	// saved. Saving a state whose Hints is no longer the stored one leaves the
	// Warehouse due: the event may be newer than what was discovered.
	Hints int
}

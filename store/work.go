package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// WorkKind is the kind of a job.
type WorkKind string

// The kinds of work and what their keys are.
const (
	// WorkDelivery dispatches a Delivery; the key is its GUID.
	WorkDelivery WorkKind = "delivery"
	// WorkReconcile reconciles one pipeline of a repository; see [ReconcileKey].
	WorkReconcile WorkKind = "reconcile"
	// WorkStage advances the Promotions and Verifications of a Stage; see [StageKey].
	WorkStage WorkKind = "stage"
)

// Job is a claimed piece of work. It is proof of the claim: writes that take a
// Job fail with [ErrLeaseLost] once somebody else holds it.
type Job struct {
	Kind WorkKind
	Key  string
	// Due is when the job became due, so now minus Due is how long it waited.
	Due time.Time
	// Attempts counts retries since the job last finished.
	Attempts int
	// Token fences the claim; greater than that of every earlier claim of the
	// same kind and key.
	Token int64
}

// RepoKey is the key of the WorkReconcile of a repository's configuration and
// root pipeline.
func RepoKey(repoID int64) string { return strconv.FormatInt(repoID, 10) }

// ParseRepoKey reverses [RepoKey].
func ParseRepoKey(key string) (int64, error) {
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("repository key %q is no number", key)
	}
	return id, nil
}

// ReconcileKey is the key of the WorkReconcile of the pipeline that a name belongs
// to: "42" for "test", "42/shop" for "shop/test".
func ReconcileKey(repoID int64, qualified string) string {
	return PipelineKey(repoID, pipeline.Qualifier(qualified))
}

// PipelineKey is ReconcileKey for those who know the pipeline, empty for the root.
func PipelineKey(repoID int64, name string) string {
	if name == "" {
		return RepoKey(repoID)
	}
	return RepoKey(repoID) + "/" + name
}

// ParseReconcileKey reverses [PipelineKey]; name is empty for the root.
func ParseReconcileKey(key string) (repoID int64, name string, err error) {
	id, name, ok := strings.Cut(key, "/")
	if ok && name == "" {
		return 0, "", fmt.Errorf("reconcile key %q is neither REPO nor REPO/PIPELINE", key)
	}
	repoID, err = ParseRepoKey(id)
	return repoID, name, err
}

// StageKey is the key of a Stage's WorkStage.
func StageKey(repoID int64, stage string) string { return RepoKey(repoID) + "/" + stage }

// ParseStageKey reverses [StageKey].
func ParseStageKey(key string) (repoID int64, stage string, err error) {
	id, stage, ok := strings.Cut(key, "/")
	if !ok || stage == "" {
		return 0, "", fmt.Errorf("stage key %q is not REPO/STAGE", key)
	}
	repoID, err = ParseRepoKey(id)
	return repoID, stage, err
}

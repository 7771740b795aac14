package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// WorkKind is the kind of a job.
type WorkKind string

// The kinds of work and what their keys are.
const (
	// WorkDelivery dispatches a Delivery; the key is its GUID.
	WorkDelivery WorkKind = "delivery"
	// WorkReconcile reconciles a repository; see [RepoKey].
	WorkReconcile WorkKind = "reconcile"
	// WorkStage advances the Promotions of a Stage; see [StageKey].
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

// RepoKey is the key of a repository's WorkReconcile.
func RepoKey(repoID int64) string { return strconv.FormatInt(repoID, 10) }

// ParseRepoKey reverses [RepoKey].
func ParseRepoKey(key string) (int64, error) {
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("repository key %q is no number", key)
	}
	return id, nil
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

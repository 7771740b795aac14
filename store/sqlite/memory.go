package sqlite

import (
	lru "github.com/hashicorp/golang-lru/v2"
)

// What is kept in memory at most. A Stage with a hundred marks and twenty
// Promotions takes about 40 kB.
const (
	rememberedSpecs  = 4096
	rememberedStages = 8192
)

// memory keeps what was read and decoded before. Nothing in it is trusted to be
// current: specs never change under their hash, and what is kept of a Stage
// counts only while the database gives it the same version. Whatever it hands out
// is shared and must not be modified.
type memory struct {
	specs  *lru.Cache[specHash, *spec]
	stages *lru.Cache[stageKey, *stageRecord]
}

// stageKey names a Stage among all repositories.
type stageKey struct {
	repo int64
	name string
}

// stageRecord is what a snapshot holds of one Stage, at a version.
type stageRecord struct {
	// marked and changed are the versions of marks and of the rest, which the
	// database counts up and never back.
	marked, changed int64
	marks           []packedMark
	promotions      []promotionRow
	verifications   []verificationRow
}

func newMemory() (*memory, error) {
	specs, err := lru.New[specHash, *spec](rememberedSpecs)
	if err != nil {
		return nil, err
	}
	stages, err := lru.New[stageKey, *stageRecord](rememberedStages)
	return &memory{specs: specs, stages: stages}, err
}

package sqlite

import (
	"sync"
	"unsafe"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/kargo-app/kargo/pipeline"
)

// rememberedSpecs bounds how many specs are kept decoded.
const rememberedSpecs = 2048

// memory keeps what was read and decoded before. Nothing in it is trusted to be
// current: specs never change under their hash, and what is kept of a Stage
// counts only while the database gives it the same version. Whatever it hands out
// is shared and must not be modified. It is safe for concurrent use.
type memory struct {
	specs *lru.Cache[specHash, *spec]

	mu     sync.Mutex
	stages *simplelru.LRU[stageKey, *stageRecord]
	// size is about how many bytes the Stages take; it stays below limit.
	size, limit int
	// configs are by repository; configText is how long they are as JSON, and stays
	// below limit, too.
	configs    *simplelru.LRU[int64, *configRecord]
	configText int
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

func newMemory(limit int) (*memory, error) {
	specs, err := lru.New[specHash, *spec](rememberedSpecs)
	if err != nil {
		return nil, err
	}
	m := &memory{specs: specs, limit: limit}
	// Bounded by size, and every Stage has some.
	m.stages, err = simplelru.NewLRU(1+limit/int(unsafe.Sizeof(stageRecord{})), func(_ stageKey, r *stageRecord) {
		m.size -= r.size()
	})
	if err != nil {
		return nil, err
	}
	m.configs, err = simplelru.NewLRU(rememberedConfigs, func(_ int64, r *configRecord) { m.configText -= r.text })
	return m, err
}

func (m *memory) recall(key stageKey) (*stageRecord, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stages.Get(key)
}

func (m *memory) remember(key stageKey, r *stageRecord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stages.Remove(key)
	m.stages.Add(key, r)
	m.size += r.size()
	for m.size > m.limit {
		m.stages.RemoveOldest()
	}
}

// size is about how many bytes a record takes, strings guessed.
func (r *stageRecord) size() int {
	const text = 512
	size := int(unsafe.Sizeof(*r)) + len(r.marks)*int(unsafe.Sizeof(packedMark{}))
	for i := range r.promotions {
		p := &r.promotions[i]
		size += int(unsafe.Sizeof(*p)) + text + len(p.steps)*int(unsafe.Sizeof(pipeline.StepState{}))
		for j := range p.steps {
			size += len(p.steps[j].Output) + len(p.steps[j].Message)
		}
	}
	for i := range r.verifications {
		v := &r.verifications[i]
		size += int(unsafe.Sizeof(*v)) + text
		for j := range v.Metrics {
			metric := &v.Metrics[j]
			size += int(unsafe.Sizeof(*metric)) + len(metric.State) +
				len(metric.Measurements)*(text/4+int(unsafe.Sizeof(pipeline.Measurement{})))
		}
	}
	return size
}

package reconcile

import (
	"fmt"
	"sync"
)

// memory is what a Reconciler remembers to save work. Losing it costs time and
// changes no outcome.
type memory struct {
	mu sync.Mutex
	// unmatched holds the Freight that a Stage's files were seen not to hold.
	unmatched map[string]bool
	// failures counts discoveries that did not work in a row.
	failures map[string]int
}

// remembered bounds each of them; forgetting all is simplest and rare.
const remembered = 10_000

func (m *memory) known(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unmatched[key]
}

func (m *memory) remember(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unmatched == nil || len(m.unmatched) > remembered {
		m.unmatched = map[string]bool{}
	}
	m.unmatched[key] = true
}

// failed counts a discovery that did not work and returns how many did not in a
// row.
func (m *memory) failed(repo int64, warehouse string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failures == nil || len(m.failures) > remembered {
		m.failures = map[string]int{}
	}
	key := fmt.Sprintf("%d %s", repo, warehouse)
	m.failures[key]++
	return m.failures[key]
}

func (m *memory) worked(repo int64, warehouse string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.failures, fmt.Sprintf("%d %s", repo, warehouse))
}

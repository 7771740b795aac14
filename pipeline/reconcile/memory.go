package reconcile

import (
	"fmt"
	"maps"
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
	// files holds included files by path and content.
	files map[fileKey]parsedFile
	// unstarted says, by pipeline and Stage, why no Promotion was started that the
	// rules want.
	unstarted map[pipelineKey]map[string]string
}

// fileKey is a content that was found under a name for its pipeline.
type fileKey struct {
	repo                 int64
	path, blob, fallback string
}

type parsedFile struct {
	checked Checked
	name    string
}

// rememberedFiles bounds the files that are kept in memory.
const rememberedFiles = 2 * maxIncluded

// pipelineKey is a repository and the name of a pipeline in it.
type pipelineKey struct {
	repo int64
	name string
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

func (m *memory) parsed(repo int64, ref FileRef, fallback string) (c Checked, name string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.files[fileKey{repo, ref.Path, ref.Blob, fallback}]
	return f.checked, f.name, ok
}

func (m *memory) parse(repo int64, ref FileRef, fallback string, c Checked, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil || len(m.files) > rememberedFiles {
		m.files = map[fileKey]parsedFile{}
	}
	m.files[fileKey{repo, ref.Path, ref.Blob, fallback}] = parsedFile{c, name}
}

// start replaces what is known of a pipeline's Promotions that were not started.
func (m *memory) start(key pipelineKey, why map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(why) == 0 {
		delete(m.unstarted, key)
		return
	}
	if m.unstarted == nil || len(m.unstarted) > remembered {
		m.unstarted = map[pipelineKey]map[string]string{}
	}
	m.unstarted[key] = why
}

// Unstarted says why Stages of a repository do not get the Promotion that the
// rules want for them, by the Stage's name: the task of another repository that
// they follow cannot be used. It is what the last pass over each pipeline found.
func (r *Reconciler) Unstarted(repoID int64) map[string]string {
	m := &r.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]string{}
	for key, why := range m.unstarted {
		if key.repo == repoID {
			maps.Copy(all, why)
		}
	}
	return all
}

package renderer

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// memoryTick is how often a child looks at what it occupies: between two looks it
	// cannot fill more than some tens of megabytes.
	memoryTick = 5 * time.Millisecond
	// maxStack bounds the stack of a goroutine, in bytes, far above what a sound template
	// needs and below what hurts.
	maxStack = 128 << 20
)

// limitMemory calls exceeded when this process occupies more than limit bytes, which it
// tries not to. 0 is no limit.
func limitMemory(limit uint64, exceeded func()) {
	debug.SetMaxStack(maxStack)
	// Should the machine run out of memory, the kernel takes this process first; where
	// that cannot be said, it takes the largest.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if limit == 0 {
		return
	}
	debug.SetMemoryLimit(int64(limit / 8 * 7)) //nolint:gosec // far below
	go func() {
		for range time.Tick(memoryTick) {
			if occupied() > limit {
				exceeded()
			}
		}
	}()
}

// occupied is how many bytes the Go runtime has of the system.
func occupied() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

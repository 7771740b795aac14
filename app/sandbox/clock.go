package sandbox

import (
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"
)

// clock is the time of a program: it begins at the same instant, moves by a
// millisecond with each look at it, and sleeping moves it at once. A program has one
// and looks at it from one goroutine.
type clock struct{ elapsed time.Duration }

func (c *clock) look() time.Duration {
	c.elapsed += time.Millisecond
	return c.elapsed
}

func (c *clock) install(config wazero.ModuleConfig) wazero.ModuleConfig {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return config.
		WithWalltime(func() (int64, int32) {
			now := start.Add(c.look())
			return now.Unix(), int32(now.Nanosecond()) //nolint:gosec // below a second
		}, sys.ClockResolution(time.Millisecond)).
		WithNanotime(func() int64 { return int64(c.look()) }, sys.ClockResolution(time.Millisecond)).
		WithNanosleep(func(ns int64) { c.elapsed += time.Duration(max(ns, 0)) }).
		WithOsyield(func() {})
}

package sandbox

import (
	"bytes"
	"errors"
)

// capped keeps the first bytes that are written to it. When there are more, full is
// called and writes fail; without full, the rest is dropped.
type capped struct {
	bytes.Buffer
	limit int
	full  func()
}

var errFull = errors.New("too much output")

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	room := c.limit - c.Len()
	if len(p) <= room {
		return c.Buffer.Write(p)
	}
	c.Buffer.Write(p[:max(room, 0)])
	if c.full == nil {
		return len(p), nil
	}
	c.full()
	return max(room, 0), errFull
}

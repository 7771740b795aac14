package render

import (
	"context"
	"fmt"
	"io/fs"
	"time"
)

const (
	// MaxTime bounds one rendering.
	MaxTime = 2 * time.Minute
	// maxRead bounds the bytes that one rendering reads.
	maxRead = 256 << 20
	// maxOutput bounds the bytes of its result.
	maxOutput = 128 << 20
	// maxKustomizations bounds how often kustomization files are read: a base counts
	// each time it is used, so that bases of bases cannot multiply.
	maxKustomizations = 2000
	// maxChartFiles bounds the files of a chart, those of its subcharts included.
	maxChartFiles = 20_000
)

var errTooLong = fmt.Errorf("rendering took more than %s", MaxTime)

// bounded runs f over files until it ends, ctx ends or [MaxTime] is over. Neither tool
// can be stopped at any instant: f notices as soon as it reads, what it returns later
// is dropped, and it touches no file any more.
func bounded[T any](ctx context.Context, files fs.FS, f func(*source) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, MaxTime, errTooLong)
	s := &source{ctx: ctx, files: files}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer cancel()
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("the renderer panicked: %v", p)
			}
			done <- r
		}()
		r.value, r.err = f(s)
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	s.close()
	select {
	case r := <-done: // It came at the same moment.
		return r.value, r.err
	default:
		var none T
		return none, context.Cause(ctx)
	}
}

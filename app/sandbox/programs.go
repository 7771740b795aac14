package sandbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// kept is how many compiled programs are kept for the next run.
const kept = 4

// pagesPerMiB is WebAssembly's: a page has 64 KiB.
const pagesPerMiB = 16

// program is a compiled program with a runtime of its own, whose limit on memory is
// that of the program.
type program struct {
	key      key
	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	users    int
	// dropped programs are closed when nobody uses them any more.
	dropped bool
}

type key struct {
	sum    [sha256.Size]byte
	memory int
}

// programs are those that were compiled, the one used last at the end.
type programs struct {
	mu  sync.Mutex
	all []*program
}

// get compiles a module unless it is known. What it returns must be released.
func (ps *programs) get(ctx context.Context, module []byte, memoryMiB int) (*program, error) {
	k := key{sha256.Sum256(module), memoryMiB}
	if p := ps.take(k); p != nil {
		return p, nil
	}
	p, err := compile(ctx, module, memoryMiB)
	if err != nil {
		return nil, err
	}
	p.key, p.users = k, 1
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.all = append(ps.all, p)
	if len(ps.all) > kept {
		old := ps.all[0]
		ps.all = append([]*program(nil), ps.all[1:]...)
		old.dropped = true
		old.closeUnused(ctx)
	}
	return p, nil
}

func (ps *programs) take(k key) *program {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for i, p := range ps.all {
		if p.key == k {
			p.users++
			ps.all = append(append(append([]*program(nil), ps.all[:i]...), ps.all[i+1:]...), p)
			return p
		}
	}
	return nil
}

func (ps *programs) release(p *program) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users--
	p.closeUnused(context.Background())
}

func (ps *programs) close(ctx context.Context) error {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var errs []error
	for _, p := range ps.all {
		errs = append(errs, p.runtime.Close(ctx))
	}
	ps.all = nil
	return errors.Join(errs...)
}

func (p *program) closeUnused(ctx context.Context) {
	if p.dropped && p.users == 0 {
		_ = p.runtime.Close(context.WithoutCancel(ctx)) // memory only
	}
}

func compile(ctx context.Context, module []byte, memoryMiB int) (_ *program, err error) {
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(memoryMiB)*pagesPerMiB)) //nolint:gosec // the step bounds it
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the compiler gave up: %v", r)
		}
		if err != nil {
			_ = runtime.Close(context.WithoutCancel(ctx)) // memory only
		}
	}()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return nil, err
	}
	compiled, err := runtime.CompileModule(ctx, module)
	if err != nil {
		return nil, err
	}
	if _, ok := compiled.ExportedFunctions()["_start"]; !ok {
		return nil, errors.New("it exports no function _start")
	}
	return &program{runtime: runtime, compiled: compiled}, nil
}

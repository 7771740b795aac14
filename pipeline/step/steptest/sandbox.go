package steptest

import (
	"context"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Sandbox is a World's Sandbox. What a program does is a function of the test.
type Sandbox struct {
	// Program is what every module does, nothing at all when it is nil.
	Program func(ctx context.Context, p step.Program) (step.ProgramResult, error)
}

var _ step.Sandbox = (*Sandbox)(nil)

// Run implements step.Sandbox.
func (s *Sandbox) Run(ctx context.Context, p step.Program) (step.ProgramResult, error) {
	if err := ctx.Err(); err != nil || s.Program == nil {
		return step.ProgramResult{}, err
	}
	return s.Program(ctx, p)
}

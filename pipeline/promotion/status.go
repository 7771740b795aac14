package promotion

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// statuses tells expressions what has become of Freight, by its name. It asks only about
// what an expression names, and once. What kept it from knowing is no fault of the
// expression, and kept aside for whoever evaluated it.
type statuses struct {
	ask   func(name string) (*step.FreightStatus, error)
	known map[string]map[string]any
	err   error
}

func (x *execution) statuses(ctx context.Context) *statuses {
	s := &statuses{known: map[string]map[string]any{}}
	if n := x.e.Ports.Notes; n != nil {
		s.ask = func(name string) (*step.FreightStatus, error) { return n.Status(ctx, x.p.Repo, x.p.Stage.Name, name) }
	}
	return s
}

// of is what freightStatus(name) gives.
func (s *statuses) of(name string) (map[string]any, error) {
	if s == nil || s.ask == nil {
		return nil, nil //nolint:nilnil // nothing is known here
	}
	if status, ok := s.known[name]; ok {
		return status, nil
	}
	found, err := s.ask(name)
	if err != nil {
		s.err = fmt.Errorf("status of freight %s: %w", pipeline.Short(name), err)
		return nil, s.err
	}
	status, err := found.Values()
	s.known[name] = status
	return status, err
}

// fault is what kept statuses from being known, nil for nothing.
func (s *statuses) fault() error {
	if s == nil {
		return nil
	}
	return s.err
}

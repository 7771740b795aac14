package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// script plays what people do in the example.
type script struct {
	world    *world
	observer *observer
	terminal *terminal
}

// opening publishes the next version once the first one was found in every Stage.
func (s *script) opening(ctx context.Context) error {
	if err := s.await(ctx, "web 1.0.0 found in test, staging and prod", func(m moment) bool {
		return m.verified("test", firstVersion) && m.verified("staging", firstVersion) && m.verified("prod", firstVersion)
	}); err != nil {
		return err
	}
	s.terminal.line("\nPublishing web %s.\n", nextVersion)
	if err := s.world.publish(nextVersion); err != nil {
		return fmt.Errorf("publish %s: %w", nextVersion, err)
	}
	return nil
}

// staged waits until the new version went through test and staging by itself, and
// returns the number of staging's pull request.
func (s *script) staged(ctx context.Context) (int, error) {
	var number int
	err := s.await(ctx, "web "+nextVersion+" verified in staging", func(m moment) bool {
		if !m.verified("staging", nextVersion) {
			return false
		}
		p, ok := m.lastInto("staging", nextVersion)
		number = p.Pull().Number
		return ok && number != 0
	})
	return number, err
}

// whole plays the rest: somebody asks for prod, somebody else agrees.
func (s *script) whole(ctx context.Context) error {
	number, err := s.staged(ctx)
	if err != nil {
		return err
	}
	if err := s.world.act(number, "ana", actComment, "/promote prod"); err != nil {
		return fmt.Errorf("comment on #%d: %w", number, err)
	}
	if err := s.await(ctx, "prod's pull request waiting for an approval", func(m moment) bool {
		p, ok := m.lastInto("prod", nextVersion)
		number = p.Pull().Number
		return ok && number != 0 && strings.Contains(parked(m, &p), "approval")
	}); err != nil {
		return err
	}
	if err := s.world.act(number, "ben", actApprove, ""); err != nil {
		return fmt.Errorf("approve #%d: %w", number, err)
	}
	return s.await(ctx, "web "+nextVersion+" verified in prod and all of it reported on GitHub", func(m moment) bool {
		return m.verified("prod", nextVersion) && len(checkInvariants(m, nil)) == 0
	})
}

// await waits for a state and says which one it was when it does not come.
func (s *script) await(ctx context.Context, what string, ok func(moment) bool) error {
	if _, err := s.observer.until(ctx, ok); err != nil {
		m, _ := s.observer.now()
		return fmt.Errorf("%w while waiting for %s; %s", err, what, situation(m))
	}
	return nil
}

// lastInto returns the newest Promotion of an image version into a Stage.
func (m moment) lastInto(stage, version string) (pipeline.Promotion, bool) {
	f, ok := m.freight(version)
	if !ok {
		return pipeline.Promotion{}, false
	}
	return m.Snapshot.Last(stage, f.ID)
}

// situation says what there is, for an error message.
func situation(m moment) string {
	var parts []string
	switch {
	case m.Pipeline == nil && len(m.Problems) > 0:
		return "the .kargo.yaml is not valid: " + string(m.Problems)
	case m.Pipeline == nil:
		return "the server has not read .kargo.yaml"
	case len(m.Snapshot.Freight) == 0:
		parts = append(parts, "there is no Freight")
	}
	for name, w := range m.Warehouses {
		if w.Error != "" {
			parts = append(parts, "Warehouse "+name+": "+w.Error)
		}
	}
	for i := range m.Snapshot.Promotions {
		p := &m.Snapshot.Promotions[i]
		part := p.ID + " is " + string(p.Phase)
		if w := p.WaitingOn(); w != "" {
			part += ", waiting: " + w
		}
		if p.Message != "" {
			part += ": " + p.Message
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "nothing was promoted"
	}
	return strings.Join(parts, "; ")
}

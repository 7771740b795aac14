package steptest

import (
	"context"
	"fmt"
	"sync"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Mail is the mail servers that pipelines name, and what they took.
type Mail struct {
	world *World
	mu    sync.Mutex
	taken []Posted
	// Refuse is what every server answers instead of taking a mail, nil for taking it.
	Refuse *step.MailRefusedError
}

// Posted is a mail and where it was handed in.
type Posted struct {
	Server step.MailServer
	Mail   step.MailMessage
}

var _ step.Mail = (*Mail)(nil)

// Send implements step.Mail. The host "refused.example" may not be reached.
func (m *Mail) Send(ctx context.Context, s step.MailServer, msg step.MailMessage) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.Host == "refused.example" {
		return fmt.Errorf("%s is a loopback address: %w", s.Host, step.ErrRefusedAddress)
	}
	if err := m.world.fault("mail", false); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Refuse != nil {
		return m.Refuse
	}
	m.taken = append(m.taken, Posted{s, msg})
	return m.world.fault("mail", true)
}

// Taken returns the mails that were taken, in order.
func (m *Mail) Taken() []Posted {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Posted(nil), m.taken...)
}

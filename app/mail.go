package app

import (
	"context"
	"errors"
	"net"

	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/app/smtp"
	"github.com/kargo-app/kargo/pipeline/step"
)

// lines connects to mail servers through the guard that all outgoing connections of
// pipelines go through.
type lines struct{ *outbound.Client }

var _ smtp.Dialer = lines{}

// mails returns what sends mails to servers that may be reached.
func mails(allow outbound.Allow) step.Mail {
	return smtp.New(lines{outbound.New(outbound.Options{Allow: allow})}, nil)
}

// Dial implements smtp.Dialer.
func (l lines) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.Client.Dial(ctx, network, address)
	if _, refused := errors.AsType[*outbound.RefusedError](err); refused {
		return nil, &knownError{err, step.ErrRefusedAddress}
	}
	return conn, err
}

package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"

	"github.com/wneessen/go-mail"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Dialer connects to what may be reached.
type Dialer interface {
	// Dial connects to a host and port. One that may not be reached is an error that
	// wraps step.ErrRefusedAddress.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Listed reports whether the operator's allowlist names what a connection to an
	// address leads to.
	Listed(address string, conn net.Conn) bool
}

// Client hands in mails.
type Client struct {
	dialer Dialer
	// roots are the authorities that vouch for servers, nil for the system's.
	roots *tls.Config
}

var _ step.Mail = (*Client)(nil)

// New returns a Client. base is what TLS connections begin with, nil for the defaults.
func New(d Dialer, base *tls.Config) *Client { return &Client{dialer: d, roots: base} }

// ErrInTheClear means that a server would have to be spoken to without encryption.
var ErrInTheClear = errors.New("tls: none is for mail servers that the operator's allowlist names, and without a login")

// Send implements step.Mail.
func (c *Client) Send(ctx context.Context, s step.MailServer, m step.MailMessage) error {
	if s.TLS == pipeline.SMTPPlain && s.Username != "" {
		return &step.PermanentError{Err: ErrInTheClear}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	line := &line{client: c, server: s}
	defer line.hangUp() // the library leaves it open after some errors
	defer context.AfterFunc(ctx, line.hangUp)()
	client, err := mail.NewClient(s.Host, c.options(s, m, line)...)
	if err != nil {
		return &step.PermanentError{Err: err}
	}
	msg, err := message(m)
	if err != nil {
		return &step.PermanentError{Err: err}
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if msg.IsDelivered() {
		return nil // whatever became of the goodbye
	}
	if ctx.Err() != nil {
		return fmt.Errorf("no answer within %s: %w", s.Timeout, context.Cause(ctx))
	}
	return said(err)
}

// options are those of a connection to a server.
func (c *Client) options(s step.MailServer, m step.MailMessage, l *line) []mail.Option {
	policy := mail.TLSMandatory
	if s.TLS != pipeline.SMTPStartTLS {
		policy = mail.NoTLS // or under way already
	}
	options := []mail.Option{
		mail.WithPort(s.Port), mail.WithTimeout(s.Timeout), mail.WithHELO(greeting(m.From)),
		mail.WithTLSPolicy(policy), mail.WithTLSConfig(c.tls(s)), mail.WithDialContextFunc(l.dial),
		mail.WithoutNoop(), mail.WithoutRset(), mail.WithoutSMTPUTF8(),
	}
	if s.Username != "" {
		options = append(options, mail.WithUsername(s.Username), mail.WithPassword(s.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return options
}

func (c *Client) tls(s step.MailServer) *tls.Config {
	t := &tls.Config{}
	if c.roots != nil {
		t = c.roots.Clone()
	}
	t.ServerName, t.MinVersion, t.InsecureSkipVerify = s.Host, tls.VersionTLS12, s.InsecureSkipTLSVerify
	return t
}

// greeting is the name that a server is greeted with: the domain that mails come from,
// as that of this machine may be none that anybody knows.
func greeting(from string) string {
	a, err := pipeline.ParseMailAddress(from)
	if err != nil {
		return "localhost"
	}
	return a.Address[strings.LastIndexByte(a.Address, '@')+1:]
}

// message is the mail as the library has it.
func message(m step.MailMessage) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.From), msg.To(m.To)); err != nil {
		return nil, err
	}
	if len(m.Copies) > 0 {
		if err := msg.Cc(m.Copies...); err != nil {
			return nil, err
		}
	}
	if strings.ContainsAny(m.Subject+m.ID, "\r\n\x00") {
		return nil, errors.New("a header has a line break")
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(m.Date)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence answers it
	kind := mail.TypeTextPlain
	if m.HTML {
		kind = mail.TypeTextHTML
	}
	msg.SetBodyString(kind, m.Body)
	return msg, nil
}

// said is the error of a server that refused, or whatever else went wrong.
func said(err error) error {
	code := 0
	if e, ok := errors.AsType[*mail.SendError](err); ok {
		code = e.ErrorCode()
	} else if e, ok := errors.AsType[*textproto.Error](err); ok {
		code = e.Code
	}
	if code < 400 {
		return err
	}
	return &step.MailRefusedError{Code: code, Err: err}
}

// line is the one connection on which a mail is handed in. Whoever hangs up ends what goes
// on there, as the library looks at deadlines only.
type line struct {
	client *Client
	server step.MailServer

	mu   sync.Mutex
	conn net.Conn
	over bool
}

// dial connects, and begins TLS where that comes first.
func (l *line) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address := net.JoinHostPort(l.server.Host, strconv.Itoa(l.server.Port))
	conn, err := l.client.dialer.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if !l.take(conn) {
		return nil, net.ErrClosed
	}
	switch l.server.TLS {
	case pipeline.SMTPPlain:
		if !l.client.dialer.Listed(address, conn) {
			return nil, fmt.Errorf("%w: %w", ErrInTheClear, step.ErrRefusedAddress)
		}
	case pipeline.SMTPTLS:
		secure := tls.Client(conn, l.client.tls(l.server))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		return secure, nil
	}
	return conn, nil
}

// take keeps a connection until somebody hangs up; false if that has happened.
func (l *line) take(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		_ = conn.Close()
		return false
	}
	l.conn = conn
	return true
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// server is a mail server that keeps what it takes.
type server struct {
	port int
	cert *x509.Certificate

	mu        sync.Mutex
	envelopes []envelope
	logins    []string
	// refuse says no to a recipient, at data to a mail.
	refuse map[string]*smtp.SMTPError
	atData *smtp.SMTPError
	// hang never answers the end of a mail, until the test is over.
	hang chan struct{}
}

type envelope struct {
	greeting, from string
	to             []string
	encrypted      bool
	data           string
}

type settings struct{ implicit, noTLS, noLogin bool }

// serve starts a server on loopback.
func serve(t *testing.T, o settings) *server {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close() // of which only the certificate, for example.com, is wanted
	s := &server{cert: web.Certificate(), refuse: map[string]*smtp.SMTPError{}}
	srv := smtp.NewServer(backend{s, o.noLogin})
	srv.Domain, srv.ErrorLog = "mail.example", log.New(io.Discard, "", 0)
	srv.ReadTimeout, srv.WriteTimeout = 10*time.Second, 10*time.Second
	secure := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	if !o.noTLS {
		srv.TLSConfig = secure
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // tcp
	if o.implicit {
		l = tls.NewListener(l, secure)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		if s.hang != nil {
			close(s.hang)
		}
		_ = srv.Close()
		_ = l.Close() // which Serve may not have got to know yet
		<-done
	})
	return s
}

// roots trusts the server's certificate.
func (s *server) roots() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(s.cert)
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

func (s *server) taken() []envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]envelope(nil), s.envelopes...)
}

type backend struct {
	s       *server
	noLogin bool
}

func (b backend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	base := &session{s: b.s, e: envelope{greeting: c.Hostname(), encrypted: encrypted}}
	if b.noLogin {
		return base, nil
	}
	return authSession{base}, nil
}

type session struct {
	s *server
	e envelope
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.e.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if no := s.s.refuse[to]; no != nil {
		return no
	}
	s.e.to = append(s.e.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.s.atData != nil {
		return s.s.atData
	}
	s.s.mu.Lock()
	s.e.data = string(data)
	s.s.envelopes = append(s.s.envelopes, s.e)
	s.s.mu.Unlock()
	if s.s.hang != nil {
		<-s.s.hang
	}
	return nil
}

func (s *session) Reset()        { s.e.to = nil }
func (s *session) Logout() error { return nil }

type authSession struct{ *session }

func (s authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s authSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "kargo" || password != "hunter2" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such login"}
		}
		s.s.mu.Lock()
		defer s.s.mu.Unlock()
		s.s.logins = append(s.s.logins, username)
		return nil
	}), nil
}

// dialer connects to whatever it is asked for, at the loopback address.
type dialer struct{ listed bool }

func (dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
}

func (d dialer) Listed(address string, _ net.Conn) bool {
	return d.listed && strings.HasPrefix(address, "example.com:")
}

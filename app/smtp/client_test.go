package smtp_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/kargo-app/kargo/app/smtp"
	"github.com/kargo-app/kargo/pipeline/step"
)

func to(s *server, mode string) step.MailServer {
	return step.MailServer{Host: "example.com", Port: s.port, TLS: mode, Username: "kargo", Password: "hunter2", Timeout: 10 * time.Second}
}

func hello() step.MailMessage {
	return step.MailMessage{
		ID: "prod-142.tell.0011@acme.dev", From: `"Kargo" <kargo@acme.dev>`, To: "<ops@acme.dev>", Copies: []string{"<ana@acme.dev>"},
		Subject: "Zürich: web 1.9.3", Body: "Grüße\n.\nFrom here on\n", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
}

func TestAMailArrives(t *testing.T) {
	t.Parallel()
	for mode, o := range map[string]settings{"starttls": {}, "tls": {implicit: true}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := serve(t, o)
			if err := smtp.New(dialer{}, s.roots()).Send(t.Context(), to(s, mode), hello()); err != nil {
				t.Fatal(err)
			}
			taken := s.taken()
			if len(taken) != 1 || len(s.logins) != 1 {
				t.Fatalf("%d mails, logins %v", len(taken), s.logins)
			}
			e := taken[0]
			if !e.encrypted || e.greeting != "acme.dev" || e.from != "kargo@acme.dev" || strings.Join(e.to, " ") != "ops@acme.dev ana@acme.dev" {
				t.Errorf("%+v", e)
			}
			m, err := mail.ReadMessage(strings.NewReader(e.data))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject"))
			if err != nil || subject != "Zürich: web 1.9.3" {
				t.Errorf("subject %q, %v", subject, err)
			}
			for header, want := range map[string]string{
				"Message-Id": "<prod-142.tell.0011@acme.dev>", "From": `"Kargo" <kargo@acme.dev>`, "To": "<ops@acme.dev>", "Cc": "<ana@acme.dev>",
				"Date": "Fri, 02 Jan 2026 03:04:05 +0000", "Content-Type": "text/plain; charset=UTF-8", "Auto-Submitted": "auto-generated", "X-Mailer": "",
			} {
				if got := m.Header.Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
			if text := strings.ReplaceAll(string(body), "\r\n", "\n"); err != nil || strings.TrimSpace(text) != "Grüße\n.\nFrom here on" {
				t.Errorf("body %q, %v", body, err)
			}
		})
	}
	t.Run("as HTML", func(t *testing.T) {
		t.Parallel()
		s := serve(t, settings{})
		m := hello()
		m.HTML = true
		if err := smtp.New(dialer{}, s.roots()).Send(t.Context(), to(s, "starttls"), m); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.taken()[0].data, "Content-Type: text/html; charset=UTF-8") {
			t.Error(s.taken()[0].data)
		}
	})
}

func TestConnectionsThatAreNotSecure(t *testing.T) {
	t.Parallel()
	anonymous := func(s step.MailServer) step.MailServer {
		s.Username, s.Password = "", ""
		return s
	}
	for name, tt := range map[string]struct {
		settings settings
		server   func(*server) step.MailServer
		trust    bool
		listed   bool
		want     string // "" means that the mail arrives
	}{
		"a server that offers no TLS":              {settings{noTLS: true}, func(s *server) step.MailServer { return anonymous(to(s, "starttls")) }, true, true, "STARTTLS"},
		"a certificate that nobody vouches for":    {settings{}, func(s *server) step.MailServer { return to(s, "starttls") }, false, true, "certificate"},
		"one that nobody vouches for, from the on": {settings{implicit: true}, func(s *server) step.MailServer { return to(s, "tls") }, false, true, "certificate"},
		"a certificate for another host": {settings{}, func(s *server) step.MailServer {
			o := to(s, "starttls")
			o.Host = "other.example"
			return o
		}, true, true, "certificate"},
		"any certificate where the pipeline says so": {settings{}, func(s *server) step.MailServer {
			o := to(s, "starttls")
			o.InsecureSkipTLSVerify = true
			return o
		}, false, true, ""},
		"in the clear, of a server that nobody lists": {settings{noTLS: true}, func(s *server) step.MailServer { return anonymous(to(s, "none")) }, true, false, "allowlist names"},
		"in the clear, of one that is listed":         {settings{noTLS: true, noLogin: true}, func(s *server) step.MailServer { return anonymous(to(s, "none")) }, true, true, ""},
		"a password in the clear":                     {settings{noTLS: true}, func(s *server) step.MailServer { return to(s, "none") }, true, true, "without a login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.settings)
			base := s.roots()
			if !tt.trust {
				base = nil
			}
			err := smtp.New(dialer{listed: tt.listed}, base).Send(t.Context(), tt.server(s), hello())
			if tt.want == "" {
				if err != nil || len(s.taken()) != 1 {
					t.Errorf("%d mails, %v", len(s.taken()), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(s.taken()) > 0 || len(s.logins) > 0 {
				t.Errorf("%v; %d mails, logins %v", err, len(s.taken()), s.logins)
			}
		})
	}
}

func TestAMailGoesToAllOrToNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, settings{})
	s.refuse["ana@acme.dev"] = &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	err := smtp.New(dialer{}, s.roots()).Send(t.Context(), to(s, "starttls"), hello())
	var refused *step.MailRefusedError
	if !errors.As(err, &refused) || refused.Code != 550 || refused.Temporary() || !strings.Contains(err.Error(), "no such user") || len(s.taken()) > 0 {
		t.Errorf("%v; %d mails", err, len(s.taken()))
	}
}

func TestWhatServersSay(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set       func(*server, *step.MailServer)
		code      int
		temporary bool
	}{
		"busy": {func(s *server, _ *step.MailServer) { s.atData = &gosmtp.SMTPError{Code: 451, Message: "later"} }, 451, true},
		"greylisted": {func(s *server, _ *step.MailServer) {
			s.refuse["ops@acme.dev"] = &gosmtp.SMTPError{Code: 450, Message: "later"}
		}, 450, true},
		"no":            {func(s *server, _ *step.MailServer) { s.atData = &gosmtp.SMTPError{Code: 554, Message: "spam"} }, 554, false},
		"a wrong login": {func(_ *server, o *step.MailServer) { o.Password = "hunter3" }, 535, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, settings{})
			o := to(s, "starttls")
			tt.set(s, &o)
			err := smtp.New(dialer{}, s.roots()).Send(t.Context(), o, hello())
			var refused *step.MailRefusedError
			if !errors.As(err, &refused) || refused.Code != tt.code || refused.Temporary() != tt.temporary || strings.Contains(err.Error(), "hunter") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := serve(t, settings{})
	s.hang = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- smtp.New(dialer{}, s.roots()).Send(ctx, to(s, "starttls"), hello()) }()
	for len(s.taken()) == 0 { // until the server has the mail, and does not say so
		select {
		case err := <-sent:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHeadersHaveOneLine(t *testing.T) {
	t.Parallel()
	s := serve(t, settings{})
	for name, set := range map[string]func(*step.MailMessage){
		"subject":    func(m *step.MailMessage) { m.Subject = "a\r\nBcc: eve@evil.example" },
		"message id": func(m *step.MailMessage) { m.ID = "a>\r\nBcc: eve@evil.example" },
		"recipient":  func(m *step.MailMessage) { m.To = "<ops@acme.dev>\r\nBcc: eve@evil.example" },
		"sender":     func(m *step.MailMessage) { m.From = "<ops@acme.dev>\r\nBcc: eve@evil.example" },
	} {
		m := hello()
		set(&m)
		err := smtp.New(dialer{}, s.roots()).Send(t.Context(), to(s, "starttls"), m)
		var permanent *step.PermanentError
		if !errors.As(err, &permanent) || len(s.taken()) > 0 {
			t.Errorf("%s: %v; %d mails", name, err, len(s.taken()))
		}
	}
}

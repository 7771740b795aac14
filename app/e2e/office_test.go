package e2e_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kargo-app/kargo/pipeline/jira/jiratest"
)

// office is where people are told: a Jira, and a mail server that asks for nothing.
type office struct {
	jira       jiratest.Server
	jiraURL    string
	mailServer string

	mu    sync.Mutex
	mails []string
}

func newOffice(tb testing.TB) *office {
	tb.Helper()
	o := &office{jira: jiratest.Server{DataCenter: true}}
	site := httptest.NewServer(&o.jira)
	tb.Cleanup(site.Close)
	o.jiraURL = site.URL
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	o.mailServer = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{o}, nil }))
	server.Domain, server.ErrorLog = "mail.example", log.New(io.Discard, "", 0)
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		_ = l.Close() // which Serve may not have got to know yet
		<-done
	})
	return o
}

// mailSession takes every mail.
type mailSession struct{ o *office }

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }

func (s mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.mails = append(s.o.mails, string(data))
	return err
}

// setTicket moves an issue of the Jira, as people do.
func setTicket(s *scene, _ *testscript.TestScript, args []string) error {
	s.office.jira.SetStatus(args[0], args[1])
	return nil
}

// ticketIs looks at the only issue: its key, and what it says.
func ticketIs(s *scene, args []string) error {
	issues := s.office.jira.Issues()
	if len(issues) != 1 || issues[0].Key != args[0] || !strings.Contains(fmt.Sprint(issues[0].Fields), args[1]) {
		return fmt.Errorf("the issues are %+v", issues)
	}
	return nil
}

// mailIs looks at the only mail.
func mailIs(s *scene, args []string) error {
	s.office.mu.Lock()
	defer s.office.mu.Unlock()
	if len(s.office.mails) != 1 || !strings.Contains(s.office.mails[0], args[0]) {
		return fmt.Errorf("the mails are %q", s.office.mails)
	}
	return nil
}

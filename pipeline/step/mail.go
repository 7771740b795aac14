package step

import (
	"context"
	"fmt"
	"time"
)

// Mail hands mails to the servers that pipelines name.
type Mail interface {
	// Send hands a mail to a server, for all of its recipients or for none. Once the server
	// has taken it there is no error, whatever becomes of the connection. A server that
	// may not be reached is ErrRefusedAddress, one that says no a *MailRefusedError; after
	// any other error it may have taken the mail.
	Send(ctx context.Context, s MailServer, m MailMessage) error
}

// MailServer is where mails are handed in.
type MailServer struct {
	Host string
	Port int
	// TLS is one of [pipeline.SMTPModes].
	TLS string
	// InsecureSkipTLSVerify accepts any certificate.
	InsecureSkipTLSVerify bool
	// Username and Password log in; both empty for servers that ask for neither.
	Username, Password string
	// Timeout bounds the whole of it.
	Timeout time.Duration
}

// MailMessage is a mail. Addresses are those that [pipeline.ParseMailAddress] admits, and
// no field but Body has control characters.
type MailMessage struct {
	// ID is the Message-ID without its angle brackets.
	ID   string
	From string
	// To is the recipient, Copies those who get a copy and are seen to.
	To      string
	Copies  []string
	Subject string
	Body    string
	// HTML says that Body is HTML and no plain text.
	HTML bool
	Date time.Time
}

// MailRefusedError means that a server took no mail and said why.
type MailRefusedError struct {
	// Code is SMTP's reply: 4xx is worth another try later, 5xx is not.
	Code int
	Err  error
}

// Error implements error.
func (e *MailRefusedError) Error() string { return fmt.Sprintf("the mail server refuses: %s", e.Err) }

// Unwrap returns the cause.
func (e *MailRefusedError) Unwrap() error { return e.Err }

// Temporary reports whether the server might take it later.
func (e *MailRefusedError) Temporary() bool { return e.Code >= 400 && e.Code < 500 }

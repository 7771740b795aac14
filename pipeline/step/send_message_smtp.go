package step

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/kargo-app/kargo/pipeline"
)

// SMTPOptions say more of a mail.
type SMTPOptions struct {
	To      Texts  `json:"to,omitempty" doc:"who gets it instead of the channel's to; of several the first, the others get a copy"`
	Subject string `json:"subject,omitempty" doc:"subject; default the pipeline, the Freight and the Stage"`
	HTML    bool   `json:"html,omitempty" doc:"message is HTML"`
}

// smtpPayload is a message that says everything by itself.
type smtpPayload struct {
	To      Texts  `json:"to,omitempty"`
	Subject string `json:"subject,omitempty"`
	Body    string `json:"body"`
	HTML    bool   `json:"html,omitempty"`
}

const (
	mailTimeout = 30 * time.Second
	// mailAgain is when a server is asked again that has no time; greylisting wants it so.
	mailAgain     = time.Minute
	maxRecipients = 50
	// maxSubject bounds a subject, in characters.
	maxSubject = 250
)

var errNoMail = &PermanentError{errors.New("no mail server can be reached here")}

// toMail sends the message as a mail.
func (c SendMessageConfig) toMail(ctx context.Context, env Env, s pipeline.SMTPChannel) error {
	if env.Mail == nil {
		return errNoMail
	}
	m, err := c.mail(env, s)
	if err != nil {
		return &PermanentError{err}
	}
	port, mode := s.Address()
	server := MailServer{Host: s.Host, Port: port, TLS: mode, InsecureSkipTLSVerify: s.InsecureSkipTLSVerify, Timeout: mailTimeout}
	if s.Username != "" {
		if server.Username, err = env.secret(ctx, s.Username); err != nil {
			return err
		}
		if server.Password, err = env.secret(ctx, s.Password); err != nil {
			return err
		}
		server.Username, server.Password = strings.TrimSpace(server.Username), strings.TrimSpace(server.Password)
	}
	err = env.Mail.Send(ctx, server, m)
	at := fmt.Sprintf("mail through %s:%d", s.Host, port)
	if refused, ok := errors.AsType[*MailRefusedError](err); ok {
		if refused.Temporary() {
			return &pipeline.TransientError{RetryAfter: mailAgain, Err: fmt.Errorf("%s: %w", at, err)}
		}
		return &PermanentError{fmt.Errorf("%s: %w", at, err)}
	}
	if errors.Is(err, ErrRefusedAddress) {
		return &PermanentError{fmt.Errorf("%s: %w", at, err)}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// mail is the message as a mail. What is wrong with it stays wrong.
func (c SendMessageConfig) mail(env Env, s pipeline.SMTPChannel) (MailMessage, error) {
	p := smtpPayload{To: c.SMTP.To, Subject: c.SMTP.Subject, Body: c.Message, HTML: c.SMTP.HTML}
	if c.EncodingType != "" {
		var err error
		if p, err = c.smtpPayload(); err != nil {
			return MailMessage{}, err
		}
	}
	from, err := pipeline.ParseMailAddress(s.From)
	if err != nil {
		return MailMessage{}, fmt.Errorf("from of the message channel: %w", err)
	}
	to := p.To
	if len(to) == 0 {
		to = s.To
	}
	recipients, err := recipients(to)
	if err != nil {
		return MailMessage{}, err
	}
	subject := cmp.Or(strings.TrimSpace(p.Subject), env.subject())
	if strings.ContainsFunc(subject, unicode.IsControl) {
		return MailMessage{}, errors.New("subject: it has a line break or another control character")
	}
	return MailMessage{
		ID: env.messageID(from), From: from.String(), To: recipients[0], Copies: recipients[1:],
		Subject: truncate(subject, maxSubject), Body: p.Body, HTML: p.HTML, Date: env.Now(),
	}, nil
}

// smtpPayload reads a message that says everything by itself.
func (c SendMessageConfig) smtpPayload() (smtpPayload, error) {
	var p smtpPayload
	if c.EncodingType == "xml" {
		return p, errors.New("encodingType: a mail takes json or yaml")
	}
	v, err := c.payload()
	if err != nil {
		return p, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return p, err
	}
	if err := schemaFor[smtpPayload]().check(raw, false); err != nil {
		return p, fmt.Errorf("message: %w", err)
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("message: %w", err)
	}
	if p.Body == "" {
		return p, errors.New("message: body must not be empty")
	}
	return p, nil
}

// recipients checks addresses, each of which gets a mail once.
func recipients(to []string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, text := range to {
		a, err := pipeline.ParseMailAddress(text)
		if err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
		if key := strings.ToLower(a.Address); !seen[key] {
			seen[key] = true
			out = append(out, a.String())
		}
	}
	switch {
	case len(out) == 0:
		return nil, errors.New("no recipient is named: smtp.to, or to of the message channel")
	case len(out) > maxRecipients:
		return nil, fmt.Errorf("to: %d recipients, and %d is the most", len(out), maxRecipients)
	}
	return out, nil
}

// subject is what a mail is about that does not say so.
func (e Env) subject() string {
	return oneLine(fmt.Sprintf("%s: %s into %s", e.Promotion.Pipeline, e.Promotion.Freight.Headline(), e.Promotion.Stage.LocalName()))
}

// messageID is the same on every pass, so that mailboxes can tell a mail that comes
// twice.
func (e Env) messageID(from mail.Address) string {
	domain := from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	return strings.ReplaceAll(e.identity(e.Promotion.Retries), ":", "-") + "@" + domain
}

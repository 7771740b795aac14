package step_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

func mailing(t *testing.T, c config) *bench {
	t.Helper()
	b, _ := messaging(t, merge(config{"channel": config{"name": "mail"}}, c))
	return b
}

func TestSendMessageByMail(t *testing.T) {
	t.Parallel()
	server := step.MailServer{
		Host: "smtp.acme.dev", Port: 587, TLS: "starttls", Username: "value-of-SMTP_USERNAME", Password: "value-of-SMTP_PASSWORD", Timeout: 30 * time.Second,
	}
	usual := step.MailMessage{
		From: `"Kargo" <kargo@acme.dev>`, To: "<ops@acme.dev>", Copies: []string{"<ana@acme.dev>"},
		Subject: "web: web 1.9.3 into prod", Body: "hello", Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	with := func(f func(*step.MailMessage)) step.MailMessage {
		m := usual
		f(&m)
		return m
	}
	for name, tt := range map[string]struct {
		config config
		server step.MailServer
		want   step.MailMessage
	}{
		"text, to those of the channel": {nil, server, usual},
		"to somebody else, as HTML": {
			config{"smtp": config{"to": "Bo <bo@acme.dev>", "subject": "Zürich ist dran\n", "html": true}},
			server,
			with(func(m *step.MailMessage) {
				m.To, m.Copies, m.Subject, m.HTML = `"Bo" <bo@acme.dev>`, []string{}, "Zürich ist dran", true
			}),
		},
		"each of several gets it once": {
			config{"smtp": config{"to": []any{"bo@acme.dev", "cy@acme.dev", "BO@acme.dev"}}},
			server,
			with(func(m *step.MailMessage) { m.To, m.Copies = "<bo@acme.dev>", []string{"<cy@acme.dev>"} }),
		},
		"a whole payload of JSON, which overrides the rest": {
			config{
				"encodingType": "json", "smtp": config{"subject": "not this", "html": true},
				"message": `{"subject": "this", "body": "<b>", "to": ["cy@acme.dev"], "html": false}`,
			},
			server,
			with(func(m *step.MailMessage) {
				m.To, m.Copies, m.Subject, m.Body = "<cy@acme.dev>", []string{}, "this", "<b>"
			}),
		},
		"a whole payload of YAML, to those of the channel": {
			config{"encodingType": "yaml", "message": "body: |\n  a\n  b\n"},
			server,
			with(func(m *step.MailMessage) { m.Body = "a\nb\n" }),
		},
		"without a login, in the clear": {
			config{"channel": config{"name": "relay"}, "smtp": config{"to": "ops@acme.dev"}},
			step.MailServer{Host: "relay.acme.dev", Port: 25, TLS: "none", Timeout: 30 * time.Second},
			with(func(m *step.MailMessage) { m.From, m.Copies = "<kargo@acme.dev>", []string{} }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mailing(t, tt.config)
			res := b.want(0, pipeline.Succeeded)
			taken := b.world.Mail.Taken()
			if len(taken) != 1 || len(res.Output) > 0 {
				t.Fatalf("%d mails, output %s", len(taken), res.Output)
			}
			if diff := cmp.Diff(tt.server, taken[0].Server); diff != "" {
				t.Errorf("server, -want +got:\n%s", diff)
			}
			tt.want.ID = taken[0].Mail.ID
			if diff := cmp.Diff(tt.want, taken[0].Mail); diff != "" {
				t.Errorf("mail, -want +got:\n%s", diff)
			}
		})
	}
}

func TestAMailThatIsSentAgainIsKnownByItsID(t *testing.T) {
	t.Parallel()
	send := func(b *bench) string {
		t.Helper()
		if _, err := b.try(t.Context(), 0); err != nil { // nobody records it
			t.Fatal(err)
		}
		taken := b.world.Mail.Taken()
		return taken[len(taken)-1].Mail.ID
	}
	b := mailing(t, nil)
	b.p.Stage.Steps[0].As = "tell::them" // of a task
	first := send(b)
	if again := send(b); again != first || !strings.HasPrefix(first, "prod-142.tell--them.") || !strings.HasSuffix(first, "@acme.dev") {
		t.Errorf("first %q, then %q", first, again)
	}
	b.p.Retries++ // somebody has the Promotion go on: it is to be said again
	if later := send(b); later == first {
		t.Errorf("%q again, though somebody asked for another mail", later)
	}
}

func TestMailServersThatDoNotTakeIt(t *testing.T) {
	t.Parallel()
	why := errors.New("450 4.7.1 greylisted")
	for name, tt := range map[string]struct {
		set  func(*bench, *steptest.Mail)
		want func(pipeline.StepResult, *bench) bool
	}{
		"a busy one is asked later, at no cost": {
			func(_ *bench, m *steptest.Mail) { m.Refuse = &step.MailRefusedError{Code: 450, Err: why} },
			func(r pipeline.StepResult, b *bench) bool {
				return r.Phase == pipeline.Running && r.Transient && r.WakeAt.Sub(b.world.Now) == time.Minute && strings.Contains(r.Message, "greylisted")
			},
		},
		"one that says no ends the step": {
			func(_ *bench, m *steptest.Mail) { m.Refuse = &step.MailRefusedError{Code: 550, Err: why} },
			func(r pipeline.StepResult, _ *bench) bool {
				return r.Phase == pipeline.Errored && r.Terminal && strings.Contains(r.Message, "mail through smtp.acme.dev:587: the mail server refuses")
			},
		},
		"one that may not be reached ends the step": {
			func(b *bench, _ *steptest.Mail) { b.p.Channels[1].SMTP.Host = "refused.example" },
			func(r pipeline.StepResult, _ *bench) bool { return r.Phase == pipeline.Errored && r.Terminal },
		},
		"a broken connection is an error that may be tried again": {
			func(b *bench, _ *steptest.Mail) {
				b.world.Fault = func(op string, _ bool) error {
					if op == "mail" {
						return errors.New("connection reset")
					}
					return nil
				}
			},
			func(r pipeline.StepResult, _ *bench) bool { return r.Phase == pipeline.Errored && !r.Terminal },
		},
		"a secret that nobody can read now is waited for": {
			func(b *bench, _ *steptest.Mail) { b.fault = &pipeline.TransientError{Err: errors.New("locked")} },
			func(r pipeline.StepResult, _ *bench) bool { return r.Phase == pipeline.Running && r.Transient },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mailing(t, nil)
			tt.set(b, b.world.Mail)
			if res := b.run(0); !tt.want(res, b) || strings.Contains(res.Message, "value-of") {
				t.Errorf("%+v", res)
			}
		})
	}
}

func TestMailsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		want   string
	}{
		"a subject of two lines":       {config{"smtp": config{"subject": "a\r\nBcc: eve@evil.example"}}, "subject: it has a line break"},
		"a recipient of two lines":     {config{"smtp": config{"to": "ops@acme.dev\r\nRCPT TO:<eve@evil.example>"}}, "to: the address has a line break"},
		"two recipients in one":        {config{"smtp": config{"to": "ops@acme.dev, eve@evil.example"}}, "is no mail address"},
		"quotes in a recipient":        {config{"smtp": config{"to": `"a b"@acme.dev`}}, "characters that not every mail server takes"},
		"a recipient beyond ASCII":     {config{"smtp": config{"to": "zoë@acme.dev"}}, "characters that not every mail server takes"},
		"no recipient":                 {config{"channel": config{"name": "relay"}}, "no recipient is named"},
		"a number as recipient":        {config{"smtp": config{"to": 7}}, "smtp.to: expected a string or list of strings, got the number 7"},
		"XML":                          {config{"encodingType": "xml", "message": "<a/>"}, "a mail takes json or yaml"},
		"a payload that is no object":  {config{"encodingType": "json", "message": "[]"}, "message: config: expected a map, got a list"},
		"a payload without a body":     {config{"encodingType": "json", "message": `{"subject": "a"}`}, "body is required"},
		"a payload with another field": {config{"encodingType": "json", "message": `{"body": "a", "subjekt": "b"}`}, `unknown field "subjekt" (did you mean "subject"?)`},
		"a payload of two lines":       {config{"encodingType": "json", "message": `{"body": "a", "subject": "b\nc"}`}, "subject: it has a line break"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := mailing(t, tt.config)
			if res := b.run(0); !res.Terminal || !strings.Contains(res.Message, tt.want) || len(b.world.Mail.Taken()) > 0 {
				t.Errorf("%s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
		})
	}
}

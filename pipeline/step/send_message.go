package step

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// SendMessageConfig configures send-message.
type SendMessageConfig struct {
	Channel      MessageTarget `json:"channel" doc:"where to"`
	Message      string        `json:"message" doc:"what to say"`
	EncodingType string        `json:"encodingType,omitempty" doc:"json, yaml or xml: message is the whole payload in that form; overrides slack and smtp"`
	Slack        SlackOptions  `json:"slack,omitempty" doc:"for channels of Slack"`
	SMTP         SMTPOptions   `json:"smtp,omitempty" doc:"for channels of mail"`
}

// MessageTarget refers to a MessageChannel.
type MessageTarget struct {
	Kind string `json:"kind,omitempty" doc:"MessageChannel (default) or ClusterMessageChannel, which means the same"`
	Name string `json:"name" doc:"name of one of the pipeline's messageChannels"`
}

// SlackOptions say more of a message to Slack.
type SlackOptions struct {
	ChannelID string `json:"channelID,omitempty" doc:"another channel than that of the message channel"`
	ThreadTS  string `json:"threadTS,omitempty" doc:"thread to answer in, such as ${{ quote(outputs.started.slack.threadTS) }}"`
}

// SendMessageOutput is the output of send-message.
type SendMessageOutput struct {
	Slack *SlackMessage `json:"slack,omitempty" doc:"of a message to Slack"`
}

// SlackMessage is where a message stands.
type SlackMessage struct {
	ThreadTS string `json:"threadTS" doc:"the thread: of the message, or the one that it was sent to"`
}

const (
	messageTimeout = 10 * time.Second
	maxMessage     = 40 << 10
)

func sendMessage() Definition {
	return Define("send-message", Remote, Doc{
		Secrets: true,
		Summary: `Sends a message to one of the pipeline's ` + "`messageChannels`" + `: to Slack, by mail, or to a service
that takes requests.

Without ` + "`encodingType`" + ` Slack and mails get the message as text, and a service gets it as
` + "`{\"message\": ...}`" + `. With it, the message is for Slack the body of ` + "`chat.postMessage`" + `, and for a mail
an object of ` + "`subject`, `body`, `to`" + ` (one address or a list) and ` + "`html`" + `; those two take json and yaml.

A server that dies while it sends looks through the last hundred messages of the Slack channel,
or of the thread, before it sends again; a bot without the right to read them
(` + "`channels:history`" + `) may say a thing twice. A service gets an ` + "`Idempotency-Key`" + ` as from
[http](#http).

A mail goes to all of its recipients or, where the server refuses one, to none. SMTP cannot be
asked what was sent: a mail is sent at least once, and twice if the server that runs the step
dies, or the connection breaks and ` + "`retry`" + ` says to try again, just as it is taken. Both have the
same ` + "`Message-ID`" + `, by which many mailboxes show one. A mail server that is busy (4xx) is asked again
after a minute, at no cost; one that says no (5xx) ends the step. In ` + "`html`" + `, what expressions bring
in is not escaped.`,
		Example: `
uses: send-message
as: started
config:
  channel:
    name: releases
  message: ${{ ctx.stage }} gets ${{ ctx.targetFreight.headline }}
`,
	}, runSendMessage)
}

// Validate implements the rules beyond types.
func (c SendMessageConfig) Validate() error {
	var errs []error
	if !slices.Contains([]string{"", "MessageChannel", "ClusterMessageChannel"}, c.Channel.Kind) {
		errs = append(errs, fmt.Errorf("channel.kind: %q is neither MessageChannel nor ClusterMessageChannel", c.Channel.Kind))
	}
	if c.Channel.Name == "" {
		errs = append(errs, errors.New("channel.name must not be empty"))
	}
	if !slices.Contains([]string{"", "json", "yaml", "xml"}, c.EncodingType) {
		errs = append(errs, fmt.Errorf("encodingType: %q is none of json, yaml, xml", c.EncodingType))
	}
	if c.Message == "" || len(c.Message) > maxMessage {
		errs = append(errs, fmt.Errorf("message must have 1 to %d bytes", maxMessage))
	}
	return errors.Join(errs...)
}

func runSendMessage(ctx context.Context, env Env, c SendMessageConfig) (*SendMessageOutput, error) {
	var names []string
	for _, channel := range env.Promotion.Channels {
		if channel.Name != c.Channel.Name {
			names = append(names, channel.Name)
			continue
		}
		if channel.Slack != nil {
			ts, err := c.toSlack(ctx, env, *channel.Slack)
			if err != nil {
				return nil, err
			}
			return &SendMessageOutput{Slack: &SlackMessage{ThreadTS: ts}}, nil
		}
		if channel.SMTP != nil {
			return nil, c.toMail(ctx, env, *channel.SMTP)
		}
		return nil, c.toService(ctx, env, *channel.HTTP)
	}
	known := "the pipeline declares none under messageChannels"
	if len(names) > 0 {
		known = "messageChannels has " + strings.Join(names, ", ")
	}
	return nil, &PermanentError{fmt.Errorf("there is no message channel %q; %s", c.Channel.Name, known)}
}

// payload is the message as a document.
func (c SendMessageConfig) payload() (any, error) {
	var v any
	var err error
	if c.EncodingType == "yaml" {
		v, err = readYAML([]byte(c.Message))
	} else {
		err = json.Unmarshal([]byte(c.Message), &v)
	}
	if err != nil {
		return nil, &PermanentError{fmt.Errorf("message is not %s: %w", c.EncodingType, err)}
	}
	return v, nil
}

// toService sends the message as a request.
func (c SendMessageConfig) toService(ctx context.Context, env Env, h pipeline.HTTPChannel) error {
	r := webRequest{
		method: h.Method, url: h.URL,
		terms: WebTerms{Timeout: messageTimeout, MaxBody: maxHTTPAnswer},
	}
	if r.method == "" {
		r.method = http.MethodPost
	}
	kind := "application/json"
	switch c.EncodingType {
	case "":
		body, err := json.Marshal(map[string]string{"message": c.Message})
		if err != nil {
			return &PermanentError{err}
		}
		r.body = body
	case "xml":
		if err := wellFormed(c.Message); err != nil {
			return &PermanentError{fmt.Errorf("message is not xml: %w", err)}
		}
		r.body, kind = []byte(c.Message), "application/xml"
	default:
		if _, err := c.payload(); err != nil {
			return err
		}
		r.body, kind = []byte(c.Message), "application/"+c.EncodingType
	}
	var err error
	if h.URLSecret != "" {
		if r.url, err = env.secret(ctx, h.URLSecret); err != nil {
			return err
		}
		r.url = strings.TrimSpace(r.url)
	}
	r.header = []NameValue{{"Content-Type", kind}, {idempotencyHeader, env.idempotencyKey()}}
	for _, header := range h.Headers {
		if header.Secret != "" {
			if header.Value, err = env.secret(ctx, header.Secret); err != nil {
				return err
			}
			header.Value = strings.TrimSpace(header.Value)
		}
		r.header = slices.DeleteFunc(r.header, func(own NameValue) bool { return strings.EqualFold(own.Name, header.Name) })
		r.header = append(r.header, NameValue{header.Name, header.Value})
	}
	answer, err := r.send(ctx, env.Web)
	if err != nil {
		return err
	}
	if !answer.ok() {
		return fmt.Errorf("the message channel %s answered %d%s", c.Channel.Name, answer.status, answer.text())
	}
	return nil
}

func wellFormed(document string) error {
	dec := xml.NewDecoder(strings.NewReader(document))
	elements := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if elements == 0 {
				return errors.New("there is no element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			elements++
		}
	}
}

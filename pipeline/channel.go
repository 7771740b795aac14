package pipeline

import "cmp"

// MessageChannel is a place that the steps of a pipeline can send messages to. Secrets
// are named, never held. Exactly one of its kinds is set.
type MessageChannel struct {
	Name  string        `json:"name"`
	Slack *SlackChannel `json:"slack,omitempty"`
	HTTP  *HTTPChannel  `json:"http,omitempty"`
	SMTP  *SMTPChannel  `json:"smtp,omitempty"`
}

// SlackChannel is a channel of a Slack workspace.
type SlackChannel struct {
	// Token names the secret that holds a bot's token.
	Token string `json:"token"`
	// ChannelID is where messages go that say nothing else.
	ChannelID string `json:"channelID,omitempty"`
}

// HTTPChannel is a service that takes messages as requests.
type HTTPChannel struct {
	// URL is the address; URLSecret names the secret that holds it instead.
	URL       string `json:"url,omitempty"`
	URLSecret string `json:"urlSecret,omitempty"`
	// Method is POST when empty.
	Method  string          `json:"method,omitempty"`
	Headers []ChannelHeader `json:"headers,omitempty"`
}

// ChannelHeader is a header with a value, or with a secret that holds it.
type ChannelHeader struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// SMTPChannel is a mail server, and who gets the mails that go through it.
type SMTPChannel struct {
	Host string `json:"host"`
	// Port is that of the TLS mode when it is zero.
	Port int `json:"port,omitempty"`
	// TLS is one of [SMTPModes]; the first when empty.
	TLS string `json:"tls,omitempty"`
	// InsecureSkipTLSVerify accepts any certificate.
	InsecureSkipTLSVerify bool   `json:"insecureSkipTLSVerify,omitempty"`
	From                  string `json:"from"`
	// To are the recipients of messages that name no other: the first, and those who get
	// a copy.
	To []string `json:"to,omitempty"`
	// Username and Password name the secrets that hold them.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// How a connection to a mail server is secured.
const (
	// SMTPStartTLS begins in the clear and goes no further unless the server agrees to
	// TLS.
	SMTPStartTLS = "starttls"
	// SMTPTLS is TLS from the first byte.
	SMTPTLS = "tls"
	// SMTPPlain is never encrypted, for servers that the operator's allowlist names.
	SMTPPlain = "none"
)

// SMTPModes lists how a connection can be secured; the first is the default.
func SMTPModes() []string { return []string{SMTPStartTLS, SMTPTLS, SMTPPlain} }

// Address returns the port and the mode that the channel means.
func (c SMTPChannel) Address() (port int, mode string) {
	mode = cmp.Or(c.TLS, SMTPStartTLS)
	if c.Port != 0 {
		return c.Port, mode
	}
	switch mode {
	case SMTPTLS:
		return 465, mode
	case SMTPPlain:
		return 25, mode
	}
	return 587, mode
}

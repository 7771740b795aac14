package pipeline

// MessageChannel is a place that the steps of a pipeline can send messages to. Secrets
// are named, never held. Exactly one of its kinds is set.
type MessageChannel struct {
	Name  string        `json:"name"`
	Slack *SlackChannel `json:"slack,omitempty"`
	HTTP  *HTTPChannel  `json:"http,omitempty"`
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

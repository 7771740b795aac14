package kargofile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const maxChannels = 100

// channel is a MessageChannel and where its name stands.
type channel struct {
	pipeline.MessageChannel
	ref ref
}

// channels reads the list of message channels.
func (d *decoder) channels(dst *[]pipeline.MessageChannel) reader {
	return func(n *yaml.Node, path string) {
		first := map[string]ref{}
		d.listUpTo(maxChannels, func(n *yaml.Node, path string) {
			c := d.channel(n, path)
			if at, twice := first[c.Name]; twice && c.Name != "" {
				d.problem(c.ref.node, c.ref.path).message("a second message channel named %q, first on line %d", c.Name, at.node.Line).expected("another name")
				return
			}
			first[c.Name] = c.ref
			*dst = append(*dst, c.MessageChannel)
		})(n, path)
	}
}

func (d *decoder) channel(n *yaml.Node, path string) (c channel) {
	found := d.object(n, path, "a message channel",
		field{"name", d.name(&c.Name, &c.ref)},
		field{"slack", func(n *yaml.Node, path string) {
			c.Slack = &pipeline.SlackChannel{}
			found := d.object(n, path, "slack",
				field{"token", d.text(&c.Slack.Token, checkSecret)},
				field{"channelID", d.text(&c.Slack.ChannelID, checkLength(maxPattern))})
			if found != nil && found["token"] == nil {
				d.missing(n, path, "slack", "token")
			}
		}},
		field{"http", func(n *yaml.Node, path string) { c.HTTP = d.httpChannel(n, path) }},
		field{"smtp", func(n *yaml.Node, path string) { c.SMTP = d.smtpChannel(n, path) }})
	kinds := 0
	for _, kind := range []string{"slack", "http", "smtp"} {
		if found[kind] != nil {
			kinds++
		}
	}
	switch {
	case found == nil:
	case found["name"] == nil:
		d.missing(n, path, "a message channel", "name")
	case kinds != 1:
		d.problem(n, path).message("message channel %q must be one of slack, http and smtp", c.Name).expected("one of them")
	}
	return c
}

func (d *decoder) httpChannel(n *yaml.Node, path string) *pipeline.HTTPChannel {
	h := &pipeline.HTTPChannel{}
	found := d.object(n, path, "http",
		field{"url", d.text(&h.URL, checkWebAddress)},
		field{"urlSecret", d.text(&h.URLSecret, checkSecret)},
		field{"method", enum(d, &h.Method, "POST", "PUT", "PATCH")},
		field{"headers", d.list(func(n *yaml.Node, path string) {
			var header pipeline.ChannelHeader
			found := d.object(n, path, "a header",
				field{"name", d.text(&header.Name, checkLength(maxPattern))},
				field{"value", d.text(&header.Value, checkLength(maxPattern))},
				field{"secret", d.text(&header.Secret, checkSecret)})
			if found != nil && (found["name"] == nil || (found["value"] == nil) == (found["secret"] == nil)) {
				d.problem(n, path).message("a header needs a name, and a value or a secret").expected("name, and one of value and secret")
			}
			h.Headers = append(h.Headers, header)
		})})
	if found != nil && (found["url"] == nil) == (found["urlSecret"] == nil) {
		d.problem(n, path).message("http needs an address").expected("one of url and urlSecret")
	}
	return h
}

func checkWebAddress(s string) error {
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return nil
	}
	return &invalid{message: quoted(s) + " is not the address of a service", expected: "https://..."}
}

func channelNode(c pipeline.MessageChannel) *yaml.Node {
	o := newObject()
	o.text("name", c.Name)
	if c.Slack != nil {
		slack := newObject()
		slack.text("token", c.Slack.Token)
		slack.text("channelID", c.Slack.ChannelID)
		o.set("slack", slack.node)
	}
	if c.HTTP != nil {
		h := newObject()
		h.text("url", c.HTTP.URL)
		h.text("urlSecret", c.HTTP.URLSecret)
		h.text("method", c.HTTP.Method)
		if len(c.HTTP.Headers) > 0 {
			h.set("headers", listNode(c.HTTP.Headers, func(header pipeline.ChannelHeader) *yaml.Node {
				o := newObject()
				o.text("name", header.Name)
				o.text("value", header.Value)
				o.text("secret", header.Secret)
				return o.node
			}))
		}
		o.set("http", h.node)
	}
	if c.SMTP != nil {
		o.set("smtp", smtpNode(*c.SMTP))
	}
	return o.node
}

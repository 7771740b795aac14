package kargofile

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const maxRecipients = 50

var hostForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:]{2,39}$`)

func (d *decoder) smtpChannel(n *yaml.Node, path string) *pipeline.SMTPChannel {
	s := &pipeline.SMTPChannel{}
	found := d.object(n, path, "smtp",
		field{"host", d.text(&s.Host, checkHost)},
		field{"port", d.integer(&s.Port, 1, 65535)},
		field{"tls", enum(d, &s.TLS, pipeline.SMTPModes()...)},
		field{"insecureSkipTLSVerify", d.boolean(&s.InsecureSkipTLSVerify)},
		field{"from", d.text(&s.From, checkAddress)},
		field{"to", func(n *yaml.Node, path string) {
			d.texts(&s.To, checkAddress)(n, path)
			if len(s.To) > maxRecipients {
				d.problem(n, path).message("to has %d recipients", len(s.To)).expected("at most %d", maxRecipients)
			}
		}},
		field{"username", d.text(&s.Username, checkSecret)},
		field{"password", d.text(&s.Password, checkSecret)})
	if found == nil {
		return s
	}
	for _, name := range []string{"host", "from"} {
		if found[name] == nil {
			d.missing(n, path, "smtp", name)
		}
	}
	switch {
	case (found["username"] == nil) != (found["password"] == nil):
		d.problem(n, path).message("smtp has one of username and password").expected("both, or neither")
	case found["username"] != nil && s.TLS == pipeline.SMTPPlain:
		d.problem(found["tls"], join(path, "tls")).message("with tls: none the password would travel in the clear").
			expected("starttls or tls, or no username and password")
	}
	return s
}

func checkHost(s string) error {
	if hostForm.MatchString(s) {
		return nil
	}
	suggestion := ""
	if host, _, ok := strings.Cut(s, ":"); ok && hostForm.MatchString(host) {
		suggestion = host
	}
	return &invalid{message: quoted(s) + " is not the name of a host", expected: "a host such as smtp.acme.dev; the port stands in port", suggestion: suggestion}
}

func checkAddress(s string) error {
	if _, err := pipeline.ParseMailAddress(s); err != nil {
		return &invalid{message: cutMessage(err.Error()), expected: "an address such as ana@acme.dev"}
	}
	return nil
}

func smtpNode(s pipeline.SMTPChannel) *yaml.Node {
	o := newObject()
	o.text("host", s.Host)
	if s.Port != 0 {
		o.set("port", valueNode(s.Port))
	}
	o.text("tls", s.TLS)
	o.flag("insecureSkipTLSVerify", s.InsecureSkipTLSVerify)
	o.text("from", s.From)
	o.texts("to", s.To)
	o.text("username", s.Username)
	o.text("password", s.Password)
	return o.node
}

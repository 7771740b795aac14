package kargocrd

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// enterpriseGroup is that of the resources which Kargo has on the Akuity Platform only.
const enterpriseGroup = "ee." + kargoGroup

// channel reads a MessageChannel or ClusterMessageChannel; nil when nothing of it is left.
func (r *resource) channel() *yaml.Node {
	if r.shadowed() {
		r.lose(r.node, "", "a MessageChannel of the same name is carried over; rename one of them, and the steps that mean it")
		return nil
	}
	out := r.fields(r.node, "", common(inline(func() map[string]rule {
		return map[string]rule{
			"secretRef": nothing, // said below
			"slack":     object(func() map[string]rule { return map[string]rule{"channelID": keep} }),
			"http":      object(httpRules),
			"smtp":      object(smtpRules),
		}
	})))
	ref := child(r.node, "spec", "secretRef")
	switch {
	case child(r.node, "spec", "slack") != nil:
		return r.slack(out, ref)
	case out.get("smtp") != nil:
		return r.mail(out, ref)
	case out.get("http") != nil:
		if ref != nil {
			r.lose(ref, "spec.secretRef", "what its values are for is not known; give urlSecret or headers the names of secrets")
		}
		return out.node
	}
	r.lose(r.node, "", "it is neither of Slack nor of mail nor of HTTP, so it is left out")
	return nil
}

// slack completes a channel of Slack, which is nothing without a token.
func (r *resource) slack(out *mapping, ref *yaml.Node) *yaml.Node {
	name := scalar(ref, "name")
	if name == "" {
		r.lose(r.node, "", "no Secret holds its token, so it is left out")
		return nil
	}
	if out.get("slack") == nil {
		out.set("slack", newMapping().node)
	}
	(&mapping{out.get("slack")}).set("token", text(pipeline.SecretName(name, "apiKey")))
	r.lose(ref, "spec.secretRef", "%s", readAs(name, "apiKey"))
	return out.node
}

// mail completes a mail server by its login.
func (r *resource) mail(out *mapping, ref *yaml.Node) *yaml.Node {
	smtp, name := &mapping{out.get("smtp")}, scalar(ref, "name")
	switch {
	case name == "":
	case scalar(smtp.node, "tls") == pipeline.SMTPPlain:
		r.lose(ref, "spec.secretRef", "without TLS no login is sent: the mail server has to take mails without one, and whoever runs the server has to allow it")
	default:
		smtp.set("username", text(pipeline.SecretName(name, "username")))
		smtp.set("password", text(pipeline.SecretName(name, "password")))
		r.lose(ref, "spec.secretRef", "%s", readAs(name, "username", "password"))
	}
	return out.node
}

// shadowed reports whether it is a ClusterMessageChannel with the name of a
// MessageChannel, which one list cannot tell apart.
func (r *resource) shadowed() bool {
	if r.kind != "ClusterMessageChannel" {
		return false
	}
	for _, other := range r.c.all {
		if other.kind == "MessageChannel" && other.name == r.name {
			return true
		}
	}
	return false
}

// readAs says as which secrets the keys of one of Kargo's are read.
func readAs(name string, keys ...string) string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = pipeline.SecretName(name, key)
	}
	return fmt.Sprintf("the Secret %s is read as the secrets %s; store them with kargo secrets set", name, strings.Join(names, ", "))
}

func httpRules() map[string]rule {
	return map[string]rule{
		"url": keep, "method": keep,
		"headers": list("headers", func() map[string]rule { return map[string]rule{"name": keep, "value": keep} }),
	}
}

func smtpRules() map[string]rule {
	return map[string]rule{
		"host": keep, "from": keep,
		"port": func(_ *resource, out *mapping, key, value *yaml.Node, _ string) {
			out.set(key.Value, value)
			if value.Value == "465" {
				out.set("tls", text(pipeline.SMTPTLS))
			}
		},
		"to": func(_ *resource, out *mapping, key, value *yaml.Node, _ string) {
			if value.Kind == yaml.ScalarNode {
				value = texts(value.Value)
			}
			out.set(key.Value, value)
		},
		"useTLS": func(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
			if value.Value == "false" {
				out.remove("tls")
				out.set("tls", text(pipeline.SMTPPlain))
			}
		},
		"insecureSkipVerify": func(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
			if value.Value == "true" {
				out.set("insecureSkipTLSVerify", value)
			}
		},
	}
}

// jira says which secrets a step jira reads, once for each of Kargo's Secrets.
func (r *resource) jira(step *yaml.Node, at, uses string) {
	if uses != "jira" {
		return
	}
	for _, field := range []string{"secretName", "sharedSecretName"} {
		name := scalar(step, "config", "credentials", field)
		if name == "" || r.c.jira[name] {
			continue
		}
		if r.c.jira == nil {
			r.c.jira = map[string]bool{}
		}
		r.c.jira[name] = true
		r.lose(step, join(at, "config.credentials."+field), "%s", readAs(name, "domain", "username", "password"))
	}
}

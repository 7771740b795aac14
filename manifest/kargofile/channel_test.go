package kargofile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

func TestMessageChannels(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse([]byte(smallest+`messageChannels:
  - {name: releases, slack: {token: SLACK_TOKEN, channelID: C1}}
  - {name: hook, http: {urlSecret: HOOK_URL, method: PUT, headers: [{name: X-Key, secret: HOOK_KEY}, {name: X-Plain, value: p}]}}
  - {name: mail, smtp: {host: smtp.acme.dev, from: kargo@acme.dev}}
  - name: team
    smtp:
      host: smtp.acme.dev
      port: 2525
      tls: tls
      insecureSkipTLSVerify: true
      from: Kargo <kargo@acme.dev>
      to: [ops@acme.dev, "Ana <ana@acme.dev>"]
      username: SMTP_USERNAME
      password: SMTP_PASSWORD
`), kargofile.Options{})
	if f == nil {
		t.Fatal(problems.Error())
	}
	want := []pipeline.MessageChannel{
		{Name: "releases", Slack: &pipeline.SlackChannel{Token: "SLACK_TOKEN", ChannelID: "C1"}},
		{Name: "hook", HTTP: &pipeline.HTTPChannel{
			URLSecret: "HOOK_URL", Method: "PUT",
			Headers: []pipeline.ChannelHeader{{Name: "X-Key", Secret: "HOOK_KEY"}, {Name: "X-Plain", Value: "p"}},
		}},
		{Name: "mail", SMTP: &pipeline.SMTPChannel{Host: "smtp.acme.dev", From: "kargo@acme.dev"}},
		{Name: "team", SMTP: &pipeline.SMTPChannel{
			Host: "smtp.acme.dev", Port: 2525, TLS: "tls", InsecureSkipTLSVerify: true, From: "Kargo <kargo@acme.dev>",
			To: []string{"ops@acme.dev", "Ana <ana@acme.dev>"}, Username: "SMTP_USERNAME", Password: "SMTP_PASSWORD",
		}},
	}
	if diff := cmp.Diff(want, f.Pipeline.Channels); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for item, want := range map[string]string{
		"{slack: {token: T}}":                                                          `needs "name"`,
		"{name: a}":                                                                    "must be one of slack, http and smtp",
		"{name: a, smtp: {}}":                                                          `needs "host"`,
		"{name: a, smtp: {host: h}}":                                                   `needs "from"`,
		"{name: a, smtp: {host: 'h:25', from: a@b.c}}":                                 "is not the name of a host",
		"{name: a, smtp: {host: h, port: 0, from: a@b.c}}":                             "port",
		"{name: a, smtp: {host: h, from: ana}}":                                        "is no mail address",
		`{name: a, smtp: {host: h, from: "a@b.c\r\nBcc: x@y.z"}}`:                      "has a line break",
		"{name: a, smtp: {host: h, from: a@b.c, to: ['x@y.z, v@w.x']}}":                "is no mail address",
		"{name: a, smtp: {host: h, from: a@b.c, tls: ssl}}":                            "tls cannot be",
		"{name: a, smtp: {host: h, from: a@b.c, username: U}}":                         "one of username and password",
		"{name: a, smtp: {host: h, from: a@b.c, username: ana@b.c, password: P}}":      "is not the name of a secret",
		"{name: a, smtp: {host: h, from: a@b.c, tls: none, username: U, password: P}}": "would travel in the clear",
		"{name: a, smtp: {host: h, from: a@b.c}, http: {url: 'https://x'}}":            "must be one of slack, http and smtp",
		"{name: a, slack: {}}":                                                         `needs "token"`,
		"{name: a, slack: {token: xoxb-1-2}}":                                          "is not the name of a secret",
		"{name: a, http: {}}":                                                          "http needs an address",
		"{name: a, http: {url: 'ftp://x'}}":                                            "is not the address of a service",
		"{name: a, http: {url: 'https://x', urlSecret: U}}":                            "http needs an address",
		"{name: a, http: {url: 'https://x', method: GET}}":                             "method",
		"{name: a, http: {url: 'https://x', headers: [{name: h}]}}":                    "a header needs a name, and a value or a secret",
		"{name: a, http: {url: 'https://x'}, slack: {token: T}}":                       "must be one of slack, http and smtp",
		"{name: a, slack: {token: T}}, {name: a, slack: {token: T}}":                   `a second message channel named "a"`,
	} {
		_, problems := kargofile.Parse([]byte(smallest+"messageChannels: ["+item+"]\n"), kargofile.Options{})
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: no %q in %s", item, want, problems.Error())
		}
	}
}

func TestMessagesGoToChannelsThatAreDeclared(t *testing.T) {
	t.Parallel()
	const channels = `messageChannels: [{name: releases, slack: {token: T}}, {name: mail, smtp: {host: h, from: a@b.c}}]
`
	send := func(name string) string {
		return "          - {uses: send-message, config: {channel: {name: " + name + "}, message: hello}}\n"
	}
	stage := func(steps string) string {
		return `apiVersion: kargo/v1
name: web
warehouses: [{name: web, subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]}]
stages:
  - name: prod
    from: [web]
    promotionTemplate:
      spec:
        steps:
` + steps
	}
	for name, tt := range map[string]struct{ file, want, suggestion string }{
		"one that is there":               {stage(send("releases")+send("mail")) + channels, "", ""},
		"one that nobody declares":        {stage(send("release")) + channels, `there is no message channel "release"`, "releases"},
		"one where there are none at all": {stage(send("releases")), `there is no message channel "releases"`, ""},
		"one that an expression names":    {stage(send("'${{ vars.channel }}'")) + channels, "", ""},
		"one in a task": {stage("          - {task: {name: tell}}\n") + channels + `promotionTasks:
  - name: tell
    steps:
      - {uses: send-message, config: {channel: {name: mial}, message: hello}}
`, `there is no message channel "mial"`, "mail"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := kargofile.Parse([]byte(tt.file), kargofile.Options{})
			if tt.want == "" {
				if problems.HasErrors() {
					t.Error(problems.Error())
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Message, tt.want) || problems[0].Suggestion != tt.suggestion {
				t.Fatalf("%+v", problems)
			}
			line := strings.Split(tt.file, "\n")[problems[0].Line-1]
			if at := line[problems[0].Column-1:]; !strings.HasPrefix(at, strings.Fields(strings.ReplaceAll(tt.want, `"`, " "))[5]) {
				t.Errorf("the problem points at %q", at)
			}
		})
	}
}

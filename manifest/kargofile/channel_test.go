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
	}
	if diff := cmp.Diff(want, f.Pipeline.Channels); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for item, want := range map[string]string{
		"{slack: {token: T}}":                                        `needs "name"`,
		"{name: a}":                                                  "must be one of slack and http",
		"{name: a, smtp: {}}":                                        "smtp is not available in this version",
		"{name: a, slack: {}}":                                       `needs "token"`,
		"{name: a, slack: {token: xoxb-1-2}}":                        "is not the name of a secret",
		"{name: a, http: {}}":                                        "http needs an address",
		"{name: a, http: {url: 'ftp://x'}}":                          "is not the address of a service",
		"{name: a, http: {url: 'https://x', urlSecret: U}}":          "http needs an address",
		"{name: a, http: {url: 'https://x', method: GET}}":           "method",
		"{name: a, http: {url: 'https://x', headers: [{name: h}]}}":  "a header needs a name, and a value or a secret",
		"{name: a, http: {url: 'https://x'}, slack: {token: T}}":     "must be one of slack and http",
		"{name: a, slack: {token: T}}, {name: a, slack: {token: T}}": `a second message channel named "a"`,
	} {
		_, problems := kargofile.Parse([]byte(smallest+"messageChannels: ["+item+"]\n"), kargofile.Options{})
		if !strings.Contains(problems.Error(), want) {
			t.Errorf("%s: no %q in %s", item, want, problems.Error())
		}
	}
}

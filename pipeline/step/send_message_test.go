package step_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// slack is a workspace in the form of Slack's API.
type slack struct {
	mu    sync.Mutex
	posts []map[string]any
	// refuse is the error that it answers with, by method.
	refuse map[string]string
	status int
}

func (s *slack) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	say := func(v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	if s.status != 0 {
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(s.status)
		return
	}
	if r.Header.Get("Authorization") != "Bearer value-of-SLACK_TOKEN" {
		say(map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	if why := s.refuse[method]; why != "" {
		say(map[string]any{"ok": false, "error": why})
		return
	}
	switch method {
	case "chat.postMessage":
		var post map[string]any
		if err := json.NewDecoder(r.Body).Decode(&post); err != nil {
			say(map[string]any{"ok": false, "error": "invalid_json"})
			return
		}
		post["ts"] = fmt.Sprintf("170000000%d.000100", len(s.posts))
		s.posts = append(s.posts, post)
		say(map[string]any{"ok": true, "ts": post["ts"], "channel": post["channel"]})
	case "conversations.history", "conversations.replies":
		found := []any{}
		for _, p := range s.posts {
			thread, _ := p["thread_ts"].(string)
			if p["channel"] == r.FormValue("channel") && thread == r.FormValue("ts") && r.FormValue("include_all_metadata") == "true" {
				found = append(found, p)
			}
		}
		say(map[string]any{"ok": true, "messages": found})
	default:
		say(map[string]any{"ok": false, "error": "unknown_method"})
	}
}

func messaging(t *testing.T, c config) (*bench, *slack) {
	t.Helper()
	b := newBench(t, use("send-message", merge(config{"channel": config{"name": "releases"}, "message": "hello"}, c)))
	s := &slack{refuse: map[string]string{}}
	b.world.Web.Serve("slack.com", s.serve)
	return b, s
}

func TestSendMessageToSlack(t *testing.T) {
	t.Parallel()
	thread := func(b *bench) string {
		out := output[struct{ Slack struct{ ThreadTS string } }](b, 0)
		return out.Slack.ThreadTS
	}
	t.Run("posts text and outputs the thread that it begins", func(t *testing.T) {
		t.Parallel()
		b, s := messaging(t, nil)
		b.want(0, pipeline.Succeeded)
		if p := s.posts[0]; p["channel"] != "C1" || p["text"] != "hello" || p["thread_ts"] != nil || thread(b) != p["ts"] {
			t.Errorf("%v, thread %q", p, thread(b))
		}
	})
	t.Run("answers in a thread of another channel", func(t *testing.T) {
		t.Parallel()
		b, s := messaging(t, config{"slack": config{"channelID": "C2", "threadTS": "1.2"}})
		b.want(0, pipeline.Succeeded)
		if p := s.posts[0]; p["channel"] != "C2" || p["thread_ts"] != "1.2" || thread(b) != "1.2" {
			t.Errorf("%v, thread %q", p, thread(b))
		}
	})
	for encoding, message := range map[string]string{"json": `{"blocks": [{"type": "divider"}]}`, "yaml": "blocks:\n- type: divider\n"} {
		t.Run("takes a whole payload as "+encoding, func(t *testing.T) {
			t.Parallel()
			b, s := messaging(t, config{"encodingType": encoding, "message": message, "slack": config{"channelID": "C2"}})
			b.want(0, pipeline.Succeeded)
			if p := s.posts[0]; p["channel"] != "C1" || p["text"] != nil || fmt.Sprint(p["blocks"]) != "[map[type:divider]]" {
				t.Errorf("%v", p)
			}
		})
	}
	for name, options := range map[string]config{"a channel": nil, "a thread": {"slack": config{"threadTS": "1.2"}}} {
		t.Run("says it once in "+name+", though the answer was lost", func(t *testing.T) {
			t.Parallel()
			b, s := messaging(t, options)
			if _, err := b.try(t.Context(), 0); err != nil { // nobody records it
				t.Fatal(err)
			}
			b.want(0, pipeline.Succeeded)
			if len(s.posts) != 1 || thread(b) == "" {
				t.Errorf("%d messages, thread %q", len(s.posts), thread(b))
			}
		})
	}
	t.Run("says it again if it may not look", func(t *testing.T) {
		t.Parallel()
		b, s := messaging(t, nil)
		s.refuse["conversations.history"] = "missing_scope"
		if _, err := b.try(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		b.want(0, pipeline.Succeeded)
		if len(s.posts) != 2 {
			t.Errorf("%d messages", len(s.posts))
		}
	})
	t.Run("waits when Slack asks to, at no cost", func(t *testing.T) {
		t.Parallel()
		b, s := messaging(t, nil)
		s.status = 429
		res := b.want(0, pipeline.Running)
		if !res.Transient || res.WakeAt.Sub(b.world.Now) != 17*time.Second {
			t.Errorf("%+v", res)
		}
	})
	t.Run("says why Slack refuses", func(t *testing.T) {
		t.Parallel()
		b, s := messaging(t, nil)
		s.refuse["chat.postMessage"] = "channel_not_found"
		if res := b.want(0, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, "channel_not_found") {
			t.Errorf("%+v", res)
		}
	})
}

func TestSendMessageToServices(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config     config
		kind, sent string
	}{
		"text":       {nil, "application/json", `{"message":"hello"}`},
		"JSON":       {config{"encodingType": "json", "message": `{"a": 1}`}, "application/json", `{"a": 1}`},
		"YAML":       {config{"encodingType": "yaml", "message": "a: 1\n"}, "application/yaml", "a: 1\n"},
		"XML":        {config{"encodingType": "xml", "message": "<a>1</a>"}, "application/xml", "<a>1</a>"},
		"of cluster": {config{"channel": config{"kind": "ClusterMessageChannel", "name": "teams"}}, "application/json", `{"message":"hello"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a answers
			b, _ := messaging(t, merge(config{"channel": config{"name": "teams"}}, tt.config))
			b.world.Web.Serve("svc.example", a.serve)
			b.want(0, pipeline.Succeeded)
			h := a.last.Header
			if a.last.Method != "PUT" || a.last.URL.Path != "/teams" || a.sent != tt.sent || h.Get("Content-Type") != tt.kind ||
				h.Get("X-Plain") != "p" || h.Get("X-Key") != "value-of-TEAMS_KEY" || h.Get("Idempotency-Key") != "kargo/acme/gitops/prod-142/send-message" {
				t.Errorf("%s %s %v: %s", a.last.Method, a.last.URL, h, a.sent)
			}
		})
	}
	t.Run("an answer that is no 2xx is an error that may be tried again", func(t *testing.T) {
		t.Parallel()
		b, _ := messaging(t, config{"channel": config{"name": "teams"}})
		b.world.Web.Serve("svc.example", (&answers{status: 500, body: "no"}).serve)
		if res := b.want(0, pipeline.Errored); res.Terminal || !strings.Contains(res.Message, "the message channel teams answered 500: no") {
			t.Errorf("%+v", res)
		}
	})
}

func TestSendMessageRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config config
		want   string
	}{
		"a channel that nobody declares": {config{"channel": config{"name": "other"}}, `there is no message channel "other"; messageChannels has hook, mail, relay, releases, teams`},
		"another kind":                   {config{"channel": config{"kind": "Pigeon", "name": "releases"}}, `channel.kind: "Pigeon"`},
		"another encoding":               {config{"encodingType": "toml"}, `encodingType: "toml"`},
		"no message":                     {config{"message": ""}, "message must have"},
		"XML for Slack":                  {config{"encodingType": "xml", "message": "<a/>"}, "Slack takes json or yaml"},
		"JSON that is none":              {config{"encodingType": "json"}, "message is not json"},
		"a list for Slack":               {config{"encodingType": "json", "message": "[]"}, "message must be an object"},
		"XML that is none":               {config{"channel": config{"name": "hook"}, "encodingType": "xml", "message": "<a>"}, "message is not xml"},
		"text for XML":                   {config{"channel": config{"name": "hook"}, "encodingType": "xml", "message": "a"}, "message is not xml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, s := messaging(t, tt.config)
			if res := b.run(0); !res.Terminal || !strings.Contains(res.Message, tt.want) || len(s.posts) > 0 {
				t.Errorf("%s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
			}
		})
	}
	t.Run("waits out what keeps a secret from being read", func(t *testing.T) {
		t.Parallel()
		b, _ := messaging(t, nil)
		b.fault = &pipeline.TransientError{Err: errors.New("the database is locked")}
		if res := b.want(0, pipeline.Running); !res.Transient {
			t.Errorf("%+v", res)
		}
	})
}

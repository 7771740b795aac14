package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	slackAPI = "https://slack.com/api/"
	// slackEvent is the type of the metadata by which a message is recognised.
	slackEvent = "kargo_message"
)

// slackAnswer is what Slack answers to any method.
type slackAnswer struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	TS       string `json:"ts"`
	Messages []struct {
		TS       string `json:"ts"`
		ThreadTS string `json:"thread_ts"`
		Metadata struct {
			EventType    string            `json:"event_type"`
			EventPayload map[string]string `json:"event_payload"`
		} `json:"metadata"`
	} `json:"messages"`
}

// toSlack posts the message, unless an earlier attempt did, and returns its thread.
func (c SendMessageConfig) toSlack(ctx context.Context, env Env, s pipeline.SlackChannel) (string, error) {
	token, err := env.secret(ctx, s.Token)
	if err != nil {
		return "", err
	}
	post, err := c.slackMessage(s, env.idempotencyKey())
	if err != nil {
		return "", err
	}
	call := slackCall{env: env, token: strings.TrimSpace(token)}
	thread, _ := post["thread_ts"].(string)
	if env.Attempt > 1 {
		ts, err := call.posted(ctx, post["channel"], thread)
		if err != nil {
			return "", err
		}
		if ts != "" {
			return threadOf(ts, thread), nil
		}
	}
	body, err := json.Marshal(post)
	if err != nil {
		return "", &PermanentError{err}
	}
	answer, err := call.do(ctx, webRequest{
		method: http.MethodPost, url: slackAPI + "chat.postMessage", body: body,
		header: []NameValue{{"Content-Type", "application/json; charset=utf-8"}},
	})
	if err != nil {
		return "", err
	}
	if !answer.OK {
		return "", fmt.Errorf("slack refuses the message to %v: %s", post["channel"], answer.Error)
	}
	return threadOf(answer.TS, thread), nil
}

func threadOf(ts, thread string) string {
	if thread != "" {
		return thread
	}
	return ts
}

// slackMessage is the body of chat.postMessage.
func (c SendMessageConfig) slackMessage(s pipeline.SlackChannel, key string) (map[string]any, error) {
	post := map[string]any{"channel": s.ChannelID}
	switch c.EncodingType {
	case "xml":
		return nil, &PermanentError{errors.New("encodingType: Slack takes json or yaml")}
	case "":
		if c.Slack.ChannelID != "" {
			post["channel"] = c.Slack.ChannelID
		}
		if c.Slack.ThreadTS != "" {
			post["thread_ts"] = c.Slack.ThreadTS
		}
		post["text"] = c.Message
	default:
		v, err := c.payload()
		if err != nil {
			return nil, err
		}
		document, ok := v.(map[string]any)
		if !ok {
			return nil, &PermanentError{errors.New("message must be an object, the body of Slack's chat.postMessage")}
		}
		for name, value := range document {
			post[name] = value
		}
	}
	if post["channel"] == "" {
		return nil, &PermanentError{errors.New("no Slack channel is named: slack.channelID, or channelID of the message channel")}
	}
	if post["metadata"] == nil {
		post["metadata"] = map[string]any{"event_type": slackEvent, "event_payload": map[string]string{"key": key}}
	}
	return post, nil
}

// slackCall calls Slack's API.
type slackCall struct {
	env   Env
	token string
}

// posted returns the message that an earlier attempt sent, "" for none. A bot that may
// not read learns nothing.
func (s slackCall) posted(ctx context.Context, channel any, thread string) (string, error) {
	method, query := "conversations.history", url.Values{"channel": {fmt.Sprint(channel)}, "limit": {"100"}, "include_all_metadata": {"true"}}
	if thread != "" {
		method = "conversations.replies"
		query.Set("ts", thread)
	}
	answer, err := s.do(ctx, webRequest{method: http.MethodGet, url: slackAPI + method + "?" + query.Encode()})
	if err != nil {
		return "", err
	}
	if !answer.OK {
		s.env.Log.InfoContext(ctx, "slack cannot be asked whether a message was sent", "why", answer.Error)
		return "", nil
	}
	for _, m := range answer.Messages {
		if m.Metadata.EventType == slackEvent && m.Metadata.EventPayload["key"] == s.env.idempotencyKey() {
			return m.TS, nil
		}
	}
	return "", nil
}

func (s slackCall) do(ctx context.Context, r webRequest) (slackAnswer, error) {
	r.header = append(r.header, NameValue{"Authorization", "Bearer " + s.token})
	r.terms = WebTerms{Timeout: messageTimeout, MaxBody: maxHTTPAnswer}
	var out slackAnswer
	answer, err := r.send(ctx, s.env.Web)
	if err != nil {
		return out, err
	}
	err = json.Unmarshal(answer.body, &out)
	switch {
	case answer.status == http.StatusTooManyRequests || out.Error == "ratelimited":
		seconds, _ := strconv.Atoi(answer.header.Get("Retry-After"))
		return out, &pipeline.TransientError{RetryAfter: time.Duration(min(max(seconds, 1), 600)) * time.Second, Err: errors.New("slack asks to wait")}
	case !answer.ok():
		return out, fmt.Errorf("slack answered %d", answer.status)
	case err != nil:
		return out, fmt.Errorf("slack's answer: %w", err)
	}
	return out, nil
}

package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer, whatever the HTTP port allows.
const maxAnswer = 4 << 20

// client sends the requests of providers.
type client struct{ plain, insecure HTTP }

// request is one request and what bounds it.
type request struct {
	method, url string
	header      http.Header
	body        []byte
	timeout     time.Duration
	// insecure skips the verification of the server's certificate.
	insecure bool
}

// headers is a list of {key, value}, as Argo Rollouts has it, or an object.
type headers http.Header

// UnmarshalJSON implements json.Unmarshaler.
func (h *headers) UnmarshalJSON(data []byte) error {
	*h = headers{}
	var object map[string]text
	if json.Unmarshal(data, &object) == nil {
		for key, value := range object {
			http.Header(*h).Set(key, string(value))
		}
		return nil
	}
	var list []struct {
		Key   string `json:"key"`
		Value text   `json:"value"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return errors.New("headers must be a list of {key, value}")
	}
	for _, one := range list {
		http.Header(*h).Set(one.Key, string(one.Value))
	}
	return nil
}

// send returns the body of an answer that is a 2xx.
func (c client) send(ctx context.Context, r request) ([]byte, error) {
	status, answer, at, err := c.exchange(ctx, r)
	if err != nil {
		return nil, err
	}
	if status < 200 || status > 299 {
		return nil, fmt.Errorf("%s: answered %d%s", at, status, quoted(answer))
	}
	return answer, nil
}

// exchange returns an answer whatever its status is, and how messages call the request.
func (c client) exchange(ctx context.Context, r request) (status int, answer []byte, at string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return 0, nil, "", Permanent(fmt.Errorf("the address is malformed: %w", withoutURL(err)))
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		return 0, nil, "", Permanent(errors.New("the address must begin with https:// or http://"))
	}
	at = r.method + " " + place(req.URL)
	for key, values := range r.header {
		req.Header[key] = values
	}
	if host := r.header.Get("Host"); host != "" {
		req.Host = host
	}
	port := c.plain
	if r.insecure {
		port = c.insecure
	}
	resp, err := port.Do(req)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return 0, nil, at, fmt.Errorf("%s: no answer within %s", at, brief(r.timeout))
	}
	if err != nil {
		return 0, nil, at, fmt.Errorf("%s: %w", at, withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return 0, nil, at, fmt.Errorf("%s: read the answer: %w", at, err)
	case len(answer) > maxAnswer:
		return 0, nil, at, fmt.Errorf("%s: the answer is longer than %d bytes", at, maxAnswer)
	}
	return resp.StatusCode, answer, at, nil
}

// place is an address without what may be secret in it.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// withoutURL drops the address that net/http puts before its errors, with its query.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// quoted is the beginning of an answer that is text.
func quoted(answer []byte) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(answer), "")), " ")
	if s == "" || strings.HasPrefix(s, "<") {
		return ""
	}
	return ": " + shorten(s, 200)
}

// seconds is a timeout as providers have it, with a default.
func seconds(n number, otherwise time.Duration) time.Duration {
	if n <= 0 {
		return otherwise
	}
	return time.Duration(n) * time.Second
}

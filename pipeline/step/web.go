package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Web is the way to services that pipelines name.
type Web interface {
	// Client returns who sends requests under the given terms. It refuses addresses
	// that no pipeline should reach, however they are reached, and answers that are too
	// long; an error says what is wrong with the terms.
	Client(t WebTerms) (*http.Client, error)
}

// WebTerms are what a step says of how its requests are sent.
type WebTerms struct {
	// Proxy is the address of a proxy, empty for none.
	Proxy string
	// InsecureSkipTLSVerify accepts any certificate.
	InsecureSkipTLSVerify bool
	// Timeout bounds a request up to the end of the answer.
	Timeout time.Duration
	// MaxBody bounds an answer, in bytes.
	MaxBody int64
}

var (
	// ErrRefusedAddress is what errors of a Web's client wrap when the address, or one
	// that it leads to, may not be reached at all.
	ErrRefusedAddress = errors.New("this address may not be reached")
	// ErrTooLong is what errors of a Web's client wrap when the answer is longer than the
	// terms allow.
	ErrTooLong = errors.New("the answer is too long")
)

var errNoWeb = &PermanentError{errors.New("no service can be reached here")}

// longestRequest bounds one request; it leaves time for the rest of a pass.
const longestRequest = 4*time.Minute + 30*time.Second

// webRequest is one request.
type webRequest struct {
	method, url string
	query       []NameValue
	header      []NameValue
	body        []byte
	terms       WebTerms
}

// NameValue is a header or a query parameter.
type NameValue struct {
	Name  string `json:"name" doc:"its name"`
	Value string `json:"value" doc:"its value"`
}

// webAnswer is an answer that was read to its end.
type webAnswer struct {
	status int
	header http.Header
	body   []byte
}

// build makes the request; what is wrong with it stays wrong.
func (r webRequest) build(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil, errors.New("url is malformed")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("url must begin with https:// or http:// and name a host")
	}
	if len(r.query) > 0 {
		query := u.Query()
		for _, p := range r.query {
			query.Add(p.Name, p.Value)
		}
		u.RawQuery = query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", withoutURL(err))
	}
	for _, h := range r.header {
		if !validHeader(h) {
			return nil, fmt.Errorf("header %q cannot be sent", h.Name)
		}
		if strings.EqualFold(h.Name, "Host") {
			req.Host = h.Value
			continue
		}
		req.Header.Add(h.Name, h.Value)
	}
	return req, nil
}

func validHeader(h NameValue) bool {
	for _, c := range h.Name {
		if c <= ' ' || c > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c) {
			return false
		}
	}
	return h.Name != "" && !strings.ContainsAny(h.Value, "\r\n\x00")
}

// send sends the request and reads the answer, whatever its status is.
func (r webRequest) send(ctx context.Context, web Web) (webAnswer, error) {
	if web == nil {
		return webAnswer{}, errNoWeb
	}
	r.terms.Timeout = min(r.terms.Timeout, longestRequest)
	client, err := web.Client(r.terms)
	if err != nil {
		return webAnswer{}, &PermanentError{err}
	}
	within, cancel := context.WithTimeout(ctx, r.terms.Timeout)
	defer cancel()
	req, err := r.build(within)
	if err != nil {
		return webAnswer{}, &PermanentError{err}
	}
	fault := func(err error) error {
		switch {
		case errors.Is(err, ErrRefusedAddress):
			return &PermanentError{fmt.Errorf("%s: %w", r.place(), withoutURL(err))}
		case ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded):
			return fmt.Errorf("%s: no answer within %s", r.place(), r.terms.Timeout)
		}
		return fmt.Errorf("%s: %w", r.place(), withoutURL(err))
	}
	resp, err := client.Do(req)
	if err != nil {
		return webAnswer{}, fault(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, r.terms.MaxBody+1))
	if err != nil {
		return webAnswer{}, fault(err)
	}
	if int64(len(body)) > r.terms.MaxBody {
		return webAnswer{}, ErrTooLong
	}
	return webAnswer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func (a webAnswer) ok() bool { return a.status >= 200 && a.status < 300 }

// place names the request without what may be secret in its address.
func (r webRequest) place() string {
	u, err := url.Parse(r.url)
	if err != nil {
		return r.method
	}
	return r.method + " " + u.Scheme + "://" + u.Host + u.EscapedPath()
}

// withoutURL drops the address that net/http puts before its errors, with its query.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// text is a short excerpt of the answer for messages.
func (a webAnswer) text() string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(a.body[:min(len(a.body), 4<<10)]), "")), " ")
	if s == "" || strings.HasPrefix(s, "<") {
		return ""
	}
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	return ": " + s
}

// parseDuration reads a duration of a config; empty means otherwise.
func parseDuration(field, s string, otherwise time.Duration) (time.Duration, error) {
	if s == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is not a duration such as 30s or 5m", field, s)
	}
	return d, nil
}

package openapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Report collects problems from any number of Handlers and Transports.
type Report struct {
	mu        sync.Mutex
	problems  []error
	exchanges map[string]int
}

func (r *Report) add(x Exchange, problems []error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.exchanges == nil {
		r.exchanges = map[string]int{}
	}
	r.exchanges[x.Method]++
	r.problems = append(r.problems, problems...)
}

// Problems returns what was found so far.
func (r *Report) Problems() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.problems...)
}

// Exchanges returns how many exchanges were checked, so that a test can tell "no problem" from "no traffic".
func (r *Report) Exchanges() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.exchanges {
		n += c
	}
	return n
}

// apiPath strips the prefix of GitHub Enterprise Server; false for GraphQL, git and everything else.
func apiPath(path string) (string, bool) {
	return strings.CutPrefix(path, "/api/v3")
}

// Transport checks every REST exchange of a client. next nil means http.DefaultTransport.
func (d *Description) Transport(next http.RoundTripper, r *Report) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{d, next, r}
}

type transport struct {
	d    *Description
	next http.RoundTripper
	r    *Report
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	path, isAPI := apiPath(req.URL.Path)
	if !isAPI {
		return t.next.RoundTrip(req)
	}
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = io.ReadAll(req.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		_ = req.Body.Close()
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	x := Exchange{
		Method: req.Method, Path: path, Query: req.URL.Query(), Request: sent, Status: resp.StatusCode,
		ContentType: resp.Header.Get("Content-Type"), Response: got,
	}
	t.r.add(x, t.d.Check(x))
	return resp, nil
}

// Handler checks every REST exchange that a server answers.
func (d *Description) Handler(next http.Handler, r *Report) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		path, isAPI := apiPath(req.URL.Path)
		if !isAPI {
			next.ServeHTTP(w, req)
			return
		}
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		query := req.URL.Query()
		req.Body = io.NopCloser(bytes.NewReader(sent))
		tee := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(tee, req)
		x := Exchange{
			Method: req.Method, Path: path, Query: query, Request: sent, Status: tee.status,
			ContentType: w.Header().Get("Content-Type"), Response: tee.body.Bytes(),
		}
		r.add(x, d.Check(x))
	})
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

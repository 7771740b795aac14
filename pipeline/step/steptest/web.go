package steptest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Web is the services that pipelines name, by host.
type Web struct {
	world *World
	mu    sync.Mutex
	hosts map[string]http.Handler
	// terms are those of the clients that were asked for, in order.
	terms []step.WebTerms
}

var _ step.Web = (*Web)(nil)

// Serve makes a host answer.
func (w *Web) Serve(host string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = h
}

// Terms returns the terms of the clients that were asked for, in order.
func (w *Web) Terms() []step.WebTerms {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]step.WebTerms(nil), w.terms...)
}

// Client implements step.Web. The host "refused.example" may not be reached.
func (w *Web) Client(t step.WebTerms) (*http.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.terms = append(w.terms, t)
	return &http.Client{Transport: roundTrip(w.answer), Timeout: t.Timeout}, nil
}

func (w *Web) answer(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if req.URL.Host == "refused.example" {
		return nil, fmt.Errorf("%s is a loopback address: %w", req.URL.Host, step.ErrRefusedAddress)
	}
	if err := w.world.fault("web", false); err != nil {
		return nil, err
	}
	w.mu.Lock()
	h := w.hosts[req.URL.Host]
	w.mu.Unlock()
	if h == nil {
		return nil, fmt.Errorf("resolve %s: no such host", req.URL.Host)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	if err := w.world.fault("web", true); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	return f(req)
}

package ghapp

import (
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// observe logs and measures each exchange, without queries, headers or bodies.
type observe struct {
	next    http.RoundTripper
	host    host
	now     func() time.Time
	log     *slog.Logger
	metrics func(method, route string, status int, took time.Duration)
}

// RoundTrip implements http.RoundTripper.
func (t *observe) RoundTrip(req *http.Request) (*http.Response, error) {
	start := t.now()
	resp, err := t.next.RoundTrip(req)
	took := t.now().Sub(start)
	code := 0
	if err == nil {
		code = resp.StatusCode
	}
	t.metrics(req.Method, route(strings.TrimPrefix(req.URL.Path, t.host.rest.Path)), code, took)
	t.log.DebugContext(req.Context(), "github request", "method", req.Method, "path", req.URL.Path, "status", code, "took", took, "err", err)
	return resp, err
}

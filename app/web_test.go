package app

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestStepsReachServicesThroughTheGuard(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/announced" {
			w.Header().Set("Content-Length", "1000")
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	}))
	t.Cleanup(server.Close)
	terms := step.WebTerms{Timeout: time.Minute, MaxBody: 999}
	get := func(w web, path string) (int, error) {
		client, err := w.Client(terms)
		if err != nil {
			return 0, err
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		return len(body), err
	}
	if _, err := get(web{}, "/"); !errors.Is(err, step.ErrRefusedAddress) || !strings.Contains(err.Error(), "KARGO_OUTBOUND_ALLOW") {
		t.Errorf("a loopback address: %v", err)
	}
	list, err := outbound.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	open := web{allow: list}
	if n, err := get(open, "/"); n != 1000 || err != nil {
		t.Errorf("one byte more than the limit shows that it was passed: %d, %v", n, err)
	}
	terms.MaxBody = 500
	if _, err := get(open, "/announced"); !errors.Is(err, step.ErrTooLong) {
		t.Errorf("an answer that is too long: %v", err)
	}
	terms.Proxy = "ftp://proxy.example"
	if _, err := get(open, "/"); err == nil || !strings.Contains(err.Error(), "the proxy must be") {
		t.Errorf("a bad proxy: %v", err)
	}
}

package registry

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kargo-app/kargo/pipeline"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func get(t *testing.T, c *carrier, target string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.RoundTrip(req)
}

func TestPlainHTTP(t *testing.T) {
	t.Parallel()
	ok := roundTripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{}, Request: r}, nil
	})
	c := New(Options{Insecure: []string{"registry.lan", " other.lan:5000 "}})
	tests := map[string]bool{
		"http://127.0.0.1:5000/v2/":     true,
		"http://[::1]:5000/v2/":         true,
		"http://localhost:5000/v2/":     true,
		"http://registry.lan/v2/":       true,
		"http://registry.lan:5000/v2/":  true,
		"http://other.lan:5000/v2/":     true,
		"http://other.lan:5001/v2/":     false,
		"http://10.0.0.1:5000/v2/":      false,
		"http://192.168.1.1/v2/":        false,
		"http://example.com/v2/":        false,
		"http://localhost.evil.com/v2/": false,
		"https://example.com/v2/":       true,
	}
	for target, allowed := range tests {
		resp, err := get(t, &carrier{client: c, next: ok, scheme: "http"}, target)
		if err == nil {
			_ = resp.Body.Close()
		}
		var user *pipeline.UserError
		if allowed != (err == nil) || !allowed && !errors.As(err, &user) {
			t.Errorf("%s: %v, want allowed %v", target, err, allowed)
		}
	}
}

func TestLinkOfAPrivateRegistryOverHTTPSIsFollowed(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	tests := map[string]string{
		"</v2/a/tags/list?last=x>; rel=\"next\"":                   "<http://10.0.0.1/v2/a/tags/list?last=x>; rel=\"next\"",
		"<https://10.0.0.1/v2/a/tags/list?last=x>; rel=\"next\"":   "<http://10.0.0.1/v2/a/tags/list?last=x>; rel=\"next\"",
		"<https://elsewhere.example/v2/a/tags/list>; rel=\"next\"": "<https://elsewhere.example/v2/a/tags/list>; rel=\"next\"",
		"garbage": "garbage",
	}
	for link, want := range tests {
		next := roundTripFunc(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: http.Header{"Link": {link}}, Request: r}, nil
		})
		resp, err := get(t, &carrier{client: c, next: next, scheme: "http"}, "https://10.0.0.1/v2/a/tags/list")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Link"); got != want {
			t.Errorf("%s became %s", link, got)
		}
	}
}

func TestRetryAfterHasTwoForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"soon":                          0,
		"99999999":                      24 * time.Hour,
		"Sun, 01 Jun 2025 12:01:00 GMT": time.Minute,
		"Sun, 01 Jun 2025 11:00:00 GMT": 0,
	}
	for header, want := range tests {
		if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {header}}}, now); got != want {
			t.Errorf("%q is %v, want %v", header, got, want)
		}
	}
}

func TestErrorsRepeatNoSignature(t *testing.T) {
	t.Parallel()
	err := safe(&url.Error{Op: "Get", URL: "https://blobs.example/x?X-Amz-Signature=s3cret", Err: errors.New("reset\nby peer")})
	if got := err.Error(); got != "GET https://blobs.example/x: reset by peer" {
		t.Errorf("error is %q", got)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"digest":"sha256:` + strings.Repeat("a", 64) + `","platform":{"os":"linux","architecture":"arm64","variant":"v8"}}]}`))
	f.Add([]byte(`{"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + strings.Repeat("b", 64) + `"},"annotations":{"a":"b"}}`))
	f.Add([]byte(`{"created":"2025-06-01T12:00:00Z","os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"}}}`))
	f.Add([]byte(`{"manifests":null,"config":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := manifest(data, "sha256:x", types.MediaType(""))
		if err == nil && (len(m.Children) > maxChildren || len(m.Annotations) > maxAnnotations || m.Index && m.ConfigDigest != "") {
			t.Errorf("%+v is not bounded, or both an index and an image", m)
		}
		c, err := config(data)
		if err == nil && len(c.Labels) > maxAnnotations {
			t.Errorf("%d labels", len(c.Labels))
		}
		if bytes.Contains([]byte(printable(string(data))), []byte("\n")) {
			t.Error("printable text has a line break")
		}
	})
}

package ghapp

import "net/http"

// userAgent names this program, which GitHub insists on.
type userAgent struct {
	name string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("User-Agent") != t.name {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", t.name)
	}
	return t.next.RoundTrip(req)
}

package ghapp

import (
	"net/http"
	"net/url"
)

const maxRedirects = 5

// redirects follows GitHub's answers for renamed and transferred repositories.
// It stays on the host, because the request will carry a token. A write is
// followed only where the method and the body survive (307, 308): Go's own
// client would turn a POST into a GET without a body.
type redirects struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	for range maxRedirects {
		resp, err := t.next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		to := target(req, resp)
		if to == nil {
			return resp, nil
		}
		again := req.Clone(req.Context())
		if req.GetBody != nil {
			if again.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		} else if req.Body != nil && req.Body != http.NoBody {
			return resp, nil
		}
		_ = resp.Body.Close()
		again.URL, again.Host = to, ""
		req = again
	}
	return t.next.RoundTrip(req)
}

// target returns where to go next, or nil to hand the answer back.
func target(req *http.Request, resp *http.Response) *url.URL {
	read := req.Method == http.MethodGet || req.Method == http.MethodHead
	switch resp.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	case http.StatusMovedPermanently, http.StatusFound:
		if !read {
			return nil
		}
	default:
		return nil
	}
	to, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || to.Host != req.URL.Host || to.Scheme != req.URL.Scheme || to.User != nil || resp.Header.Get("Location") == "" {
		return nil
	}
	return to
}

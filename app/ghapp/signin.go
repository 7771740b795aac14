package ghapp

import "net/http"

// signIn puts an installation token on each request. A token that GitHub does
// not take any more is dropped and the request is sent once more with a new one:
// GitHub revokes tokens before they expire, for example on a suspension.
type signIn struct {
	app  *App
	key  tokenKey
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *signIn) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.send(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	_ = resp.Body.Close()
	if req, err = again(req); err != nil {
		return nil, err
	}
	return t.send(req)
}

func (t *signIn) send(req *http.Request) (*http.Response, error) {
	token, drop, err := t.app.token(req.Context(), t.key)
	if err != nil {
		return nil, err
	}
	signed := req.Clone(req.Context())
	signed.Header.Set("Authorization", "Bearer "+token)
	resp, err := t.next.RoundTrip(signed)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		drop()
	}
	return resp, err
}

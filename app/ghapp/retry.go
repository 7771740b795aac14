package ghapp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	tries      = 3
	firstPause = 200 * time.Millisecond
)

// retry repeats what can be repeated: reads, and the minting of tokens, of which
// one too many does no harm. A write may have had its effect, so that only the
// caller knows what to look for. What is still a 5xx then says nothing about the
// request and becomes a *pipeline.TransientError.
type retry struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *retry) RoundTrip(req *http.Request) (*http.Response, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		resp, err := t.next.RoundTrip(req)
		if err == nil && resp.StatusCode >= http.StatusInternalServerError {
			_ = resp.Body.Close()
			after, _ := retryAfter(resp, t.now())
			err = &pipeline.TransientError{RetryAfter: after, Err: &faultError{method: req.Method, path: req.URL.Path, status: resp.StatusCode}}
		}
		if err == nil {
			return resp, nil
		}
		after, _ := pipeline.IsTransient(err)
		if !uncertain(err) || !repeatable(req) || attempt == tries || after > patience {
			return nil, err
		}
		if err := t.sleep(req.Context(), pause); err != nil {
			return nil, err
		}
		pause *= 2
		if req, err = again(req); err != nil {
			return nil, err
		}
	}
}

func repeatable(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead || strings.HasSuffix(req.URL.Path, "/access_tokens")
}

// again returns the request with a body that was not read yet.
func again(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return next, nil
	}
	if req.GetBody == nil {
		return nil, errors.New("request body cannot be sent twice")
	}
	body, err := req.GetBody()
	next.Body = body
	return next, err
}

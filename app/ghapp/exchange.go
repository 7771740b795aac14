package ghapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// maxAnswer bounds one answer; GitHub's largest, a webhook payload, is 25 MiB.
const maxAnswer = 64 << 20

// exchange performs one request and reads the whole answer, so that a connection
// that breaks in its middle is seen here like any other.
type exchange struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, t.fault(req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, t.fault(req, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%s %s: answer is larger than %d bytes", req.Method, req.URL.Path, maxAnswer)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// fault tells the end of the caller's patience from a fault of the connection.
func (t *exchange) fault(req *http.Request, err error) error {
	if ended := req.Context().Err(); ended != nil {
		return ended
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", t.timeout)
	}
	return &pipeline.TransientError{Err: &faultError{method: req.Method, path: req.URL.Path, err: err}}
}

// peek returns the body of an answer that exchange read, and leaves it unread.
func peek(resp *http.Response) []byte {
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	return body
}

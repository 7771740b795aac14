package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	uploadPack  = "git-upload-pack"
	receivePack = "git-receive-pack"
)

// firstPause is what the first retry waits; each further one waits twice as
// long.
const firstPause = 200 * time.Millisecond

// discover asks for the capabilities, and with version 0 the references, of a
// service. Where a renamed repository has moved to, the posts follow.
func (r *remote) discover(ctx context.Context, service string) ([]byte, error) {
	body, final, err := r.retry(ctx, func(ctx context.Context) (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/info/refs?service="+service, nil)
		if err != nil {
			return nil, errors.New("repository URL is malformed")
		}
		return req, nil
	}, service)
	if err != nil {
		return nil, err
	}
	if at, ok := strings.CutSuffix(final.Path, "/info/refs"); ok {
		moved := *final
		moved.Path, moved.RawPath, moved.RawQuery = at, "", ""
		r.mu.Lock()
		r.base = moved.String()
		r.mu.Unlock()
	}
	return body, nil
}

// ask posts a request that changes nothing.
func (r *remote) ask(ctx context.Context, body []byte) ([]byte, error) {
	answer, _, err := r.retry(ctx, func(ctx context.Context) (*http.Request, error) {
		return r.post(ctx, uploadPack, body)
	}, uploadPack)
	return answer, err
}

func (r *remote) post(ctx context.Context, service string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.baseURL()+"/"+service, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("repository URL is malformed")
	}
	req.Header.Set("Content-Type", "application/x-"+service+"-request")
	req.Header.Set("Accept", "application/x-"+service+"-result")
	return req, nil
}

// retry repeats an idempotent request after a 5xx or a broken connection.
func (r *remote) retry(
	ctx context.Context, build func(context.Context) (*http.Request, error), service string,
) ([]byte, *url.URL, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		body, final, err := r.once(ctx, build, service)
		if err == nil || attempt >= r.client.opts.Attempts || ctx.Err() != nil || !temporary(err) {
			return body, final, err
		}
		if err := r.client.opts.Sleep(ctx, pause); err != nil {
			return nil, nil, err
		}
		pause *= 2
	}
}

// once performs a request and reads the whole, bounded, answer.
func (r *remote) once(
	ctx context.Context, build func(context.Context) (*http.Request, error), service string,
) ([]byte, *url.URL, error) {
	o := r.client.opts
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	req, err := build(ctx)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("User-Agent", o.UserAgent)
	if service == uploadPack {
		req.Header.Set("Git-Protocol", "version=2")
	}
	if o.Credentials != nil {
		user, password, err := o.Credentials(ctx, r.url)
		if err != nil {
			return nil, nil, fmt.Errorf("credentials for %s: %w", r.url, err)
		}
		if password != "" {
			req.SetBasicAuth(user, password)
		}
	}
	r.count(1, max(req.ContentLength, 0), 0)
	resp, err := r.http.Do(req)
	if err != nil {
		// The URL in the client's error may be where a redirect led.
		if ue := (*url.Error)(nil); errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, nil, &transportError{err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		r.count(0, 0, int64(len(text)))
		if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			text = nil
		}
		return nil, nil, &HTTPError{Status: resp.StatusCode, Message: printable(text)}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, o.MaxResponse+1))
	r.count(0, 0, int64(len(body)))
	if err != nil {
		return nil, nil, &transportError{err}
	}
	if int64(len(body)) > o.MaxResponse {
		return nil, nil, fmt.Errorf("more than %d bytes: %w", o.MaxResponse, ErrTooLarge)
	}
	return body, resp.Request.URL, nil
}

// transportError is a connection that could not be made or broke.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// temporary reports whether the same request may succeed later.
func temporary(err error) bool {
	if he := (*HTTPError)(nil); errors.As(err, &he) {
		return he.Status >= 500 || he.Status == http.StatusTooManyRequests
	}
	te := (*transportError)(nil)
	return errors.As(err, &te)
}

func (r *remote) count(requests, up, down int64) {
	for _, c := range [...]*counters{&r.counters, &r.client.traffic} {
		c.requests.Add(requests)
		c.up.Add(up)
		c.down.Add(down)
	}
}

func (r *remote) baseURL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.base
}

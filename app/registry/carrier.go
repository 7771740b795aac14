package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	maxAttempts = 3
	// firstBackoff doubles with every attempt.
	firstBackoff = 500 * time.Millisecond
	// maxWait is the longest that a request is held back; beyond it, the caller is
	// told to come back later.
	maxWait = 10 * time.Second
	// maxAnswer bounds one answer. A registry that ignores the page size sends all
	// tags at once: 16 MiB is 130,000 of the longest.
	maxAnswer = 16 << 20
	// answerTimeout bounds one request, its body included.
	answerTimeout = 60 * time.Second
)

// carrier carries the requests of one puller.
type carrier struct {
	client *Client
	next   http.RoundTripper
	// scheme is what go-containerregistry takes the registry's to be.
	scheme string
	// limit bounds one answer, in bytes.
	limit int64
	// timeout bounds one request, zero means answerTimeout.
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper. What remains of a rate limit, a server
// error or a broken connection after a few attempts is a *pipeline.TransientError.
func (c *carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	if req.URL.Scheme != "https" && !c.client.plainAllowed(host) {
		return nil, &pipeline.UserError{
			Message: fmt.Sprintf("registry %s would be asked over plain HTTP", host),
			Hint:    "the operator can allow that by listing the host as an insecure registry",
		}
	}
	h := c.client.gates.of(host)
	for attempt := 1; ; attempt++ {
		resp, err := c.once(req, h)
		wait, retry := verdict(resp, err, attempt, c.client.options.Now())
		if !retry {
			return resp, err
		}
		if err == nil {
			err = fmt.Errorf("%s %s answered %s", req.Method, host, resp.Status)
			_ = resp.Body.Close()
			if throttled(resp) {
				c.client.gates.close(h, wait)
			}
		}
		if attempt == maxAttempts || wait > maxWait || !repeatable(req) {
			return nil, &pipeline.TransientError{RetryAfter: asked(resp, wait), Err: err}
		}
		if err := c.client.options.Sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// once sends the request through the host's gate.
func (c *carrier) once(req *http.Request, h *gate) (*http.Response, error) {
	leave, tooLong, err := c.client.gates.enter(req.Context(), h)
	if err != nil {
		return nil, err
	}
	if tooLong > 0 {
		return nil, &pipeline.TransientError{RetryAfter: tooLong, Err: fmt.Errorf("registry %s asked to be left alone", req.URL.Host)}
	}
	defer leave()
	ctx, cancel := context.WithTimeout(req.Context(), cmp.Or(c.timeout, answerTimeout))
	started := c.client.options.Now()
	resp, err := c.next.RoundTrip(req.WithContext(ctx))
	if observe := c.client.options.Observe; observe != nil {
		r := Request{Host: req.URL.Host, Method: req.Method, Took: c.client.options.Now().Sub(started)}
		if resp != nil {
			r.Status = resp.StatusCode
		}
		observe(r)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	// The client above resolves links against the request that it knows.
	resp.Request = req
	resp.Body = &answer{ReadCloser: resp.Body, left: c.limit, limit: c.limit, cancel: cancel}
	c.alignLink(resp)
	return resp, nil
}

// alignLink gives the address of the next page the scheme that go-containerregistry
// expects: it takes private addresses for plain HTTP, and refuses the link if they
// answered over HTTPS after all. The request for it goes where this one went.
func (c *carrier) alignLink(resp *http.Response) {
	link := resp.Header.Get("Link")
	target, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	if !ok || !strings.HasPrefix(link, "<") || resp.Request.URL.Scheme == c.scheme {
		return
	}
	u, err := resp.Request.URL.Parse(target)
	if err != nil || u.Host != resp.Request.URL.Host || u.Scheme != resp.Request.URL.Scheme {
		return
	}
	u.Scheme = c.scheme
	resp.Header.Set("Link", "<"+u.String()+">"+rest)
}

// verdict says whether to try again, and when.
func verdict(resp *http.Response, err error, attempt int, now time.Time) (wait time.Duration, retry bool) {
	wait = firstBackoff << (attempt - 1)
	if err != nil {
		return wait, passing(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return max(wait, retryAfter(resp, now)), true
	}
	return 0, false
}

// passing reports whether an error of the connection may be gone next time.
func passing(err error) bool {
	var (
		transient *pipeline.TransientError
		refusal   *pipeline.UserError
		dns       *net.DNSError
		network   net.Error
	)
	switch {
	case errors.As(err, &transient), errors.As(err, &refusal), errors.Is(err, context.Canceled):
		return false // already decided, or nobody waits any more
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	}
	return errors.As(err, &network) && network.Timeout()
}

func throttled(resp *http.Response) bool {
	return resp.StatusCode == http.StatusTooManyRequests || resp.Header.Get("Retry-After") != ""
}

// asked is the wait that the registry asked for, 0 if it did not.
func asked(resp *http.Response, wait time.Duration) time.Duration {
	if resp == nil || !throttled(resp) {
		return 0
	}
	return wait
}

// retryAfter reads the header in either of its forms.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	v := resp.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), 24*time.Hour)
	}
	return 0
}

func repeatable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// answer is the body of a response, bounded.
type answer struct {
	io.ReadCloser
	left, limit int64
	cancel      context.CancelFunc
}

func (a *answer) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fmt.Errorf("answer is larger than %d MiB", a.limit>>20)
	}
	if int64(len(p)) > a.left {
		p = p[:a.left]
	}
	n, err := a.ReadCloser.Read(p)
	a.left -= int64(n)
	return n, err
}

func (a *answer) Close() error {
	defer a.cancel()
	return a.ReadCloser.Close()
}

// dialer returns the transport beneath everything.
func dialer(skipTLSVerify bool) http.RoundTripper {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second, Control: refuseLinkLocal}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: d.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConns: 100, MaxIdleConnsPerHost: perHost, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	if skipTLSVerify {
		t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the pipeline asked for it
	}
	return t
}

// laxFor accepts any certificate of one host. Where that host redirects to, the
// certificate is verified.
type laxFor struct {
	host        string
	lax, secure http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l laxFor) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.EqualFold(req.URL.Host, l.host) {
		return l.lax.RoundTrip(req)
	}
	return l.secure.RoundTrip(req)
}

// refuseLinkLocal keeps requests away from the metadata services of clouds, which
// live on link-local addresses, whatever name was resolved to them.
func refuseLinkLocal(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	host, _, _ = strings.Cut(host, "%")
	if ip := net.ParseIP(host); ip == nil || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast() || ip.IsMulticast() || ip.IsUnspecified() {
		return &pipeline.UserError{Message: fmt.Sprintf("address %s of the registry is link-local, which is not asked", host)}
	}
	return nil
}

// bare is a URL without what may carry a secret.
func bare(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

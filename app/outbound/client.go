package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Defaults, each a field of [Options].
const (
	DefaultTimeout = time.Minute
	DefaultMaxBody = 8 << 20
)

const (
	dialTimeout     = 10 * time.Second
	maxHeaderBytes  = 64 << 10
	maxRedirects    = 5
	idleConnections = 16
)

// Options configures a Client.
type Options struct {
	Allow Allow
	// Timeout bounds a request from the name's resolution to the end of the answer.
	Timeout time.Duration
	// MaxBody bounds an answer, in bytes after decompression.
	MaxBody int64
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
	// Proxy sends all requests through a proxy, whose address must be one that may be
	// reached. Names are resolved here and not by the proxy, except those that are allowed
	// by name, and only those are reached by plain http. Schemes are http, https and socks5.
	Proxy *url.URL
	// SingleUse closes each connection after one request.
	SingleUse bool
	// UserAgent is sent where a request has none.
	UserAgent string
	// Resolver resolves names; nil means the system's.
	Resolver Resolver
}

// Resolver resolves names; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Client sends requests to public addresses and to those that are allowed.
type Client struct {
	opts     Options
	classify *classifier
	http     *http.Client
}

// New returns a Client.
func New(o Options) *Client {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	c := &Client{opts: o, classify: newClassifier()}
	direct := &http.Transport{
		Proxy:                  nil, // one from the environment would resolve and connect in our place
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.InsecureSkipVerify}, //nolint:gosec // asked for by the pipeline
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConns:           idleConnections,
		IdleConnTimeout:        time.Minute,
		DisableKeepAlives:      o.SingleUse,
	}
	var next http.RoundTripper = direct
	if o.Proxy != nil {
		next = &proxied{client: c, direct: direct}
	}
	c.http = &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: redirect,
		Transport:     &limit{max: o.MaxBody, agent: o.UserAgent, next: next},
	}
	return c
}

// Do sends a request, as (*http.Client).Do. Reading more of the answer than allowed
// fails with a *TooLargeError. An address that may not be reached is a *RefusedError.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := checkURL(req.URL); err != nil {
		return nil, err
	}
	return c.http.Do(req) //nolint:gosec // dial judges where it leads
}

// HTTPClient returns the same client in the form that libraries take.
func (c *Client) HTTPClient() *http.Client { return c.http }

// Dial connects to a host and port, for protocols other than HTTP. An address that may
// not be reached is a *RefusedError.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return c.dial(ctx, network, address)
}

// Listed reports whether the list names what a connection that was dialled at address
// leads to: the operator vouches for it.
func (c *Client) Listed(address string, conn net.Conn) bool {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return false
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && c.opts.Allow.name(host, remote.Port()) || c.opts.Allow.address(c.classify.canonical(remote.Addr()), remote.Port())
}

func checkURL(u *url.URL) error {
	if u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("only http and https addresses can be reached")
	}
	return nil
}

// dial resolves a name, leaves out what is refused, and connects to the rest in turn.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", address, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", portText, err)
	}
	return c.connect(ctx, network, host, uint16(port))
}

// connect is dial to a host and port.
func (c *Client) connect(ctx context.Context, network, host string, port uint16) (net.Conn, error) {
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	named := c.opts.Allow.name(host, port)
	var refused error
	var failed []error
	for _, addr := range addrs {
		if err := c.judge(host, addr, port, named); err != nil {
			refused = err
			continue
		}
		d := net.Dialer{Timeout: dialTimeout, Control: func(_, at string, _ syscall.RawConn) error {
			// What is connected to is looked at once more, whatever led here.
			final, err := netip.ParseAddrPort(at)
			if err != nil {
				return fmt.Errorf("address %s: %w", at, err)
			}
			return c.judge(host, final.Addr(), final.Port(), named)
		}}
		conn, err := d.DialContext(ctx, network, netip.AddrPortFrom(addr, port).String())
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
	}
	if len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	if refused != nil {
		return nil, refused
	}
	return nil, fmt.Errorf("%s has no address", host)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	addrs, err := c.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	return addrs, nil
}

// judge says whether an address may be connected to. A name on the list opens all
// but metadata services, which must be named by their address: who answers for a name
// must not be able to hand out a machine's identity.
func (c *Client) judge(host string, addr netip.Addr, port uint16, named bool) error {
	addr = c.classify.canonical(addr)
	rule := c.classify.classify(addr)
	if rule == public || c.opts.Allow.address(addr, port) || named && rule != metadata {
		return nil
	}
	return &RefusedError{Host: host, Rule: string(rule)}
}

// redirect follows a few redirects. To another origin only what is no secret
// follows, and no body.
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if err := checkURL(req.URL); err != nil {
		return err
	}
	first := via[0].URL
	if strings.EqualFold(first.Host, req.URL.Host) && first.Scheme == req.URL.Scheme {
		return nil
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		return fmt.Errorf("%s redirects a %s to another host", first.Host, req.Method)
	}
	for key := range req.Header {
		if key != "Accept" && key != "User-Agent" {
			req.Header.Del(key)
		}
	}
	return nil
}

// limit bounds the answers that pass.
type limit struct {
	max   int64
	agent string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l *limit) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.agent != "" && req.Header.Get("User-Agent") == "" {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", l.agent)
	}
	resp, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > l.max {
		_ = resp.Body.Close()
		return nil, &TooLargeError{Limit: l.max}
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, left: l.max, max: l.max}
	return resp, nil
}

// limitedBody fails where io.LimitReader would pretend that the answer ended.
type limitedBody struct {
	io.ReadCloser
	left, max int64
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, &TooLargeError{Limit: b.max}
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, &TooLargeError{Limit: b.max}
	}
	return n, err
}

package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// ParseProxy reads the address of a proxy. The error does not repeat it, because it may
// hold a password.
func ParseProxy(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return nil, errors.New("the proxy must be an address that begins with http://, https:// or socks5://")
	}
	return u, nil
}

// proxied sends requests through a proxy, which would otherwise resolve names, and so
// decide where they lead.
type proxied struct {
	client *Client
	direct *http.Transport
}

// RoundTrip implements http.RoundTripper.
func (p *proxied) RoundTrip(req *http.Request) (*http.Response, error) {
	host, port := req.URL.Hostname(), portOf(req.URL)
	t := p.direct.Clone()
	t.DisableKeepAlives = true
	t.Proxy = http.ProxyURL(p.client.opts.Proxy)
	named := p.client.opts.Allow.name(host, port)
	addrs, err := p.client.resolve(req.Context(), host)
	if err != nil && !named {
		return nil, err
	}
	// One that is refused is reason enough: a host has no honest use for both kinds.
	for _, addr := range addrs {
		if err := p.client.judge(host, addr, port, named); err != nil {
			return nil, err
		}
	}
	if named {
		return t.RoundTrip(req)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	if req.URL.Scheme == "http" && p.client.opts.Proxy.Scheme != "socks5" {
		// The proxy would get the name, resolve it again, and perhaps find something else.
		return nil, fmt.Errorf("%s cannot be reached through a proxy by http, only by https, unless the operator names it in %s", host, Setting)
	}
	pinned := req.Clone(req.Context())
	if pinned.Host == "" {
		pinned.Host = req.URL.Host
	}
	pinned.URL.Host = netip.AddrPortFrom(addrs[0].WithZone(""), port).String()
	t.TLSClientConfig = t.TLSClientConfig.Clone()
	if net.ParseIP(host) == nil {
		t.TLSClientConfig.ServerName = host
	}
	return t.RoundTrip(pinned)
}

func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/outbound"
)

// names resolves what it holds.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, s := range n[host] {
		out = append(out, netip.MustParseAddr(s))
	}
	if out == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}

func allow(t *testing.T, entries ...string) outbound.Allow {
	t.Helper()
	a, err := outbound.ParseAllow(entries)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(t *testing.T, c *outbound.Client, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func hello(t *testing.T, h http.HandlerFunc) (address, port string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, u.Port()
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	for address, rule := range map[string]string{
		"127.0.0.1": "loopback", "127.9.9.9": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback",
		"::127.0.0.1": "loopback", "64:ff9b::7f00:1": "loopback", "2002:7f00:1::": "loopback",
		"169.254.169.254": "metadata", "::ffff:169.254.169.254": "metadata", "64:ff9b::a9fe:a9fe": "metadata", "2002:a9fe:a9fe::1": "metadata",
		"fd00:ec2::254": "metadata", "168.63.129.16": "metadata", "100.100.100.200": "metadata", "169.254.170.2": "metadata",
		"169.254.0.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
		"10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private", "fc00::1": "private", "fd12::1": "private", "fec0::1": "private",
		"::ffff:10.0.0.1": "private", "64:ff9b::a00:1": "private",
		"100.64.0.1": "shared by carriers", "100.127.255.255": "shared by carriers",
		"224.0.0.1": "multicast", "239.255.255.250": "multicast", "ff02::1": "multicast",
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified",
		"255.255.255.255": "special", "240.0.0.1": "special", "192.0.2.1": "special", "198.18.0.1": "special", "2001:db8::1": "special",
		"2001:0:1::1": "special", "100::1": "special", "64:ff9b:1::1": "special",
	} {
		for _, asName := range []bool{false, true} {
			host := address
			r := names{}
			if asName {
				host = "innocent.example"
				r[host] = []string{address}
			}
			c := outbound.New(outbound.Options{Resolver: r})
			_, err := get(t, c, "http://"+net.JoinHostPort(strings.ReplaceAll(host, "%", "%25"), "80")+"/")
			var refused *outbound.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(refused.Rule, rule) {
				t.Errorf("%s as name %v: %v, want a refusal as %s", address, asName, err, rule)
				continue
			}
			if !strings.Contains(err.Error(), outbound.Setting) {
				t.Errorf("%s: the error does not name the setting: %v", address, err)
			}
			if asName && strings.Contains(err.Error(), address) && address != "::" {
				t.Errorf("%s: the error tells what the name resolves to: %v", address, err)
			}
		}
	}
}

func TestAllowOpens(t *testing.T) {
	t.Parallel()
	_, port := hello(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	r := names{"prom.corp": {"127.0.0.1"}, "Mixed.corp": {"10.9.9.9", "127.0.0.1"}, "evil.example": {"127.0.0.1"}, "meta.corp": {"169.254.169.254"}}
	for name, tt := range map[string]struct {
		allow []string
		host  string
		open  bool
	}{
		"nothing without entries":  {nil, "127.0.0.1", false},
		"an address":               {[]string{"127.0.0.1"}, "127.0.0.1", true},
		"an address with its port": {[]string{"127.0.0.1:" + port}, "127.0.0.1", true},
		"no other port":            {[]string{"127.0.0.1:1"}, "127.0.0.1", false},
		"a range":                  {[]string{"127.0.0.0/8"}, "127.0.0.1", true},
		"a range, for names too":   {[]string{"127.0.0.0/8"}, "evil.example", true},
		"a range, in another spelling of the address": {[]string{"127.0.0.0/8"}, "[::ffff:127.0.0.1]", true},
		"a name":                                {[]string{"prom.corp"}, "prom.corp", true},
		"a name in capitals, ended by a dot":    {[]string{"Prom.Corp."}, "PROM.corp", true},
		"a name with its port":                  {[]string{"prom.corp:" + port}, "prom.corp", true},
		"a name with another port does not":     {[]string{"prom.corp:9"}, "prom.corp", false},
		"no other name with the same address":   {[]string{"prom.corp"}, "evil.example", false},
		"not the address behind a name":         {[]string{"prom.corp"}, "127.0.0.1", false},
		"all names below one":                   {[]string{"*.corp"}, "prom.corp", true},
		"not a name that only ends alike":       {[]string{"*.rp"}, "prom.corp", false},
		"what is open of several addresses":     {[]string{"127.0.0.1"}, "Mixed.corp", true},
		"a name never opens a metadata service": {[]string{"meta.corp"}, "meta.corp", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resolver := names{}
			for k, v := range r {
				resolver[k], resolver[strings.ToUpper(k[:4])+k[4:]] = v, v
			}
			c := outbound.New(outbound.Options{Allow: allow(t, tt.allow...), Resolver: resolver})
			body, err := get(t, c, "http://"+tt.host+":"+port+"/")
			if (err == nil) != tt.open || tt.open && body != "hello" {
				t.Errorf("%q, %v", body, err)
			}
			var refused *outbound.RefusedError
			if !tt.open && !errors.As(err, &refused) {
				t.Errorf("%v is no refusal", err)
			}
		})
	}
}

func TestAllowlistThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"http://prom", "10.0.0.0/99", "a b", "prom:port", "prom:0", "*corp", "*", "::ffff:10.0.0.0/104", "prom/x"} {
		if _, err := outbound.ParseAllow([]string{bad}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, err := outbound.ParseAllow([]string{" prom ", "", "[::1]:80", "::1", "fd00::/8", "*.svc.cluster.local:9090"}); err != nil {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var seen http.Header
	_, port := hello(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://other.corp:"+strings.Split(r.Host, ":")[1]+"/end", http.StatusTemporaryRedirect)
		case "/near":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/end":
			seen = r.Header.Clone()
			_, _ = io.WriteString(w, "end")
		}
	})
	c := outbound.New(outbound.Options{Allow: allow(t, "one.corp", "other.corp"), Resolver: names{"one.corp": {"127.0.0.1"}, "other.corp": {"127.0.0.1"}}, UserAgent: "kargo"})
	send := func(method, path string) error {
		seen = nil
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader("client_secret=x")
		}
		req, err := http.NewRequestWithContext(t.Context(), method, "http://one.corp:"+port+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Dd-Api-Key", "secret")
		resp, err := c.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	var refused *outbound.RefusedError
	if err := send(http.MethodGet, "/inside"); !errors.As(err, &refused) {
		t.Errorf("a redirect to a metadata service: %v", err)
	}
	if err := send(http.MethodGet, "/file"); err == nil {
		t.Error("a redirect to a file is followed")
	}
	if err := send(http.MethodGet, "/loop"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("a redirect without end: %v", err)
	}
	if err := send(http.MethodGet, "/near"); err != nil || seen.Get("Dd-Api-Key") != "secret" || seen.Get("User-Agent") != "kargo" {
		t.Errorf("a redirect within a host: %v %v", err, seen)
	}
	if err := send(http.MethodGet, "/away"); err != nil || seen == nil || seen.Get("Dd-Api-Key") != "" {
		t.Errorf("a redirect to another host carries %v: %v", seen, err)
	}
	if err := send(http.MethodPost, "/away"); err == nil || seen != nil {
		t.Errorf("a body is sent to another host: %v", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	address, _ := hello(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &n)
		switch r.URL.Path {
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		default:
			w.(http.Flusher).Flush() // no Content-Length
			_, _ = w.Write(make([]byte, n))
		}
	})
	c := outbound.New(outbound.Options{Allow: allow(t, "127.0.0.1"), MaxBody: 1000})
	var tooLarge *outbound.TooLargeError
	for path, fits := range map[string]bool{"/1000": true, "/1001": false, "/100000": false, "/bomb": false} {
		body, err := get(t, c, address+path)
		if fits != (err == nil) || !fits && !errors.As(err, &tooLarge) {
			t.Errorf("%s: %v", path, err)
		}
		if len(body) > 1000 {
			t.Errorf("%s: %d bytes were handed on", path, len(body))
		}
	}
}

func TestRequestsAreBoundedInTime(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	address, _ := hello(t, func(http.ResponseWriter, *http.Request) { <-stop })
	defer close(stop)
	c := outbound.New(outbound.Options{Allow: allow(t, "127.0.0.1"), Timeout: 50 * time.Millisecond})
	if _, err := get(t, c, address); err == nil || !strings.Contains(err.Error(), "Timeout") {
		t.Errorf("%v", err)
	}
}

func TestOnlyWebAddresses(t *testing.T) {
	t.Parallel()
	c := outbound.New(outbound.Options{})
	for _, address := range []string{"file:///etc/passwd", "ftp://example.com", "http://", "//example.com", "gopher://x"} {
		req := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		req.URL, _ = url.Parse(address)
		if resp, err := c.Do(req.WithContext(t.Context())); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s is reached", address)
		}
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	proxied := false
	proxy, _ := hello(t, func(http.ResponseWriter, *http.Request) { proxied = true })
	t.Setenv("HTTP_PROXY", proxy)
	t.Setenv("http_proxy", proxy)
	c := outbound.New(outbound.Options{Resolver: names{"x.example": {"10.0.0.1"}}})
	if _, err := get(t, c, "http://x.example/"); err == nil || proxied {
		t.Errorf("through the proxy: %v, %v", proxied, err)
	}
}

// FuzzAddress: whatever the host is, nothing on this machine is reached.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::1]", "localhost", "[::ffff:7f00:1]", "127.0.0.1.", "0", "①②⑦.0.0.1"} {
		f.Add(s)
	}
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	f.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		f.Fatal(err)
	}
	c := outbound.New(outbound.Options{Resolver: everything{}, Timeout: 100 * time.Millisecond})
	f.Fuzz(func(t *testing.T, host string) {
		target, err := url.Parse("http://" + host + ":" + u.Port() + "/")
		if err != nil || target.Port() != u.Port() {
			return
		}
		if addr, err := netip.ParseAddr(target.Hostname()); err == nil && addr.IsGlobalUnicast() && !addr.IsPrivate() {
			return // no test leaves this machine
		}
		req := (&http.Request{Method: http.MethodGet, URL: target, Header: http.Header{}}).WithContext(t.Context())
		if resp, err := c.Do(req); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s answered", host)
		}
		if reached {
			t.Fatalf("%s reaches this machine", host)
		}
	})
}

// everything resolves every name to this machine.
type everything struct{}

func (everything) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:127.0.0.1")}, nil
}

func TestDialIsGuarded(t *testing.T) {
	t.Parallel()
	_, port := hello(t, func(http.ResponseWriter, *http.Request) {})
	for name, tt := range map[string]struct {
		allow, host  string
		open, listed bool
	}{
		"nothing that is not public":           {"", "127.0.0.1", false, false},
		"what is listed by its address":        {"127.0.0.0/8", "127.0.0.1", true, true},
		"what is listed by its name":           {"mail.corp", "mail.corp", true, true},
		"not the same address by another name": {"mail.corp", "evil.example", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := outbound.New(outbound.Options{Allow: allow(t, tt.allow), Resolver: names{"mail.corp": {"127.0.0.1"}, "evil.example": {"127.0.0.1"}}})
			address := net.JoinHostPort(tt.host, port)
			conn, err := c.Dial(t.Context(), "tcp", address)
			var refused *outbound.RefusedError
			if (err == nil) != tt.open || !tt.open && !errors.As(err, &refused) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if got := c.Listed(address, conn); got != tt.listed {
				t.Errorf("listed %v", got)
			}
			if outbound.New(outbound.Options{}).Listed(address, conn) {
				t.Error("an empty list names something")
			}
			_ = conn.Close()
		})
	}
}

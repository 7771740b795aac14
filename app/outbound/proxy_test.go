package outbound_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/kargo-app/kargo/app/outbound"
)

// proxy is an HTTP proxy that sends everything to one place and remembers what it was
// asked for.
type proxy struct {
	to    string
	mu    sync.Mutex
	asked []string
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, fmt.Sprintf("%s %s Host=%s Auth=%s", r.Method, r.URL.Host, r.Host, r.Header.Get("Proxy-Authorization")))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(w, "through the proxy")
		return
	}
	out, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	in, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = out.Close()
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() { _, _ = io.Copy(out, in); _ = out.Close(); close(done) }()
	_, _ = io.Copy(in, out)
	_ = in.Close()
	<-done
}

func through(t *testing.T, p *proxy, resolver names, allowed ...string) *outbound.Client {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	address, err := outbound.ParseProxy(strings.Replace(s.URL, "http://", "http://me:hunter2@", 1))
	if err != nil {
		t.Fatal(err)
	}
	return outbound.New(outbound.Options{
		Allow: allow(t, append(allowed, "127.0.0.1:"+address.Port())...), Resolver: resolver,
		Proxy: address, InsecureSkipVerify: true, SingleUse: true,
	})
}

func TestProxy(t *testing.T) {
	t.Parallel()
	public := names{"api.example": {"93.184.216.34"}}
	t.Run("is not told names by plain HTTP", func(t *testing.T) {
		t.Parallel()
		p := &proxy{}
		_, err := get(t, through(t, p, public), "http://api.example/x")
		if err == nil || !strings.Contains(err.Error(), "api.example cannot be reached through a proxy by http, only by https") || len(p.asked) > 0 {
			t.Errorf("%v, asked %v", err, p.asked)
		}
	})
	t.Run("is told the address that the name has here, and TLS keeps the name", func(t *testing.T) {
		t.Parallel()
		var sni, host string
		target := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sni, host = r.TLS.ServerName, r.Host
			_, _ = io.WriteString(w, "secure")
		}))
		t.Cleanup(target.Close)
		p := &proxy{to: target.Listener.Addr().String()}
		body, err := get(t, through(t, p, public), "https://api.example/x")
		if err != nil || body != "secure" || sni != "api.example" || host != "api.example" {
			t.Errorf("%q for %s at %s, %v", body, sni, host, err)
		}
		if got := p.asked[0]; got != "CONNECT 93.184.216.34:443 Host=93.184.216.34:443 Auth=Basic bWU6aHVudGVyMg==" {
			t.Errorf("asked %s", got)
		}
	})
	t.Run("is told the name of a host that is allowed by name", func(t *testing.T) {
		t.Parallel()
		p := &proxy{}
		if _, err := get(t, through(t, p, names{}, "only.proxy.knows"), "http://only.proxy.knows/x"); err != nil {
			t.Fatal(err)
		}
		if got := p.asked[0]; !strings.HasPrefix(got, "GET only.proxy.knows Host=only.proxy.knows") {
			t.Errorf("asked %s", got)
		}
	})
	for name, tt := range map[string]struct {
		resolver names
		allowed  []string
		url      string
		rule     string
	}{
		"to a private address":               {names{"in.example": {"10.0.0.7"}}, nil, "http://in.example/", "private"},
		"to a name with one private address": {names{"in.example": {"93.184.216.34", "10.0.0.7"}}, nil, "http://in.example/", "private"},
		"to a loopback address":              {nil, nil, "https://127.0.0.1/", "loopback"},
		"to metadata":                        {nil, nil, "http://169.254.169.254/latest", "metadata"},
		"to metadata by a name on the list":  {names{"x.corp": {"169.254.169.254"}}, []string{"*.corp"}, "http://x.corp/", "metadata"},
	} {
		t.Run("is no way "+name, func(t *testing.T) {
			t.Parallel()
			p := &proxy{}
			_, err := get(t, through(t, p, tt.resolver, tt.allowed...), tt.url)
			if refused, ok := errors.AsType[*outbound.RefusedError](err); !ok || !strings.Contains(refused.Rule, tt.rule) || len(p.asked) > 0 {
				t.Errorf("%v, asked %v", err, p.asked)
			}
		})
	}
	t.Run("must be at an address that may be reached", func(t *testing.T) {
		t.Parallel()
		address, err := outbound.ParseProxy("http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = get(t, outbound.New(outbound.Options{Proxy: address, Resolver: public}), "https://api.example/")
		if _, ok := errors.AsType[*outbound.RefusedError](err); !ok {
			t.Error(err)
		}
	})
	for _, bad := range []string{"", "proxy:3128", "ftp://proxy", "http://", "http://u:hunter2@%zz"} {
		if _, err := outbound.ParseProxy(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Package ociregistry is a container registry in memory for the demo and the tests: go-containerregistry's test registry
// plus what clients must cope with in the field, namely tag listings in pages with Link headers, and a request log to
// hold request budgets against. Push makes small images without a network.
//
// It keeps everything in memory, has no garbage collection and no token authentication. A Registry is safe for
// concurrent use.
package ociregistry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
)

// Options configures a Registry. The zero value is an open registry with unlimited pages.
type Options struct {
	// PageSize is the most tags a listing answers, whatever n the client asks for; 0 means no limit. GHCR uses 100.
	PageSize int
	// Username and Password, when set, are demanded as basic authentication.
	Username, Password string
}

// Registry is an OCI distribution server. Create it with New; it is an http.Handler for /v2/.
type Registry struct {
	opts  Options
	inner http.Handler

	mu                 sync.Mutex
	requests           []Request
	username, password string
}

// Request is one request that arrived over HTTP. Pushes by Push do not count.
type Request struct {
	Method string
	Path   string
	Kind   string // ping, tags, manifests, blobs or other
}

// New returns an empty registry.
func New(o Options) *Registry {
	return &Registry{opts: o, username: o.Username, password: o.Password, inner: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
}

// Demand changes the account that is demanded from now on; an empty username opens the registry.
func (g *Registry) Demand(username, password string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.username, g.password = username, password
}

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Logged before the answer, so that a client finds its own request in the log.
	g.mu.Lock()
	g.requests = append(g.requests, Request{Method: r.Method, Path: r.URL.Path, Kind: kind(r.URL.Path)})
	wantUser, wantPassword := g.username, g.password
	g.mu.Unlock()
	if user, password, _ := r.BasicAuth(); wantUser != "" && (user != wantUser || password != wantPassword) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/tags/list") {
		g.listTags(w, r)
		return
	}
	g.inner.ServeHTTP(w, r)
}

func kind(path string) string {
	switch {
	case path == "/v2/" || path == "/v2":
		return "ping"
	case strings.HasSuffix(path, "/tags/list"):
		return "tags"
	case strings.Contains(path, "/manifests/"):
		return "manifests"
	case strings.Contains(path, "/blobs/"):
		return "blobs"
	}
	return "other"
}

// listTags pages as the distribution specification says. The registry underneath cuts at n without telling that there
// is more.
func (g *Registry) listTags(w http.ResponseWriter, r *http.Request) {
	all := r.Clone(r.Context())
	all.URL.RawQuery = ""
	got := &memory{header: http.Header{}, status: http.StatusOK}
	g.inner.ServeHTTP(got, all)
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body.Bytes(), &list) != nil {
		got.replay(w)
		return
	}
	slices.Sort(list.Tags)
	q := r.URL.Query()
	if last := q.Get("last"); last != "" {
		i, found := slices.BinarySearch(list.Tags, last)
		if found {
			i++
		}
		list.Tags = list.Tags[i:]
	}
	size := g.opts.PageSize
	if raw := q.Get("n"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 0 {
			writeError(w, http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
			return
		}
		if size == 0 || n < size {
			size = n
		}
	}
	if (size > 0 || q.Get("n") == "0") && len(list.Tags) > size {
		list.Tags = list.Tags[:size]
		if size > 0 {
			next := url.Values{"n": {strconv.Itoa(size)}, "last": {list.Tags[size-1]}}
			w.Header().Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.URL.Path, next.Encode()))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

// Requests returns the requests so far, in order of arrival.
func (g *Registry) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.requests)
}

// Counts returns how many requests of each kind arrived.
func (g *Registry) Counts() map[string]int {
	counts := map[string]int{}
	for _, r := range g.Requests() {
		counts[r.Kind]++
	}
	return counts
}

// ResetRequests forgets the request log.
func (g *Registry) ResetRequests() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = nil
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}

// memory keeps a response.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (m *memory) Header() http.Header         { return m.header }
func (m *memory) WriteHeader(status int)      { m.status = status }
func (m *memory) Write(p []byte) (int, error) { return m.body.Write(p) }

func (m *memory) replay(w http.ResponseWriter) {
	for k, v := range m.header {
		w.Header()[k] = v
	}
	w.WriteHeader(m.status)
	_, _ = w.Write(m.body.Bytes())
}

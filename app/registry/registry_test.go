package registry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ociregistry "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/app/registry"
)

// server is an OCI registry that pages its tags with Link headers, as real ones do
// and the one it is made of does not, and writes down what it is asked.
type server struct {
	*httptest.Server
	oci http.Handler

	mu       sync.Mutex
	requests []string
	// extra are tags that exist in listings beside those that were pushed.
	extra []string
	// fault, if set, may answer in place of the registry.
	fault func(http.ResponseWriter, *http.Request) bool
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{oci: ociregistry.New(ociregistry.Logger(log.New(io.Discard, "", 0)))}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	fault := s.fault
	s.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	if strings.HasSuffix(r.URL.Path, "/tags/list") {
		s.tags(w, r)
		return
	}
	s.oci.ServeHTTP(w, r)
}

func (s *server) tags(w http.ResponseWriter, r *http.Request) {
	all := *r
	all.URL = &url.URL{Path: r.URL.Path}
	rec := httptest.NewRecorder()
	s.oci.ServeHTTP(rec, &all)
	if rec.Code != http.StatusOK && len(s.extra) == 0 {
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
		return
	}
	var list struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	_ = json.Unmarshal(rec.Body.Bytes(), &list)
	list.Tags = append(list.Tags, s.extra...)
	slices.Sort(list.Tags)
	if last := r.URL.Query().Get("last"); last != "" {
		at, _ := slices.BinarySearch(list.Tags, last)
		list.Tags = list.Tags[at+1:]
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("n")); err == nil && n < len(list.Tags) {
		list.Tags = list.Tags[:n]
		w.Header().Set("Link", fmt.Sprintf("<%s?n=%d&last=%s>; rel=\"next\"", r.URL.Path, n, url.QueryEscape(list.Tags[n-1])))
	}
	_ = json.NewEncoder(w).Encode(list)
}

// answer makes fault decide about requests from now on.
func (s *server) answer(fault func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// asked returns the requests since the last call.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func (s *server) host() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *server) repo(path string) string { return s.host() + "/" + path }

// image is a small image built at a time for a platform.
func image(t *testing.T, created time.Time, os, arch, variant string) v1.Image {
	t.Helper()
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		Created: v1.Time{Time: created}, OS: os, Architecture: arch, Variant: variant,
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func annotated(img v1.Image, annotations map[string]string) v1.Image {
	return mutate.Annotations(img, annotations).(v1.Image)
}

func (s *server) push(t *testing.T, repo, tag string, what remote.Taggable) {
	t.Helper()
	ref, err := name.NewTag(s.repo(repo) + ":" + tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(ref, what); err != nil {
		t.Fatal(err)
	}
	s.asked()
}

// clock does not tick; sleeping moves it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return ctx.Err()
}

func client(t *testing.T, o registry.Options) (*registry.Client, *clock) {
	t.Helper()
	c := newClock()
	o.Now, o.Sleep = c.Now, c.Sleep
	if o.Keychain == nil {
		o.Keychain = anonymous{}
	}
	return registry.New(o), c
}

package gitrepo_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline/tree"
)

func TestRepositoryURL(t *testing.T) {
	t.Parallel()
	c := client(gitrepo.Options{})
	for name, tc := range map[string]struct {
		url string
		ok  bool
	}{
		"https":                              {"https://github.com/acme/web.git", true},
		"http to an allowed host":            {"http://127.0.0.1:8080/acme/web", true},
		"http elsewhere is refused":          {"http://github.com/acme/web", false},
		"credentials are refused":            {"https://user:s3cret@github.com/acme/web", false},
		"malformed with credentials":         {"https://user:s3cret@github.com:x y/acme", false},
		"ssh is refused":                     {"ssh://git@github.com/acme/web", false},
		"scp form is refused":                {"git@github.com:acme/web.git", false},
		"file is refused":                    {"file:///etc", false},
		"a query could change the service":   {"https://github.com/acme/web?x=", false},
		"a fragment could change the target": {"https://github.com/acme/web#x", false},
	} {
		_, err := c.Repository(tc.url)
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error shows a password: %v", name, err)
		}
	}
	a, _ := c.Repository("https://github.com/acme/web")
	b, _ := c.Repository("https://github.com/acme/web/")
	if a != b {
		t.Error("the same repository has two caches")
	}
}

func secret(context.Context, string) (string, string, error) { return "x-access-token", "s3cret", nil }

func TestCredentialsStayOnTheirHost(t *testing.T) {
	t.Parallel()
	var leaked atomic.Bool
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked.Store(true)
		_ = r
	}))
	t.Cleanup(evil.Close)
	o := newOrigin(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, evil.URL+r.URL.RequestURI(), http.StatusFound)
		})
	})
	r := o.open(gitrepo.Options{Credentials: secret})
	_, err := r.ResolveBranch(t.Context(), "main")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("redirect to another host: %v", err)
	}
	if leaked.Load() {
		t.Error("the other host was asked")
	}
}

func TestMovedRepositoryIsFollowed(t *testing.T) {
	t.Parallel()
	var denied atomic.Int32
	o := newOrigin(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "x-access-token" || password != "s3cret" {
				denied.Add(1)
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			if rest, ok := strings.CutPrefix(r.URL.Path, "/old.git/"); ok {
				http.Redirect(w, r, "/repo.git/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	o.url = strings.Replace(o.url, "/repo.git", "/old.git", 1)
	r := o.open(gitrepo.Options{Credentials: secret})
	if got, err := r.ResolveBranch(t.Context(), "main"); err != nil || got != head {
		t.Errorf("branch = %s, %v", got, err)
	}
	if n := denied.Load(); n > 0 {
		t.Errorf("%d requests without credentials", n)
	}
}

func TestReadsAreRetried(t *testing.T) {
	t.Parallel()
	var gets, posts atomic.Int32
	o := newOrigin(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet && gets.Add(1) < 3:
				http.Error(w, "bad gateway", http.StatusBadGateway)
			case r.Method == http.MethodPost && posts.Add(1) < 3:
				panic(http.ErrAbortHandler)
			default:
				h.ServeHTTP(w, r)
			}
		})
	})
	head := o.commit("main", "one", map[string]string{"a": "1\n"})
	var mu sync.Mutex
	var pauses []time.Duration
	r := o.open(gitrepo.Options{Sleep: func(_ context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		pauses = append(pauses, d)
		return nil
	}})
	if got, err := r.ResolveBranch(t.Context(), "main"); err != nil || got != head {
		t.Errorf("branch = %s, %v", got, err)
	}
	if len(pauses) != 4 || pauses[1] <= pauses[0] {
		t.Errorf("pauses %v, want two growing ones for each of two requests", pauses)
	}
}

func TestStatusErrors(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		http.StatusNotFound:     gitrepo.ErrNotFound,
		http.StatusUnauthorized: gitrepo.ErrDenied,
		http.StatusForbidden:    gitrepo.ErrDenied,
	} {
		var asked atomic.Int32
		o := newOrigin(t, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				http.Error(w, "reason\x1b[31m\nmore", status)
			})
		})
		_, err := o.open(gitrepo.Options{}).Refs(t.Context())
		if !errors.Is(err, want) || asked.Load() != 1 {
			t.Errorf("status %d: %v after %d requests", status, err, asked.Load())
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("error repeats control characters: %q", err)
		}
	}
}

// TestFetchesAreShared asks for one object from many goroutines.
func TestFetchesAreShared(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var fetches atomic.Int32
	o := newOrigin(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				fetches.Add(1)
				<-release
			}
			h.ServeHTTP(w, r)
		})
	})
	o.commit("main", "one", map[string]string{"a": "1\n"})
	root := o.hash("main^{tree}")
	r := o.open(gitrepo.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := r.Objects(t.Context(), []tree.Hash{root})
			if err != nil || got[root].Kind != tree.Tree {
				t.Errorf("objects = %v, %v", got, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := fetches.Load(); n != 1 {
		t.Errorf("%d fetches of one object", n)
	}
}

// TestImpatientFetch ends one caller's context while another waits for the same
// object.
func TestImpatientFetch(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 2)
	release := make(chan struct{})
	var first atomic.Bool
	o := newOrigin(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/git-upload-pack") && first.CompareAndSwap(false, true) {
				entered <- struct{}{}
				<-release
			}
			h.ServeHTTP(w, r)
		})
	})
	o.commit("main", "one", map[string]string{"a": "1\n"})
	root := o.hash("main^{tree}")
	r := o.open(gitrepo.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := r.Objects(ctx, []tree.Hash{root}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled fetch: %v", err)
		}
	})
	<-entered
	wg.Go(func() {
		if got, err := r.Objects(t.Context(), []tree.Hash{root}); err != nil || len(got) != 1 {
			t.Errorf("patient fetch: %v, %v", got, err)
		}
	})
	cancel()
	wg.Wait()
	close(release)
}

package ghapp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline"
)

const (
	pullOne  = "GET /repos/acme/gitops/pulls/1"
	comments = "POST /repos/acme/gitops/issues/1/comments"
	openPull = `{"number":1,"state":"open","head":{"sha":"aaa","ref":"x"},"base":{"ref":"main"}}`
	said     = `{"id":5}`
)

func (o *odd) getPull() error {
	_, err := o.app.Pulls().Get(o.t.Context(), o.repoURL(), 1)
	return err
}

func (o *odd) comment() error {
	_, err := o.app.Comments().CreateComment(o.t.Context(), acme, 1, "hi")
	return err
}

func TestReadsAreRepeatedAfterFaultsAndWritesAreNot(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]http.HandlerFunc{
		"502": say(502, "<html>"), "503": say(503, ""), "504": say(504, ""), "cut connection": hangUp,
		"answer cut in its middle": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"number":`))
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			o.on(pullOne, fault, fault, say(200, openPull))
			o.on(comments, fault, say(201, said))
			if err := o.getPull(); err != nil {
				t.Errorf("read: %v", err)
			}
			err := o.comment()
			if _, transient := pipeline.IsTransient(err); !transient {
				t.Errorf("write: %v, want a transient error", err)
			}
			if n := len(o.requests()); n != 4 {
				t.Errorf("%d requests, want 3 reads and 1 write", n)
			}
		})
	}
}

func TestReadsGiveUpAfterThreeFaults(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(502, ""))
	if _, transient := pipeline.IsTransient(o.getPull()); !transient || len(o.requests()) != 3 {
		t.Errorf("transient %t after %d requests", transient, len(o.requests()))
	}
}

func TestRefusedConnectionIsTransient(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	o := newOdd(t, func(a *ghapp.Options) { a.ServerURL = srv.URL })
	_, err := o.app.Pulls().Get(t.Context(), srv.URL+"/acme/gitops", 1)
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Errorf("got %v", err)
	}
}

func TestTheCallersCancellationIsNotTransient(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	ctx, cancel := context.WithCancel(t.Context())
	o.on(pullOne, func(http.ResponseWriter, *http.Request) { cancel(); <-t.Context().Done() })
	_, err := o.app.Pulls().Get(ctx, o.repoURL(), 1)
	if _, transient := pipeline.IsTransient(err); transient || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnswerThatDoesNotComeIsTransient(t *testing.T) {
	t.Parallel()
	o := newOdd(t, func(a *ghapp.Options) { a.Timeout = 20 * time.Millisecond })
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	o.on(comments, func(_ http.ResponseWriter, r *http.Request) { <-release })
	if _, transient := pipeline.IsTransient(o.comment()); !transient {
		t.Error("want a transient error")
	}
}

func TestRateLimitsFailFastAndSayHowLong(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   time.Duration
	}{
		"403 with retry-after":           {refuse(403, "You have exceeded a secondary rate limit.", "Retry-After", "30"), 30 * time.Second},
		"429 with retry-after":           {refuse(429, "Too many", "Retry-After", "30"), 30 * time.Second},
		"429 without a word":             {say(429, ""), time.Minute},
		"403 that only says so":          {refuse(403, "You have exceeded a secondary rate limit. Please wait."), time.Minute},
		"403 with nothing remaining":     {refuse(403, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(start.Add(90*time.Second).Unix(), 10)), 90 * time.Second},
		"429 whose reset is in the past": {refuse(429, "API rate limit exceeded", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "1"), time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			o.clock.now = start
			o.on(comments, tc.answer, say(201, said))
			o.on(pullOne, say(200, openPull))
			after, transient := pipeline.IsTransient(o.comment())
			if !transient || after < tc.want-2*time.Second || after > tc.want+time.Second {
				t.Fatalf("transient %t, retry after %s, want %s", transient, after, tc.want)
			}
			if tc.want <= 2*time.Second {
				return
			}
			before := len(o.requests())
			if _, transient := pipeline.IsTransient(o.getPull()); !transient || len(o.requests()) != before {
				t.Error("a request was made although GitHub wants to be left alone")
			}
			o.clock.Advance(tc.want + time.Second)
			if err := o.comment(); err != nil {
				t.Errorf("after the limit: %v", err)
			}
		})
	}
}

func TestMissingPermissionIsNoRateLimit(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(comments, refuse(403, "Resource not accessible by integration", "X-Accepted-GitHub-Permissions", "issues=write"))
	err := o.comment()
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Hint, "issues=write") {
		t.Errorf("got %v", err)
	}
}

func TestSecondaryLimitsGrow(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(comments, say(429, ""))
	var got []time.Duration
	for range 3 {
		after, _ := pipeline.IsTransient(o.comment())
		got = append(got, after)
		o.clock.Advance(after)
	}
	if d := cmp.Diff([]time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute}, got); d != "" {
		t.Error(d)
	}
}

func TestShortLimitIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(comments, refuse(429, "", "Retry-After", "1"), say(201, said))
	_ = o.comment()
	if err := o.comment(); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]time.Duration{time.Second}, o.clock.slept); d != "" {
		t.Error(d)
	}
}

func TestLastRequestOfTheHourBlocksTheNext(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	reset := o.clock.Now().Add(10 * time.Minute)
	o.on(pullOne, say(200, openPull, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10)))
	if err := o.getPull(); err != nil {
		t.Fatal(err)
	}
	if after, transient := pipeline.IsTransient(o.getPull()); !transient || after < 9*time.Minute {
		t.Errorf("transient %t after %s", transient, after)
	}
}

func TestLimitOfOneInstallationDoesNotBlockAnother(t *testing.T) {
	t.Parallel()
	o := newOdd(t, func(a *ghapp.Options) {
		a.Installations = func(_ context.Context, owner, _ string) (int64, int64, error) { return int64(len(owner)), 1, nil }
	})
	o.on(comments, say(429, ""))
	o.on("GET /repos/other-org/gitops/pulls/1", say(200, openPull))
	_ = o.comment()
	if _, err := o.app.Pulls().Get(t.Context(), o.url+"/other-org/gitops", 1); err != nil {
		t.Error(err)
	}
}

func TestContentCreationIsCountedAndBounded(t *testing.T) {
	t.Parallel()
	o := newOdd(t, func(a *ghapp.Options) { a.ContentPerMinute = 2 })
	o.on(comments, say(201, said))
	for range 2 {
		if err := o.comment(); err != nil {
			t.Fatal(err)
		}
	}
	if after, transient := pipeline.IsTransient(o.comment()); !transient || after != time.Minute {
		t.Errorf("transient %t after %s", transient, after)
	}
	o.clock.Advance(time.Minute)
	if err := o.comment(); err != nil || o.app.ContentRequests(7) != 3 {
		t.Errorf("%d content requests, %v", o.app.ContentRequests(7), err)
	}
}

func TestWritesOfOneInstallationFollowOneAnother(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	var mu sync.Mutex
	now, most := 0, 0
	o.on(comments, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		say(201, said)(w, r)
		mu.Lock()
		now--
		mu.Unlock()
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := o.comment(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if most != 1 {
		t.Errorf("%d writes at once", most)
	}
}

func TestUnchangedAnswersAreTakenFromTheCache(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(openPull))
	})
	for range 2 {
		p, err := o.app.Pulls().Get(t.Context(), o.repoURL(), 1)
		if err != nil || p.Head != "aaa" {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

func TestRenamedRepositoryIsFollowed(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(301, "", "Location", api+"/repositories/1007/pulls/1"))
	o.on("GET /repositories/1007/pulls/1", say(200, openPull))
	o.on(comments, say(307, "", "Location", api+"/repositories/1007/issues/1/comments"))
	o.on("POST /repositories/1007/issues/1/comments", func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 5 {
			t.Error("the body was lost")
		}
		say(201, said)(w, r)
	})
	if err := errors.Join(o.getPull(), o.comment()); err != nil {
		t.Error(err)
	}
}

func TestWriteIsNotTurnedIntoARead(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(comments, say(301, "", "Location", api+"/repositories/1007/issues/1/comments"))
	if err := o.comment(); err == nil || len(o.requests()) != 1 {
		t.Errorf("%v after %v", err, o.requests())
	}
}

func TestTokenDoesNotFollowToAnotherHost(t *testing.T) {
	t.Parallel()
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen = append(stolen, r.Header.Get("Authorization")) }))
	t.Cleanup(thief.Close)
	o := newOdd(t)
	o.on(pullOne, say(302, "", "Location", thief.URL+"/x"))
	if err := o.getPull(); err == nil || len(stolen) > 0 {
		t.Errorf("error %v, other host got %d requests", err, len(stolen))
	}
}

func TestNoTokenReachesTheLogAndMetricsHaveNoNames(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var routes []string
	o := newOdd(t, func(a *ghapp.Options) {
		a.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		a.Metrics = func(method, route string, status int, _ time.Duration) {
			routes = append(routes, fmt.Sprintf("%s %s %d", method, route, status))
		}
	})
	o.on(pullOne, say(200, openPull))
	o.on("DELETE /repos/acme/gitops/git/refs/heads/kargo/prod/prod-1", say(204, ""))
	if err := o.getPull(); err != nil {
		t.Fatal(err)
	}
	if err := o.app.Git(nil).DeleteBranch(t.Context(), o.repoURL(), ownBranch); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), "ghs_") || strings.Contains(log.String(), "eyJ") || log.Len() == 0 {
		t.Errorf("log: %s", log.String())
	}
	want := []string{"POST app/installations/{}/access_tokens 201", "GET repos/{}/{}/pulls/{} 200", "DELETE repos/{}/{}/git/refs/heads/{} 204"}
	if !slices.Equal(routes, want) {
		t.Errorf("routes %q", routes)
	}
}

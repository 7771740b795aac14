package e2e_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/kargo-app/kargo/app/forge"
)

// requestsMade are the kinds of requests that a promotion makes.
var requestsMade = [][2]string{
	{http.MethodPost, "/repos/*/*/git/trees"},
	{http.MethodPost, "/repos/*/*/git/commits"},
	{http.MethodPost, "/repos/*/*/git/refs"},
	{http.MethodPost, "/repos/*/*/pulls"},
	{http.MethodGet, "/repos/*/*/pulls/*"},
	{http.MethodGet, "/repos/*/*/rules/branches/*"},
	{http.MethodGet, "/repos/*/*/branches/*"},
	{http.MethodPost, "/repos/*/*/check-runs"},
	{http.MethodPatch, "/repos/*/*/check-runs/*"},
	{http.MethodPost, "/repos/*/*/deployments"},
	{http.MethodPost, "/repos/*/*/deployments/*/statuses"},
	{http.MethodPost, "/repos/*/*/issues/*/comments"},
	{http.MethodPatch, "/repos/*/*/issues/comments/*"},
	{http.MethodPut, "/repos/*/*/pulls/*/merge"},
	{http.MethodDelete, "/repos/*/*/git/refs/**"},
	{http.MethodGet, "/acme/gitops.git/info/refs"},
}

// requestsMaybeMade are those that a promotion makes when others failed, or when
// what it remembered is too old.
var requestsMaybeMade = [][2]string{
	{http.MethodGet, "/repos/*/*/pulls"},
	{http.MethodGet, "/repos/*/*/pulls/*/reviews"},
	{http.MethodGet, "/repos/*/*/commits/*/check-runs"},
	{http.MethodGet, "/repos/*/*/deployments"},
	{http.MethodGet, "/repos/*/*/issues/*/comments"},
	{http.MethodGet, "/repos/*/*/git/ref/**"},
	{http.MethodPost, "/app/installations/*/access_tokens"},
	{http.MethodPost, "/acme/gitops.git/git-upload-pack"},
	{"", ""},
}

// waysToFail are the answers that GitHub gives on bad days.
var waysToFail = map[string]forge.Fault{
	"502 before the effect": {Status: http.StatusBadGateway},
	"502 after the effect":  {Status: http.StatusBadGateway, AfterEffect: true},
	"cut before the effect": {},
	"cut after the effect":  {AfterEffect: true},
	"429":                   {Status: http.StatusTooManyRequests, RetryAfter: time.Second},
	"secondary limit": {
		Status: http.StatusForbidden, RetryAfter: time.Second,
		Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
	},
}

// TestEveryRequestMayFail makes each kind of request of one promotion fail once,
// in each of the ways in which requests fail.
func TestEveryRequestMayFail(t *testing.T) {
	t.Parallel()
	for name, way := range waysToFail {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, t.TempDir(), nil)
			if err := errors.Join(w.publish("1.0.0", true), w.found(gitops, kustomized("test")), w.start()); err != nil {
				t.Fatal(err)
			}
			w.settled("test")
			w.ResetTraffic()
			for _, r := range requestsMade {
				f := way
				f.Method, f.Path = r[0], r[1]
				w.Inject(f)
			}
			if err := w.publish("1.1.0", false); err != nil {
				t.Fatal(err)
			}
			w.must("promotion", func() error { return errors.Join(w.kept(gitops, "test-2"), w.holds("test", "1.1.0")) })
			// Those of Git are no API requests.
			w.must("every kind of request to fail", func() error { return w.injected(len(requestsMade) - 1) })
		})
	}
}

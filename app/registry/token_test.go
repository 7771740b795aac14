package registry_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func TestTokenIsFetchedOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token":
			_, _ = w.Write([]byte(`{"token":"t0ken"}`))
		case r.Header.Get("Authorization") == "Bearer t0ken":
			return false
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.URL+`/token",service="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
		return true
	})
	c, _ := client(t, registry.Options{})
	repo := discover.Repository{URL: s.repo("acme/web")}
	for range 2 {
		if _, err := c.Tags(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Head(t.Context(), repo, "1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"GET /v2/", "GET /token",
		"GET /v2/acme/web/tags/list", "HEAD /v2/acme/web/manifests/1.0.0",
		"GET /v2/acme/web/tags/list", "HEAD /v2/acme/web/manifests/1.0.0",
	}
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

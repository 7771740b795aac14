package argocd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/argocd"
	"github.com/kargo-app/kargo/pipeline/argocd/argocdtest"
)

const token = "header.payload.signature"

const web = `
metadata:
  name: web
  labels: {tier: front}
  annotations: {kargo.akuity.io/authorized-stage: "shop:prod"}
spec:
  project: shop
  source:
    repoURL: https://github.com/acme/gitops.git
    targetRevision: main
    unknownToUs: {kept: true}
    helm:
      parameters:
        - {name: image.tag, value: "1", forceString: true}
        - {name: other, value: x}
`

// plain sends requests over the network.
type plain struct{}

func (plain) Send(ctx context.Context, r argocd.Request) (argocd.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return argocd.Answer{}, err
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return argocd.Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return argocd.Answer{Status: resp.StatusCode, Body: body}, err
}

// fake starts an Argo CD with Applications.
func fake(t *testing.T, manifests ...string) (*argocdtest.Server, argocd.Client) {
	t.Helper()
	s := argocdtest.New(token, func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) })
	for _, m := range manifests {
		if err := s.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, argocd.Client{Server: server.URL + "/", Token: token, Transport: plain{}}
}

func TestASyncGoesThroughItsPhases(t *testing.T) {
	t.Parallel()
	s, c := fake(t, web)
	s.SetRevision("https://github.com/acme/gitops.git", "main", "abc")
	key := argocd.Key{Name: "web"}
	if err := c.Sync(t.Context(), key, []argocd.Info{{Name: "by", Value: "test"}}); err != nil {
		t.Fatal(err)
	}
	err := c.Sync(t.Context(), key, nil)
	var refused *argocd.Error
	if !errors.As(err, &refused) || !refused.Busy() || refused.Temporary() || refused.Hidden() {
		t.Errorf("a second sync: %v", err)
	}
	get := func(refresh argocd.Refresh) argocd.Application {
		t.Helper()
		app, err := c.Get(t.Context(), key, refresh)
		if err != nil {
			t.Fatal(err)
		}
		return app
	}
	app := get(argocd.NoRefresh)
	for range 3 {
		if op := app.Running(); op == nil {
			break
		} else if op.Note("by") != "test" || app.Last() != nil {
			t.Errorf("running %+v", op)
		}
		app = get(argocd.NoRefresh)
	}
	last := app.Last()
	if last == nil || !last.Succeeded() || last.Operation.Note("by") != "test" || !slices.Equal(last.Revisions(), []string{"abc"}) {
		t.Fatalf("ended as %+v", last)
	}
	if !app.Stale() || get(argocd.NormalRefresh).Stale() {
		t.Error("health is news before Argo CD looked, or is none afterwards")
	}
	if s.Syncs("web") != 1 {
		t.Errorf("%d syncs", s.Syncs("web"))
	}
}

func TestAPatchKeepsWhatItIsNotAbout(t *testing.T) {
	t.Parallel()
	s, c := fake(t, web)
	app, err := c.Get(t.Context(), argocd.Key{Name: "web", Project: "shop"}, argocd.NoRefresh)
	if err != nil {
		t.Fatal(err)
	}
	patch, err := app.Edit([]argocd.Update{{
		RepoURL: "git@github.com:acme/gitops", Revision: "abc", SetTarget: true,
		KustomizeImages: []string{"web:1"}, HelmParameters: []argocd.HelmParameter{{Name: "image.tag", Value: "2"}, {Name: "new", Value: "y"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Patch(t.Context(), app.Key(), patch); err != nil {
		t.Fatal(err)
	}
	var got struct{ Spec map[string]any }
	if err := json.Unmarshal([]byte(s.Application("web")), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"project": "shop", "source": map[string]any{
		"repoURL": "https://github.com/acme/gitops.git", "targetRevision": "abc", "unknownToUs": map[string]any{"kept": true},
		"kustomize": map[string]any{"images": []any{"web:1"}},
		"helm": map[string]any{"parameters": []any{
			map[string]any{"name": "image.tag", "value": "2", "forceString": true}, map[string]any{"name": "other", "value": "x"}, map[string]any{"name": "new", "value": "y"},
		}},
	}}
	if diff := cmp.Diff(want, got.Spec); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := c.Patch(t.Context(), app.Key(), patch); err == nil {
		t.Error("a patch applies to what is not that way any more")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(s *argocdtest.Server, c *argocd.Client)
		call func(ctx context.Context, c argocd.Client) error
		want string
		is   func(e *argocd.Error) bool
	}{
		"an Application that is not there is hidden": {
			call: func(ctx context.Context, c argocd.Client) error {
				_, err := c.Get(ctx, argocd.Key{Name: "a/b"}, "")
				return err
			},
			want: "Application a/b: Argo CD answered 403: permission denied (there is none", is: (*argocd.Error).Hidden,
		},
		"one of another project is hidden": {
			call: func(ctx context.Context, c argocd.Client) error {
				_, err := c.Get(ctx, argocd.Key{Name: "web", Project: "x"}, "")
				return err
			},
			want: "403", is: (*argocd.Error).Hidden,
		},
		"one of another namespace is hidden": {
			call: func(ctx context.Context, c argocd.Client) error {
				_, err := c.Get(ctx, argocd.Key{Name: "web", Namespace: "x"}, "")
				return err
			},
			want: "Application x/web: ", is: (*argocd.Error).Hidden,
		},
		"a token that is not taken is said to be": {
			set:  func(_ *argocdtest.Server, c *argocd.Client) { c.Token = "x" },
			call: func(ctx context.Context, c argocd.Client) error { _, err := c.List(ctx, "", "a=b"); return err },
			want: "Applications: Argo CD answered 401: invalid session: token is malformed (the token is not", is: func(e *argocd.Error) bool { return !e.Hidden() },
		},
		"a sync window that is closed is no matter of rights": {
			set:  func(s *argocdtest.Server, _ *argocd.Client) { s.Deny("window") },
			call: func(ctx context.Context, c argocd.Client) error { return c.Sync(ctx, argocd.Key{Name: "web"}, nil) },
			want: "blocked by sync window", is: func(e *argocd.Error) bool { return e.Closed() && !e.Hidden() },
		},
		"a fault is temporary, and no page is quoted": {
			set: func(s *argocdtest.Server, _ *argocd.Client) {
				s.Fail(argocdtest.Fault{Method: "POST", Status: 502, Body: "<html>"})
			},
			call: func(ctx context.Context, c argocd.Client) error { return c.Sync(ctx, argocd.Key{Name: "web"}, nil) },
			want: "Application web: Argo CD answered 502", is: (*argocd.Error).Temporary,
		},
		"what is said is cut to a line": {
			set: func(s *argocdtest.Server, _ *argocd.Client) {
				s.Fail(argocdtest.Fault{Method: "POST", Status: 400, Body: "a\nb\x00c" + strings.Repeat("x", 5000)})
			},
			call: func(ctx context.Context, c argocd.Client) error { return c.Sync(ctx, argocd.Key{Name: "web"}, nil) },
			want: "a b cxxx", is: func(e *argocd.Error) bool { return len(e.Message) < 400 && !e.Temporary() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := fake(t, web)
			if tt.set != nil {
				tt.set(s, &c)
			}
			err := tt.call(t.Context(), c)
			var refused *argocd.Error
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || !tt.is(refused) {
				t.Errorf("%v: %+v", err, refused)
			}
		})
	}
}

func TestNamesLeadNowhereElse(t *testing.T) {
	t.Parallel()
	s, c := fake(t, web)
	for _, name := range []string{".", "..", "../x", "a?b=c", "a#b", "%2e%2e"} {
		if _, err := c.Get(t.Context(), argocd.Key{Name: name}, ""); err == nil {
			t.Errorf("there is an Application %s", name)
		}
	}
	for _, call := range s.Calls() {
		if _, rest, _ := strings.Cut(call, "/api/v1/applications/"); rest == "" || strings.Contains(rest, "/") || rest == "." || rest == ".." {
			t.Errorf("called %s", call)
		}
	}
}

func TestListFindsNamesByLabels(t *testing.T) {
	t.Parallel()
	_, c := fake(t, web, "metadata: {name: api, namespace: apps, labels: {tier: back}}", "metadata: {name: db}")
	for selector, want := range map[string][]argocd.Key{
		"tier=front":          {{Name: "web", Namespace: "argocd"}},
		"tier":                {{Name: "web", Namespace: "argocd"}, {Name: "api", Namespace: "apps"}},
		"!tier":               {{Name: "db", Namespace: "argocd"}},
		"tier in (none,null)": {},
	} {
		got, err := c.List(t.Context(), "", selector)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", selector, err, diff)
		}
	}
	if got, err := c.List(t.Context(), "apps", "tier"); err != nil || len(got) != 1 {
		t.Errorf("of one namespace: %v %v", got, err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	c := argocd.Client{Server: "https://acme.dev/argo/"}
	for key, want := range map[argocd.Key]string{
		{Name: "web"}:                     "https://acme.dev/argo/applications/web",
		{Name: "a/b?c", Namespace: "n s"}: "https://acme.dev/argo/applications/n%20s/a%2Fb%3Fc",
	} {
		if got := c.Page(key); got != want {
			t.Errorf("%v is at %s, want %s", key, got, want)
		}
	}
	for server, fine := range map[string]bool{
		"https://argocd.acme.dev": true, "http://10.0.0.1:8080/argo": true,
		"argocd.acme.dev": false, "ftp://argocd": false, "https://user:pass@argocd": false, "https://argocd?x=y": false, "https://": false, ":": false,
	} {
		if err := argocd.CheckServer(server); (err == nil) != fine {
			t.Errorf("%s: %v", server, err)
		}
	}
}

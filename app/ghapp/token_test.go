package ghapp_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/ghapp"
	"github.com/kargo-app/kargo/pipeline"
)

const mint = "POST /app/installations/7/access_tokens"

func TestTokenIsNarrowedToTheRepositoryAndWhatIsNeeded(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(200, openPull))
	for range 3 {
		if err := o.getPull(); err != nil {
			t.Fatal(err)
		}
	}
	want := []map[string]any{{
		"repository_ids": []any{1007.0},
		"permissions": map[string]any{
			"metadata": "read", "contents": "write", "pull_requests": "write", "issues": "write", "actions": "write", "checks": "write",
			"statuses": "read", "deployments": "write",
		},
	}}
	if d := cmp.Diff(want, o.mints); d != "" {
		t.Errorf("mints (-want +got):\n%s", d)
	}
}

func TestOneMintServesManyCallers(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(200, openPull))
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := o.getPull(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(o.mints) != 1 {
		t.Errorf("%d mints", len(o.mints))
	}
}

func TestMissingPermissionWidensPermissionsButNotRepositories(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, refuse(422, "The permissions requested are not granted to this installation."), say(201, `{"token":"ghs_1","expires_at":"2099-01-01T00:00:00Z"}`))
	o.on(pullOne, say(200, openPull))
	if err := o.getPull(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"repository_ids": []any{1007.0}}, o.mints[1]); d != "" {
		t.Error(d)
	}
}

func TestRepositoryThatLeftTheInstallationSaysSo(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, refuse(422, "There is at least one repository that does not exist or is not accessible to the parent installation."))
	o.on("GET /repos/acme/gitops/installation", refuse(404, "Not Found"))
	if err := o.getPull(); !errors.Is(err, ghapp.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
}

func TestMintThatFailsIsNotRepeatedForEachTryOfTheRequest(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, say(502, ""))
	if _, transient := pipeline.IsTransient(o.getPull()); !transient || len(o.mints) != 3 {
		t.Errorf("transient %t after %d mints", transient, len(o.mints))
	}
}

func TestRevokedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(200, openPull), refuse(401, "Bad credentials"), say(200, openPull), refuse(401, "Bad credentials"))
	for range 2 {
		if err := o.getPull(); err != nil {
			t.Fatal(err)
		}
	}
	if len(o.mints) != 2 || o.auth[1] == o.auth[2] {
		t.Errorf("%d mints, tokens %q", len(o.mints), o.auth)
	}
	if err := o.getPull(); err == nil || len(o.requests()) != 5 {
		t.Errorf("got %v after %d requests, want an error after one repetition", err, len(o.requests()))
	}
}

func TestSuspensionIsAPause(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(o *odd){
		"when minting": func(o *odd) { o.on(mint, refuse(403, "This installation has been suspended")) },
		"when calling": func(o *odd) { o.on(pullOne, refuse(403, "This installation has been suspended")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOdd(t)
			prepare(o)
			err := o.getPull()
			if _, transient := pipeline.IsTransient(err); !transient || !errors.Is(err, ghapp.ErrSuspended) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestChangedInstallationGetsNewTokens(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(pullOne, say(200, openPull))
	for _, installation := range []int64{8, 7} {
		if err := o.getPull(); err != nil {
			t.Fatal(err)
		}
		o.app.InstallationChanged(installation)
	}
	if err := o.getPull(); err != nil || len(o.mints) != 2 {
		t.Errorf("%v after %d mints, want 2", err, len(o.mints))
	}
}

func TestMintSurvivesA502(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, say(502, ""), say(201, `{"token":"ghs_1","expires_at":"2099-01-01T00:00:00Z"}`))
	o.on(pullOne, say(200, openPull))
	if err := o.getPull(); err != nil {
		t.Error(err)
	}
}

func TestInstallationIsAskedOfGitHubWhenNobodyKnowsIt(t *testing.T) {
	t.Parallel()
	o := newOdd(t, func(a *ghapp.Options) { a.Installations = nil })
	o.on("GET /repos/acme/gitops/installation", say(200, `{"id":7}`))
	o.on(pullOne, say(200, openPull))
	for range 2 {
		if err := o.getPull(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"GET /repos/acme/gitops/installation", "GET /repos/acme/gitops/pulls/1", "GET /repos/acme/gitops/pulls/1"}
	if d := cmp.Diff(want, o.requests()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]any{"gitops"}, o.mints[0]["repositories"]); d != "" {
		t.Error(d)
	}
}

func TestReinstalledAppIsFoundAgain(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	o.on(mint, refuse(404, "Not Found"))
	o.on("GET /repos/acme/gitops/installation", say(200, `{"id":8}`))
	o.on(pullOne, say(200, openPull))
	if err := o.getPull(); err != nil {
		t.Error(err)
	}
}

func TestAbsentInstallationSaysSo(t *testing.T) {
	t.Parallel()
	o := newOdd(t, func(a *ghapp.Options) { a.Installations = nil })
	o.on("GET /repos/acme/gitops/installation", refuse(404, "Not Found"))
	if err := o.getPull(); !errors.Is(err, ghapp.ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsGoOnlyToThisHost(t *testing.T) {
	t.Parallel()
	o := newOdd(t)
	for url, want := range map[string]bool{
		o.repoURL(): true, "https://github.com/acme/gitops": false, "https://evil.example/acme/gitops.git": false,
		"https://user@" + o.url[len("http://"):] + "/acme/gitops": false, o.url + "/acme/../gitops": false,
	} {
		_, token, err := o.app.Credentials(context.Background(), url)
		if err != nil || (token != "") != want {
			t.Errorf("%s: token %t, error %v", url, token != "", err)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ghapp.Options{
		"no App id": {PrivateKey: appKey()}, "no key": {AppID: 1}, "a key that is none": {AppID: 1, PrivateKeyPEM: []byte("x")},
		"a server without scheme":   {AppID: 1, PrivateKey: appKey(), ServerURL: "github.example"},
		"a server with credentials": {AppID: 1, PrivateKey: appKey(), ServerURL: "https://a:b@github.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ghapp.New(o); err == nil {
				t.Error("want an error")
			}
		})
	}
}

func TestEachHostHasItsLayout(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"": "https://api.github.com/app", "https://github.com/": "https://api.github.com/app",
		"https://ghe.example": "https://ghe.example/api/v3/app",
	} {
		var got string
		app, err := ghapp.New(ghapp.Options{AppID: 1, PrivateKey: appKey(), ServerURL: server, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return nil, errors.New("far enough")
		}), Sleep: (&clock{}).Sleep})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = app.Login(t.Context())
		if got != want {
			t.Errorf("%q: asked %s, want %s", server, got, want)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

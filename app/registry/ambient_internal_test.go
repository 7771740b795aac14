package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/kargo-app/kargo/pipeline"
)

// spied replaces what clouds would be asked.
func spied(t *testing.T, err error) (a *Ambient, asked *[]string, clock *time.Time) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a = NewAmbient(func() time.Time { return now })
	asked = &[]string{}
	for i := range a.clouds {
		c := &a.clouds[i]
		c.login = func(_ context.Context, host string) (authn.Authenticator, error) {
			*asked = append(*asked, c.name+" "+host)
			return authn.FromConfig(authn.AuthConfig{Username: c.name}), err
		}
	}
	return a, asked, &now
}

func resolve(t *testing.T, a *Ambient, repository string) string {
	t.Helper()
	repo, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := a.Resolve(repo)
	if err != nil {
		t.Fatal(err)
	}
	config, err := auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	return config.Username
}

func TestEachCloudIsAskedForItsOwnHostsOnly(t *testing.T) {
	t.Parallel()
	const ecr, gar, acr = "Amazon ECR", "Google Artifact Registry", "Azure Container Registry"
	tests := map[string]string{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/web":          ecr,
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web": ecr,
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/web":      ecr,
		"123456789012.dkr-ecr.eu-west-1.on.aws/web":                 ecr,
		"gcr.io/project/web":                           gar,
		"eu.gcr.io/project/web":                        gar,
		"europe-west1-docker.pkg.dev/project/repo/web": gar,
		"acme.azurecr.io/web":                          acr,
		"acme.azurecr.cn/web":                          acr,
		"ghcr.io/acme/web":                             "",
		"acme/web":                                     "",
		"public.ecr.aws/acme/web":                      "",
		"acme.azurecr.io.example.com/web":              "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com/web":      "",
		"evil.example.com/123456789012.dkr.ecr.eu-west-1.amazonaws.com/web": "",
		"pkg.dev.example.com/web": "",
		"notgcr.io/web":           "",
		"gcr.io:8443/web":         "",
	}
	for repository, want := range tests {
		a, asked, _ := spied(t, nil)
		if got := resolve(t, a, repository); got != want {
			t.Errorf("%s: %q, want %q", repository, got, want)
		}
		if want == "" && len(*asked) > 0 {
			t.Errorf("%s: asked %v", repository, *asked)
		}
	}
}

func TestAnIdentityIsAskedForNowAndThen(t *testing.T) {
	t.Parallel()
	a, asked, now := spied(t, nil)
	for range 3 {
		resolve(t, a, "acme.azurecr.io/web")
	}
	*now = now.Add(ambientLife)
	resolve(t, a, "acme.azurecr.io/other")
	want := []string{"Azure Container Registry acme.azurecr.io", "Azure Container Registry acme.azurecr.io"}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutIdentityRequestsAreAnonymousAndTheReasonIsKept(t *testing.T) {
	t.Parallel()
	a, asked, now := spied(t, errors.New("no metadata service"))
	for range 2 {
		if got := resolve(t, a, "gcr.io/project/web"); got != "" {
			t.Errorf("asks as %q", got)
		}
	}
	if err := a.Why("gcr.io"); err == nil || err.Error() != "identity for Google Artifact Registry: no metadata service" {
		t.Errorf("reason %v", err)
	}
	if err := (Chain{nil, a}).Why("gcr.io"); err == nil {
		t.Error("a chain does not pass the reason on")
	}
	if err := a.Why("ghcr.io"); err != nil {
		t.Errorf("a reason for a host of no cloud: %v", err)
	}
	*now = now.Add(ambientRetry)
	resolve(t, a, "gcr.io/project/web")
	if len(*asked) != 2 {
		t.Errorf("asked %v", *asked)
	}
	repo, err := name.NewRepository("gcr.io/project/web")
	if err != nil {
		t.Fatal(err)
	}
	var refusal *pipeline.UserError
	if err := explain(&transport.Error{StatusCode: http.StatusForbidden}, repo, "", a.Why); !errors.As(err, &refusal) ||
		!strings.Contains(refusal.Hint, "no metadata service") {
		t.Errorf("the refusal does not tell: %v", err)
	}
}

func TestAHelperThatPanicsIsAReason(t *testing.T) {
	t.Parallel()
	a, _, _ := spied(t, nil)
	a.clouds[0].login = func(context.Context, string) (authn.Authenticator, error) { panic("cannot read ~/.aws/config") }
	resolve(t, a, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web")
	if err := a.Why("123456789012.dkr.ecr.eu-west-1.amazonaws.com"); err == nil || !strings.Contains(err.Error(), "~/.aws/config") {
		t.Errorf("reason %v", err)
	}
}

func TestACallerThatLeavesIsNoReason(t *testing.T) {
	t.Parallel()
	a, _, _ := spied(t, nil)
	started := make(chan struct{})
	a.clouds[1].login = func(ctx context.Context, _ string) (authn.Authenticator, error) {
		close(started)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	repo, err := name.NewRepository("gcr.io/project/web")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ResolveContext(ctx, repo); err != nil {
		t.Fatal(err)
	}
	if err := a.Why("gcr.io"); err != nil {
		t.Errorf("reason %v", err)
	}
}

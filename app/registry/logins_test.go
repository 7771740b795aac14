package registry_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func password(text string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return text, nil }
}

func TestWhichAccountCoversARepository(t *testing.T) {
	t.Parallel()
	account := func(url string, regex bool) registry.Login {
		return registry.Login{Kind: pipeline.ImageArtifact, URL: url, Regex: regex, Username: url, Password: password("x")}
	}
	tests := map[string]struct {
		accounts   []registry.Login
		repository string
		want       string // the account's URL, empty for none
	}{
		"the exact one before a broader one, whatever their order": {
			[]registry.Login{account("ghcr.io", false), account("ghcr.io/acme/web", false), account("ghcr.io/acme", false)},
			"ghcr.io/acme/web", "ghcr.io/acme/web",
		},
		"the longest path above it": {
			[]registry.Login{account("ghcr.io", false), account("ghcr.io/acme", false)}, "ghcr.io/acme/web", "ghcr.io/acme",
		},
		"a path ends at a slash":                    {[]registry.Login{account("ghcr.io/acme", false)}, "ghcr.io/acme-evil/web", ""},
		"a host is the whole host":                  {[]registry.Login{account("ghcr.io", false)}, "ghcr.io.example.com/acme/web", ""},
		"a port is part of the host":                {[]registry.Login{account("r.example.com", false)}, "r.example.com:5000/acme/web", ""},
		"what is named before an expression":        {[]registry.Login{account("ghcr.io/.*", true), account("ghcr.io", false)}, "ghcr.io/acme/web", "ghcr.io"},
		"expressions in the order of their text":    {[]registry.Login{account("ghcr.io/b?.*", true), account("ghcr.io/a.*", true)}, "ghcr.io/acme/web", "ghcr.io/a.*"},
		"an expression matches the whole address":   {[]registry.Login{account("ghcr.io/acme", true)}, "evil.example.com/ghcr.io/acme", ""},
		"an expression may be anchored already":     {[]registry.Login{account("^ghcr.io/acme/.*$", true)}, "ghcr.io/acme/web", "^ghcr.io/acme/.*$"},
		"an expression for Docker Hub":              {[]registry.Login{account("docker.io/acme/.*", true)}, "acme/web", "docker.io/acme/.*"},
		"Docker Hub by another name":                {[]registry.Login{account("https://docker.io", false)}, "acme/web", "https://docker.io"},
		"a scheme and a slash are no part of it":    {[]registry.Login{account("https://GHCR.io/acme/", false)}, "ghcr.io/acme/web", "https://GHCR.io/acme/"},
		"none, if there is none":                    {nil, "ghcr.io/acme/web", ""},
		"an account for charts is not for an image": {[]registry.Login{{Kind: pipeline.ChartArtifact, URL: "ghcr.io", Password: password("x")}}, "ghcr.io/acme/web", ""},
		"an account for Git is not for an image":    {[]registry.Login{{Kind: pipeline.GitArtifact, URL: "ghcr.io", Password: password("x")}}, "ghcr.io/acme/web", ""},
		"an account for anything is": {
			[]registry.Login{{URL: "ghcr.io", Username: "any", Password: password("x")}}, "ghcr.io/acme/web", "any",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := usernameOf(t, pipeline.ImageArtifact, tt.accounts, tt.repository); got != tt.want {
				t.Errorf("took %q, want %q", got, tt.want)
			}
		})
	}
	images := []registry.Login{account("ghcr.io", false)}
	if got := usernameOf(t, pipeline.ChartArtifact, images, "ghcr.io/acme/charts/web"); got != "ghcr.io" {
		t.Errorf("an account for images does not serve an OCI chart: %q", got)
	}
	both := append(images, registry.Login{Kind: pipeline.ChartArtifact, URL: "ghcr.io", Username: "charts", Password: password("x")})
	if got := usernameOf(t, pipeline.ChartArtifact, both, "ghcr.io/acme/charts/web"); got != "charts" {
		t.Errorf("an account for charts does not come first: %q", got)
	}
	if _, err := registry.NewLogins(pipeline.ImageArtifact, []registry.Login{account("(", true)}); err == nil {
		t.Error("an expression that is none is accepted")
	}
}

func usernameOf(t *testing.T, kind pipeline.ArtifactKind, accounts []registry.Login, repository string) string {
	t.Helper()
	l, err := registry.NewLogins(kind, accounts)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := l.Resolve(repo)
	if err != nil {
		t.Fatal(err)
	}
	config, err := auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	return config.Username
}

// guarded demands an account for everything.
func guarded(s *server, want string) {
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		user, pass, _ := r.BasicAuth()
		if user+":"+pass == want {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
}

func TestOwnAccountsComeBeforeTheServers(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	guarded(s, "own:secret")
	c, _ := client(t, registry.Options{Keychain: login{host: s.host(), user: "server", password: "other"}})
	repo := discover.Repository{URL: s.repo("acme/web")}
	_, err := c.Tags(t.Context(), repo)
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Hint, "kargo credentials add") {
		t.Errorf("the server's account is refused: %v", err)
	}
	own, err := registry.NewLogins(pipeline.ImageArtifact, []registry.Login{{URL: s.host(), Username: "own", Password: password("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.With("acme/deploy", own, nil).Tags(t.Context(), repo)
	if diff := cmp.Diff([]string{"1.0.0"}, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
	if _, err := c.With("acme/other", nil, nil).Tags(t.Context(), repo); err == nil {
		t.Error("an owner without accounts reads with another's")
	}
}

func TestAPasswordThatCannotBeHadIsExplained(t *testing.T) {
	t.Parallel()
	s := start(t)
	broken, err := registry.NewLogins(pipeline.ImageArtifact, []registry.Login{{
		URL: s.host(), Password: func(context.Context) (string, error) { return "", errors.New("sealed with another key") },
	}})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := client(t, registry.Options{})
	_, err = c.With("acme/deploy", broken, nil).Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Message, "credentials for "+s.host()) || !strings.Contains(user.Hint, "sealed with another key") {
		t.Errorf("error %v", err)
	}
	if len(s.asked()) > 0 {
		t.Error("the registry was asked without them")
	}
}

func TestCredentialsDoNotTravelOverPlainHTTP(t *testing.T) {
	t.Parallel()
	c, _ := client(t, registry.Options{Keychain: login{host: "registry.example.com", user: "ana", password: "secret"}})
	_, err := c.Versions(t.Context(), discover.ChartRepository{URL: "http://registry.example.com/charts", Name: "web"})
	if err == nil || !strings.Contains(err.Error(), "plain HTTP") {
		t.Errorf("error %v", err)
	}
}

var _ authn.Keychain = login{}

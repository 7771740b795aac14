package registry_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

type anonymous struct{}

func (anonymous) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

var built = time.Date(2025, 5, 1, 8, 0, 0, 0, time.UTC)

func semVer(s *server, repo string, constraint string) pipeline.Warehouse {
	return pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Image: &pipeline.ImageSubscription{
		RepoURL: s.repo(repo), Constraint: constraint, StrictSemvers: true, DiscoveryLimit: 20,
		ImageSelectionStrategy: pipeline.ImageSemVer,
	}}}}
}

func TestSemVerOverAThousandTagsIsAListingAndOneLook(t *testing.T) {
	t.Parallel()
	s := start(t)
	newest := image(t, built, "linux", "amd64", "")
	config, err := newest.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	s.push(t, "acme/web", "v1.999.0", newest)
	for i := range 999 {
		s.extra = append(s.extra, fmt.Sprintf("v1.%d.0", i))
	}
	c, clk := client(t, registry.Options{})
	d := discover.Discoverer{Images: c, Now: clk.Now}
	w := semVer(s, "acme/web", "^1.0.0")

	first, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /v2/", "GET /v2/acme/web/tags/list", "GET /v2/acme/web/manifests/v1.999.0",
		"GET /v2/acme/web/blobs/" + config.String(), // its labels
	}
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("requests of the first discovery (-want +got):\n%s", diff)
	}
	freight, ok := first.Freight()
	if !ok || freight.Images[0].Tag != "v1.999.0" || freight.Images[0].Digest == "" {
		t.Fatalf("Freight is %+v", freight)
	}

	if _, err := d.Discover(t.Context(), w, discover.Previous{Freight: &freight}); err != nil {
		t.Fatal(err)
	}
	want = []string{"GET /v2/acme/web/tags/list", "HEAD /v2/acme/web/manifests/v1.999.0"}
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("requests of the next discovery (-want +got):\n%s", diff)
	}
}

func TestEveryPageOfTagsIsRead(t *testing.T) {
	t.Parallel()
	s := start(t)
	// The greatest version stands on the last page but one: 1.99.x sorts before 1.9999.
	s.push(t, "acme/web", "1.10000.0", image(t, built, "linux", "amd64", ""))
	for i := range 9_999 {
		s.extra = append(s.extra, fmt.Sprintf("1.%d.0", i))
	}
	c, _ := client(t, registry.Options{})
	tags, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
	if err != nil {
		t.Fatal(err)
	}
	if len(tags) != 10_000 || !slices.Contains(tags, "1.10000.0") {
		t.Errorf("got %d tags", len(tags))
	}
	if got := len(s.asked()); got != 11 { // the version check, and ten pages
		t.Errorf("made %d requests, want 11", got)
	}
}

func TestEndlessPagesAreAnError(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		w.Header().Set("Link", "<"+r.URL.Path+"?last=x>; rel=\"next\"")
		_, _ = w.Write([]byte(`{"tags":["a"]}`))
		return true
	})
	c, _ := client(t, registry.Options{})
	if _, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")}); err == nil {
		t.Error("no error")
	}
}

func TestTagsThatCannotExistAreLeftOut(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.extra = []string{"ok", "../../etc", "-x", ".x", "a b", "a\nb", strings.Repeat("a", 129), ""}
	c, _ := client(t, registry.Options{})
	tags, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ok"}, tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestIndexIsReadWithItsPlatforms(t *testing.T) {
	t.Parallel()
	s := start(t)
	amd, arm := image(t, built, "linux", "amd64", ""), image(t, built.Add(time.Hour), "linux", "arm64", "v8")
	arm = annotated(arm, map[string]string{"only": "arm"})
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}})
	index = mutate.Annotations(index, map[string]string{"both": "yes"}).(v1.ImageIndex)
	s.push(t, "acme/web", "1.0.0", index)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	c, clk := client(t, registry.Options{})
	tests := map[string]struct {
		platform string
		want     []pipeline.Image
	}{
		"an exact platform matches its entry and adds its annotations": {
			"linux/arm64/v8",
			[]pipeline.Image{{
				RepoURL: s.repo("acme/web"), Tag: "1.0.0", Digest: digest.String(),
				Annotations: map[string]string{"both": "yes", "only": "arm"},
			}},
		},
		"a platform without the variant does not match one with it": {"linux/arm64", nil},
		"a platform that is not there matches nothing":              {"windows/amd64", nil},
	}
	for name, tt := range tests {
		w := semVer(s, "acme/web", "")
		w.Subscriptions[0].Image.Platform = tt.platform
		d := discover.Discoverer{Images: c, Now: clk.Now}
		got, err := d.Discover(t.Context(), w, discover.Previous{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got.Subscriptions[0].Images); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	d := discover.Discoverer{Images: c, Now: clk.Now, Detail: true}
	got, err := d.Discover(t.Context(), semVer(s, "acme/web", ""), discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	if at := got.Subscriptions[0].Images[0].CreatedAt; !at.Equal(built.Add(time.Hour)) {
		t.Errorf("index was built at %v, want the time of its newest image", at)
	}
}

func TestSingleManifestMatchesThePlatformOfItsConfiguration(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	s.push(t, "acme/web", "1.1.0", image(t, built, "linux", "arm64", ""))
	c, clk := client(t, registry.Options{})
	d := discover.Discoverer{Images: c, Now: clk.Now}
	w := semVer(s, "acme/web", "")
	w.Subscriptions[0].Image.Platform = "linux/amd64"
	got, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	sub := got.Subscriptions[0]
	if len(sub.Images) != 1 || sub.Images[0].Tag != "1.0.0" {
		t.Errorf("images are %+v", sub.Images)
	}
	want := []pipeline.RejectedArtifact{{Ref: "1.1.0", Reason: "is not for linux/amd64, only for linux/arm64"}}
	if diff := cmp.Diff(want, sub.Rejected); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

func TestAbsence(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	c, _ := client(t, registry.Options{})
	repo := discover.Repository{URL: s.repo("acme/web")}
	if _, err := c.Head(t.Context(), repo, "2.0.0"); !errors.Is(err, discover.ErrNotFound) {
		t.Errorf("HEAD of a tag that is not there: %v", err)
	}
	if _, err := c.Manifest(t.Context(), repo, "2.0.0"); !errors.Is(err, discover.ErrNotFound) {
		t.Errorf("GET of a tag that is not there: %v", err)
	}
	var user *pipeline.UserError
	if _, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/nothing")}); !errors.As(err, &user) {
		t.Errorf("a repository that is not there: %v", err)
	}
	if _, err := c.Tags(t.Context(), discover.Repository{URL: "UPPER CASE"}); !errors.As(err, &user) {
		t.Errorf("no name of a repository: %v", err)
	}
}

func TestHeadFallsBackToGet(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
		return r.Method == http.MethodHead
	})
	c, _ := client(t, registry.Options{})
	digest, err := c.Head(t.Context(), discover.Repository{URL: s.repo("acme/web")}, "1.0.0")
	if err != nil || !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("digest %q, error %v", digest, err)
	}
}

func TestRateLimitIsWaitedOut(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	limited := 2
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") || limited == 0 {
			return false
		}
		limited--
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	var statuses []int
	c, clk := client(t, registry.Options{Observe: func(r registry.Request) { statuses = append(statuses, r.Status) }})
	if _, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{3 * time.Second, 3 * time.Second}, clk.slept); diff != "" {
		t.Errorf("slept (-want +got):\n%s", diff)
	}
	// The first is the version check over HTTPS, which this registry does not speak.
	if diff := cmp.Diff([]int{0, 200, 429, 429, 200}, statuses); diff != "" {
		t.Errorf("observed statuses (-want +got):\n%s", diff)
	}
}

func TestLongRateLimitIsTransientAndKeepsOtherQuestionsAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	c, clk := client(t, registry.Options{})
	for range 2 {
		_, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
		if after, ok := pipeline.IsTransient(err); !ok || after != 10*time.Minute {
			t.Errorf("error %v, retry after %v", err, after)
		}
	}
	if got := len(s.asked()); got != 2 { // the version check and one listing
		t.Errorf("made %d requests, want 2", got)
	}
	if len(clk.slept) != 0 {
		t.Errorf("slept %v", clk.slept)
	}
}

func TestServerErrorsAreTransientAfterThreeAttempts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	c, _ := client(t, registry.Options{})
	_, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
	if _, ok := pipeline.IsTransient(err); !ok {
		t.Errorf("error %v", err)
	}
	if got := len(s.asked()); got != 4 {
		t.Errorf("made %d requests, want 4", got)
	}
}

func TestARegistryThatIsDownIsTransient(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Close()
	c, _ := client(t, registry.Options{})
	_, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")})
	if _, ok := pipeline.IsTransient(err); !ok {
		t.Errorf("error %v", err)
	}
}

func TestHugeAnswerIsAnError(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		_, _ = w.Write([]byte(`{"name":"`))
		chunk := []byte(strings.Repeat("x", 1<<20))
		for range 40 {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		return true
	})
	c, _ := client(t, registry.Options{})
	if _, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

// Not parallel: DOCKER_CONFIG belongs to the process.
func TestCredentialsComeFromTheDockerConfiguration(t *testing.T) {
	s := start(t)
	const secret = "hunter2-very-secret"
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("robot:"+secret))
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == want {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("HOME", dir)
	write := func(password string) {
		auth := base64.StdEncoding.EncodeToString([]byte("robot:" + password))
		config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, s.host(), auth)
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := client(t, registry.Options{Keychain: authn.DefaultKeychain})
	repo := discover.Repository{URL: s.repo("acme/web")}

	write("wrong-" + secret)
	_, err := c.Tags(t.Context(), repo)
	var user *pipeline.UserError
	if !errors.As(err, &user) || !strings.Contains(user.Message, "refused access") {
		t.Fatalf("with the wrong password: %v", err)
	}
	if all := fmt.Sprintf("%v %v %+v", err, user.Err, user); strings.Contains(all, secret) {
		t.Errorf("the error tells the password: %s", all)
	}
	// Credentials that were refused are not held on to.
	write(secret)
	if tags, err := c.Tags(t.Context(), repo); err != nil || len(tags) != 1 {
		t.Errorf("with the right password: %v, %v", tags, err)
	}
}

func TestPlainHTTPIsForLoopbackAndListedHosts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/web", "1.0.0", image(t, built, "linux", "amd64", ""))
	c, _ := client(t, registry.Options{})
	if _, err := c.Tags(t.Context(), discover.Repository{URL: s.repo("acme/web")}); err != nil {
		t.Errorf("loopback: %v", err)
	}
	// Go-containerregistry takes private addresses for plain HTTP; the metadata
	// service's is not dialled at all.
	for _, host := range []string{"169.254.169.254", "[fe80::1]:5000"} {
		_, err := c.Tags(t.Context(), discover.Repository{URL: host + "/acme/web"})
		var user *pipeline.UserError
		if !errors.As(err, &user) || !strings.Contains(user.Message, "link-local") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

package registry_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline"
)

// chartImage is a chart as Helm pushes it to an OCI registry.
func chartImage(t *testing.T, archive []byte, media types.MediaType) v1.Image {
	t.Helper()
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer: static.NewLayer(archive, media),
	})
	if err != nil {
		t.Fatal(err)
	}
	return mutate.ConfigMediaType(img, "application/vnd.cncf.helm.config.v1+json")
}

const chartMedia = types.MediaType("application/vnd.cncf.helm.chart.content.v1.tar+gzip")

func TestChartsComeFromOCIRegistries(t *testing.T) {
	t.Parallel()
	s := start(t)
	archive := []byte("a packed chart")
	s.push(t, "charts/web", "1.2.3_build.5", chartImage(t, archive, chartMedia))
	s.push(t, "charts/web", "1.0.0", chartImage(t, []byte("old"), chartMedia))
	s.push(t, "charts/image", "1.0.0", chartImage(t, []byte("x"), types.OCILayer))
	c, _ := client(t, registry.Options{})
	repository := "oci://" + s.repo("charts")

	versions, err := c.ChartVersions(t.Context(), repository+"/", "web")
	slices.Sort(versions)
	if diff := cmp.Diff([]string{"1.0.0", "1.2.3+build.5"}, versions); err != nil || diff != "" {
		t.Errorf("versions %v (-want +got):\n%s", err, diff)
	}
	got, err := c.PullChart(t.Context(), repository, "web", "1.2.3+build.5")
	if err != nil || !bytes.Equal(got, archive) {
		t.Errorf("pulled %q, %v", got, err)
	}
	for rule, at := range map[string][2]string{"another version": {"web", "9.9.9"}, "another chart": {"nope", "1.0.0"}, "an image": {"image", "1.0.0"}} {
		_, err := c.PullChart(t.Context(), repository, at[0], at[1])
		var refusal *pipeline.UserError
		if !errors.As(err, &refusal) {
			t.Errorf("%s: error %v, want one for users", rule, err)
		}
	}
}

func TestOCIChartsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "charts/big", "1.0.0", chartImage(t, make([]byte, 17<<20), chartMedia))
	c, _ := client(t, registry.Options{})
	if _, err := c.PullChart(t.Context(), "oci://"+s.repo("charts"), "big", "1.0.0"); err == nil || !strings.Contains(err.Error(), "more than 16 MiB") {
		t.Errorf("error %v", err)
	}
}

// classicCharts serves an index and archives beneath /charts to who has an account.
func classicCharts(t *testing.T, index func(self string) string, archives map[string][]byte) *httptest.Server {
	t.Helper()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		data, ok := archives[r.URL.Path]
		switch {
		case user != "ana" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/charts/index.yaml":
			_, _ = w.Write([]byte(index(s.URL)))
		case ok:
			_, _ = w.Write(data)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestChartsComeFromClassicRepositories(t *testing.T) {
	t.Parallel()
	archive := []byte("a packed chart")
	sum := sha256.Sum256(archive)
	digest := hex.EncodeToString(sum[:])
	yaml := func(self string) string {
		return "apiVersion: v1\nentries:\n  web:\n" +
			"  - {version: 1.0.0, urls: [web-1.0.0.tgz], digest: " + digest + "}\n" +
			"  - version: 1.1.0\n    urls:\n    - " + self + "/charts/files/web-1.1.0.tgz\n" +
			"  - {version: 1.2.0, urls: [web-1.0.0.tgz], digest: " + strings.Repeat("0", 64) + "}\n" +
			"  - {version: 1.3.0, urls: ['http://127.0.0.2:1/web.tgz']}\n" +
			"  - {version: 1.4.0, urls: ['file:///etc/passwd']}\n" +
			"  - {version: 1.5.0, urls: [gone.tgz]}\n" +
			"  - {version: 1.6.0}\n"
	}
	json := func(string) string {
		return `{"entries": {"web": [{"version": "1.0.0", "urls": ["web-1.0.0.tgz"], "digest": "` + digest + `"}]}}`
	}
	for style, index := range map[string]func(string) string{"YAML": yaml, "JSON": json} {
		s := classicCharts(t, index, map[string][]byte{"/charts/web-1.0.0.tgz": archive, "/charts/files/web-1.1.0.tgz": archive})
		base, _ := client(t, registry.Options{})
		logins, err := registry.NewLogins(pipeline.ChartArtifact, []registry.Login{{
			URL: s.URL + "/charts", Username: "ana", Password: func(context.Context) (string, error) { return "secret", nil },
		}})
		if err != nil {
			t.Fatal(err)
		}
		c := base.With("ana", logins, logins)
		got, err := c.PullChart(t.Context(), s.URL+"/charts", "web", "1.0.0")
		if err != nil || !bytes.Equal(got, archive) {
			t.Errorf("%s: pulled %q, %v", style, got, err)
		}
		if _, err := base.PullChart(t.Context(), s.URL+"/charts", "web", "1.0.0"); err == nil || !strings.Contains(err.Error(), "refused access") {
			t.Errorf("%s: without an account: %v", style, err)
		}
		if style == "JSON" {
			continue
		}
		if got, err := c.PullChart(t.Context(), s.URL+"/charts/", "web", "1.1.0"); err != nil || !bytes.Equal(got, archive) {
			t.Errorf("by address: pulled %q, %v", got, err)
		}
		for version, want := range map[string]string{
			"1.2.0": "digest", "1.3.0": "not one that is asked", "1.4.0": "not one that is asked",
			"1.5.0": "has no version 1.5.0", "1.6.0": "no address", "2.0.0": "has no version 2.0.0",
		} {
			if _, err := c.PullChart(t.Context(), s.URL+"/charts", "web", version); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q in it", version, err, want)
			}
		}
	}
}

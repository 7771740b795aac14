package registry_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func TestAClassicRepositorysCertificateIsAcceptedWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := &chartServer{index: index}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(elsewhere.Close)
	c, _ := client(t, registry.Options{})
	chart := s.chart("zed")
	chart.SkipTLSVerify = true
	if got, err := c.Versions(t.Context(), chart); err != nil || !slices.Equal(got, []string{"5.0.0"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.Versions(t.Context(), s.chart("zed")); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without being asked to: %v", err)
	}
	chart.URL = elsewhere.URL + "/charts"
	if _, err := c.Versions(t.Context(), chart); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("of the server that a redirect leads to: %v", err)
	}
}

func TestAnOCIChartsCertificateIsAcceptedWhereThatIsAskedFor(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.push(t, "acme/charts/web", "1.0.0", image(t, built, "", "", ""))
	private := httptest.NewTLSServer(s)
	t.Cleanup(private.Close)
	c, _ := client(t, registry.Options{})
	chart := discover.ChartRepository{URL: "oci://" + strings.TrimPrefix(private.URL, "https://") + "/acme/charts/web", SkipTLSVerify: true}
	if got, err := c.Versions(t.Context(), chart); err != nil || !slices.Equal(got, []string{"1.0.0"}) {
		t.Errorf("%v, %v", got, err)
	}
	chart.SkipTLSVerify = false
	if _, err := c.Versions(t.Context(), chart); err == nil {
		t.Error("accepted without being asked to")
	}
}

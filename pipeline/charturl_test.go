package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestNormalizeChartURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ raw, want string }{
		"an OCI chart is a repository of its registry": {"oci://ghcr.io/acme/charts/web/", "ghcr.io/acme/charts/web"},
		"an OCI chart on Docker Hub":                   {"OCI://docker.io/acme/web", "index.docker.io/acme/web"},
		"a name without a scheme is an OCI chart's":    {"ghcr.io/acme/charts/web", "ghcr.io/acme/charts/web"},
		"the host of a classic repository has no case": {"HTTPS://Charts.Example.com/Stable/", "https://charts.example.com/Stable"},
		"credentials and queries are no part of it":    {"https://ana:x@charts.example.com?a=b#c", "https://charts.example.com"},
		"the address of the index is the repository's": {"https://charts.example.com/stable/index.yaml", "https://charts.example.com/stable"},
		"what is no address stays as it is":            {"not an address", "not an address"},
	}
	for name, tt := range tests {
		if got := pipeline.NormalizeChartURL(tt.raw); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

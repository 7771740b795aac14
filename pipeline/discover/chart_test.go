package discover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// fakeCharts is a chart repository.
type fakeCharts struct {
	calls
	versions []string
	err      error
}

func (f *fakeCharts) Versions(_ context.Context, c discover.ChartRepository) ([]string, error) {
	f.count("Versions " + strings.TrimSpace(c.URL+" "+c.Name))
	return append([]string(nil), f.versions...), f.err
}

func chartWarehouse(sub pipeline.ChartSubscription) pipeline.Warehouse {
	return pipeline.Warehouse{Name: "web", Subscriptions: []pipeline.Subscription{{Chart: &sub}}}
}

func versionsOf(d pipeline.DiscoveredSubscription) []string {
	out := []string{}
	for _, c := range d.Charts {
		out = append(out, c.Version)
	}
	return out
}

func TestChartVersions(t *testing.T) {
	t.Parallel()
	const classic, oci = "https://charts.example.com", "oci://ghcr.io/acme/charts/web"
	tests := map[string]struct {
		sub      pipeline.ChartSubscription
		versions []string
		want     []string
		rejected map[string]string
	}{
		"the greatest version comes first": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web"},
			[]string{"1.9.0", "1.10.0", "2.0.0", "1.0.0"},
			[]string{"2.0.0", "1.10.0", "1.9.0", "1.0.0"},
			nil,
		},
		"a classic repository's versions are read leniently, ties by the text, descending": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web"},
			[]string{"1.0", "1.0.0", "v1.1.0", "latest"},
			[]string{"v1.1.0", "1.0.0", "1.0"},
			map[string]string{"latest": "is not a semantic version"},
		},
		"an OCI repository's are read strictly, without a leading v": {
			pipeline.ChartSubscription{RepoURL: oci},
			[]string{"1.0", "1.0.0", "v1.1.0", "latest"},
			[]string{"1.0.0"},
			map[string]string{
				"1.0":    "is not a strict semantic version (MAJOR.MINOR.PATCH)",
				"v1.1.0": "is not a version of an OCI chart, which has no leading v",
				"latest": "is not a semantic version",
			},
		},
		"an underscore in an OCI tag stands for a plus sign": {
			pipeline.ChartSubscription{RepoURL: oci},
			[]string{"1.0.0_build.2", "1.0.0_build.10"},
			[]string{"1.0.0+build.2", "1.0.0+build.10"},
			nil,
		},
		"a constraint excludes versions and prereleases": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web", SemverConstraint: "^1.0.0"},
			[]string{"0.9.0", "1.0.0", "1.1.0-rc.1", "2.0.0"},
			[]string{"1.0.0"},
			map[string]string{
				"0.9.0": "is outside ^1.0.0", "2.0.0": "is outside ^1.0.0",
				"1.1.0-rc.1": "is a prerelease, which ^1.0.0 does not include",
			},
		},
		"without a constraint prereleases qualify": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web"},
			[]string{"1.0.0", "1.1.0-rc.1"},
			[]string{"1.1.0-rc.1", "1.0.0"},
			nil,
		},
		"the limit keeps the greatest": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web", DiscoveryLimit: 2},
			[]string{"1.0.0", "3.0.0", "2.0.0"},
			[]string{"3.0.0", "2.0.0"},
			nil,
		},
		"a version that is listed twice is one": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web"},
			[]string{"1.0.0", "1.0.0"},
			[]string{"1.0.0"},
			nil,
		},
		"a chart that is not in the index is none, and said so": {
			pipeline.ChartSubscription{RepoURL: classic, Name: "web"},
			nil,
			[]string{},
			map[string]string{"web": "the repository's index.yaml has no such chart"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fakeCharts{versions: tt.versions}
			got := find(t, &discover.Discoverer{Charts: f}, chartWarehouse(tt.sub), discover.Previous{})
			if diff := cmp.Diff(tt.want, versionsOf(got)); diff != "" {
				t.Errorf("versions (-want +got):\n%s", diff)
			}
			want := tt.rejected
			if want == nil {
				want = map[string]string{}
			}
			if diff := cmp.Diff(want, reasons(got)); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAChartIsOneListingWhateverTheLimit(t *testing.T) {
	t.Parallel()
	f := &fakeCharts{}
	for i := range 1000 {
		f.versions = append(f.versions, fmt.Sprintf("1.%d.0", i))
	}
	for _, detail := range []bool{false, true} {
		d := &discover.Discoverer{Charts: f, Detail: detail}
		got := find(t, d, chartWarehouse(pipeline.ChartSubscription{
			RepoURL: "https://charts.example.com", Name: "web", DiscoveryLimit: 100,
		}), discover.Previous{})
		if len(got.Charts) != 100 || got.Charts[0].Version != "1.999.0" {
			t.Errorf("detail %v: %d charts, first %+v", detail, len(got.Charts), got.Charts[0])
		}
		if diff := cmp.Diff(map[string]int{"Versions https://charts.example.com web": 1}, f.reset()); diff != "" {
			t.Errorf("detail %v: asked (-want +got):\n%s", detail, diff)
		}
	}
}

func TestChartBecomesFreight(t *testing.T) {
	t.Parallel()
	d := &discover.Discoverer{Charts: &fakeCharts{versions: []string{"1.2.3"}}, Now: func() time.Time { return noon }}
	w := chartWarehouse(pipeline.ChartSubscription{RepoURL: "oci://ghcr.io/acme/charts/web"})
	w.Subscriptions[0].Name = "platform"
	got, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	freight, ok := got.Freight()
	want := []pipeline.Chart{{RepoURL: "oci://ghcr.io/acme/charts/web", Version: "1.2.3", Subscription: "platform"}}
	if diff := cmp.Diff(want, freight.Charts); !ok || diff != "" {
		t.Errorf("Freight %v (-want +got):\n%s", ok, diff)
	}
}

func TestChartErrorsNameTheChart(t *testing.T) {
	t.Parallel()
	cause := errors.New("boom")
	d := &discover.Discoverer{Charts: &fakeCharts{err: cause}}
	_, err := d.Discover(t.Context(), chartWarehouse(pipeline.ChartSubscription{RepoURL: "https://x", Name: "web"}), discover.Previous{})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "subscription chart web of https://x: list versions") {
		t.Errorf("error %v", err)
	}
}

package discover_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func find(t *testing.T, d *discover.Discoverer, w pipeline.Warehouse, since discover.Previous) pipeline.DiscoveredSubscription {
	t.Helper()
	if d.Now == nil {
		d.Now = func() time.Time { return noon }
	}
	got, err := d.Discover(t.Context(), w, since)
	if err != nil {
		t.Fatal(err)
	}
	return got.Subscriptions[0]
}

func TestImageOrder(t *testing.T) {
	t.Parallel()
	type sub = pipeline.ImageSubscription
	tests := map[string]struct {
		sub  sub
		tags []string
		want []string
	}{
		"versions are compared as versions": {
			sub{StrictSemvers: true}, []string{"1.9.0", "1.10.0", "1.2.0"}, []string{"1.10.0", "1.9.0", "1.2.0"},
		},
		"what is no version is out": {
			sub{StrictSemvers: true}, []string{"latest", "1.0.0", "main-abc"}, []string{"1.0.0"},
		},
		"a leading v is fine": {
			sub{StrictSemvers: true, Constraint: "^1.0.0"}, []string{"v1.1.0", "1.0.0"}, []string{"v1.1.0", "1.0.0"},
		},
		"strict demands three numbers": {
			sub{StrictSemvers: true}, []string{"1.0.0", "1.1", "2", "v2.1"}, []string{"1.0.0"},
		},
		"lenient fills in zeros, and equal versions stand in descending order of their text": {
			sub{}, []string{"1.0", "1.0.0", "1"}, []string{"1.0.0", "1.0", "1"},
		},
		"build metadata does not order": {
			sub{StrictSemvers: true}, []string{"1.0.0+b", "1.0.0+a"}, []string{"1.0.0+b", "1.0.0+a"},
		},
		"a constraint without a prerelease excludes prereleases": {
			sub{StrictSemvers: true, Constraint: "^1.0.0"}, []string{"1.2.0-rc.1", "1.1.0", "2.0.0"}, []string{"1.1.0"},
		},
		"a constraint with a prerelease includes prereleases": {
			sub{StrictSemvers: true, Constraint: "^1.0.0-0"}, []string{"1.2.0-rc.1", "1.1.0"}, []string{"1.2.0-rc.1", "1.1.0"},
		},
		"without a constraint prereleases qualify": {
			sub{StrictSemvers: true}, []string{"1.2.0-rc.1", "1.1.0"}, []string{"1.2.0-rc.1", "1.1.0"},
		},
		"Lexical compares bytes": {
			sub{ImageSelectionStrategy: pipeline.ImageLexical},
			[]string{"2025-01-01", "2025-02-01", "B", "a"},
			[]string{"a", "B", "2025-02-01", "2025-01-01"},
		},
		"the limit bounds what is listed": {
			sub{ImageSelectionStrategy: pipeline.ImageLexical, DiscoveryLimit: 2}, []string{"a", "b", "c"}, []string{"c", "b"},
		},
		"allow patterns are alternatives and not anchored": {
			sub{ImageSelectionStrategy: pipeline.ImageLexical, AllowTagsRegexes: []string{"rel", "^x"}},
			[]string{"my-release", "x1", "ax"},
			[]string{"x1", "my-release"},
		},
		"ignore beats allow": {
			sub{ImageSelectionStrategy: pipeline.ImageLexical, AllowTagsRegexes: []string{"."}, IgnoreTagsRegexes: []string{"beta"}},
			[]string{"1-beta", "1"},
			[]string{"1"},
		},
		"Digest follows one tag and knows no patterns": {
			sub{ImageSelectionStrategy: pipeline.ImageDigest, Constraint: "latest", IgnoreTagsRegexes: []string{"latest"}},
			[]string{"latest", "1.0.0"},
			[]string{"latest"},
		},
		"Digest of a tag that does not exist is nothing": {
			sub{ImageSelectionStrategy: pipeline.ImageDigest, Constraint: "gone"}, []string{"latest"}, []string{},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, detail := range []bool{false, true} {
				d := &discover.Discoverer{Images: tagged(tt.tags...), Detail: detail}
				got := find(t, d, imageWarehouse(tt.sub), discover.Previous{})
				if diff := cmp.Diff(tt.want, refs(got)); diff != "" {
					t.Errorf("detail %v (-want +got):\n%s", detail, diff)
				}
				for i, image := range got.Images {
					if complete := image.Digest == "d-"+image.Tag; complete != (detail || i == 0) {
						t.Errorf("detail %v: image %d has digest %q", detail, i, image.Digest)
					}
				}
			}
		})
	}
}

func TestRejectionsSayWhy(t *testing.T) {
	t.Parallel()
	f := tagged("1.0.0", "1.2.0-rc.1", "2.0.0", "1.5", "latest", "1.1.0-beta", "0.9.0-x")
	f.tags["1.9.0"] = nil
	d := &discover.Discoverer{Images: f}
	got := find(t, d, imageWarehouse(pipeline.ImageSubscription{
		StrictSemvers: true, Constraint: "^1.0.0", IgnoreTagsRegexes: []string{"beta"}, AllowTagsRegexes: []string{"[02-9]$", "est", "rc"},
	}), discover.Previous{})
	want := map[string]string{
		"1.2.0-rc.1": "is a prerelease, which ^1.0.0 does not include",
		"2.0.0":      "is outside ^1.0.0",
		"1.5":        "is not a strict semantic version (MAJOR.MINOR.PATCH); strictSemvers: false would admit it",
		"latest":     "is not a semantic version",
		"1.1.0-beta": `matches ignoreTagsRegexes "beta"`,
		"0.9.0-x":    "matches none of the 3 allowTagsRegexes",
		"1.9.0":      "has no manifest: the tag was deleted or never pushed",
	}
	if diff := cmp.Diff(want, reasons(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1.0.0"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRejectionsAreBoundedUnlessAskedFor(t *testing.T) {
	t.Parallel()
	var tags []string
	for i := range 500 {
		tags = append(tags, fmt.Sprintf("pr-%d", i))
	}
	for detail, want := range map[bool]int{false: 100, true: 500} {
		d := &discover.Discoverer{Images: tagged(tags...), Detail: detail}
		got := find(t, d, imageWarehouse(pipeline.ImageSubscription{}), discover.Previous{})
		if len(got.Rejected) != want || !got.Empty() {
			t.Errorf("detail %v: %d rejected, want %d", detail, len(got.Rejected), want)
		}
	}
}

func TestLooksAtTheWinnerOnly(t *testing.T) {
	t.Parallel()
	var tags []string
	for i := range 1000 {
		tags = append(tags, fmt.Sprintf("1.%d.0", i))
	}
	f := tagged(tags...)
	f.tags["1.999.0"].Annotations = map[string]string{"a": "b"}
	d := &discover.Discoverer{Images: f}
	w := imageWarehouse(pipeline.ImageSubscription{StrictSemvers: true})

	first := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Manifest": 1, "Config": 1}, f.reset()); diff != "" {
		t.Errorf("a new tag (-want +got):\n%s", diff)
	}
	previous := discover.Previous{Freight: &pipeline.Freight{Images: first.Images[:1]}}
	again := find(t, d, w, previous)
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Head": 1}, f.reset()); diff != "" {
		t.Errorf("the same tag (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same tag changed (-first +again):\n%s", diff)
	}

	f.tags["1.999.0"].Digest = "moved"
	moved := find(t, d, w, previous)
	if moved.Images[0].Digest != "moved" {
		t.Errorf("a tag that moved has digest %s", moved.Images[0].Digest)
	}

	f.reset()
	d.Detail = true
	find(t, d, w, discover.Previous{})
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Manifest": 20, "Config": 20}, f.reset()); diff != "" {
		t.Errorf("in detail (-want +got):\n%s", diff)
	}
}

func TestPlatformWalkIsBounded(t *testing.T) {
	t.Parallel()
	var tags []string
	for i := range 1000 {
		tags = append(tags, fmt.Sprintf("1.%d.0", i))
	}
	f := tagged(tags...)
	d := &discover.Discoverer{Images: f}
	got := find(t, d, imageWarehouse(pipeline.ImageSubscription{StrictSemvers: true, Platform: "plan9/mips"}), discover.Previous{})
	if n := f.reset()["Manifest"]; n != 200 || !got.Empty() {
		t.Errorf("looked at %d tags, found %v", n, refs(got))
	}
	if r := reasons(got)["1.799.0"]; !strings.Contains(r, "was not looked at") {
		t.Errorf("the tag after the last one looked at: %q", r)
	}
}

func TestCreationTime(t *testing.T) {
	t.Parallel()
	const oci, label = "org.opencontainers.image.created", "org.label-schema.build-date"
	at := func(hour int) string { return noon.Add(time.Duration(hour) * time.Hour).Format(time.RFC3339) }
	type m = discover.Manifest
	type kv = map[string]string
	tests := map[string]struct {
		manifest m
		configs  map[string]discover.Config
		children map[string]m
		want     int // hours after noon
	}{
		"the OCI annotation decides": {
			m{Annotations: kv{oci: at(1), label: at(2)}, ConfigDigest: "c"}, map[string]discover.Config{"c": {Created: noon.Add(9 * time.Hour)}}, nil, 1,
		},
		"else the label-schema annotation": {
			m{Annotations: kv{oci: "nonsense", label: at(2)}, ConfigDigest: "c"}, map[string]discover.Config{"c": {Created: noon.Add(9 * time.Hour)}}, nil, 2,
		},
		"else the later of label and configuration: configuration": {
			m{ConfigDigest: "c"}, map[string]discover.Config{"c": {Created: noon.Add(4 * time.Hour), Labels: kv{oci: at(3)}}}, nil, 4,
		},
		"else the later of label and configuration: label": {
			m{ConfigDigest: "c"}, map[string]discover.Config{"c": {Created: time.Unix(0, 0), Labels: kv{label: at(3)}}}, nil, 3,
		},
		"an index by its own annotation": {
			m{Index: true, Annotations: kv{oci: at(1)}, Children: []discover.Child{{Digest: "x", Platform: "linux/amd64"}}}, nil, nil, 1,
		},
		"else an index by its newest image, attestations aside": {
			m{Index: true, Children: []discover.Child{
				{Digest: "x", Platform: "linux/amd64"},
				{Digest: "y", Platform: "linux/arm64"},
				{Digest: "z", Platform: "unknown/unknown"},
				{Digest: "not pushed", Platform: "linux/s390x"},
			}},
			map[string]discover.Config{"cx": {Created: noon.Add(5 * time.Hour)}, "cz": {Created: noon.Add(8 * time.Hour)}},
			map[string]m{"x": {ConfigDigest: "cx"}, "y": {Annotations: kv{oci: at(6)}}, "z": {ConfigDigest: "cz"}},
			6,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.manifest.Digest = "d"
			f := &fakeImages{tags: map[string]*m{"1": &tt.manifest}, configs: tt.configs, children: tt.children}
			got := find(t, &discover.Discoverer{Images: f}, imageWarehouse(pipeline.ImageSubscription{
				ImageSelectionStrategy: pipeline.ImageNewestBuild,
			}), discover.Previous{})
			if want := noon.Add(time.Duration(tt.want) * time.Hour); !got.Images[0].CreatedAt.Equal(want) {
				t.Errorf("built at %v, want %v", got.Images[0].CreatedAt, want)
			}
		})
	}
}

func TestErrorsNameTheSubscription(t *testing.T) {
	t.Parallel()
	cause := errors.New("boom")
	d := &discover.Discoverer{Images: &fakeImages{err: cause}}
	_, err := d.Discover(t.Context(), imageWarehouse(pipeline.ImageSubscription{}), discover.Previous{})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "warehouse web: subscription image ghcr.io/acme/web: list tags") {
		t.Errorf("error %v", err)
	}
}

func TestAllSubscriptionsMustYield(t *testing.T) {
	t.Parallel()
	f := tagged("1.0.0", "latest")
	d := &discover.Discoverer{Images: f, Now: func() time.Time { return noon }}
	w := imageWarehouse(pipeline.ImageSubscription{})
	w.Subscriptions = append(w.Subscriptions, pipeline.Subscription{Name: "second", Image: &pipeline.ImageSubscription{
		RepoURL: "ghcr.io/acme/db", Constraint: "^2.0.0",
	}})
	got, err := d.Discover(t.Context(), w, discover.Previous{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.Freight(); ok {
		t.Error("there is Freight although a source yielded nothing")
	}
}

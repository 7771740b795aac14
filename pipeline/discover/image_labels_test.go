package discover_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

const (
	source   = "org.opencontainers.image.source"
	revision = "org.opencontainers.image.revision"
)

// labelled is a registry with one image and its labels.
func labelled(labels map[string]string) *fakeImages {
	f := tagged("1.0.0")
	f.configs["config-d-1.0.0"] = discover.Config{Created: noon, Platform: "linux/amd64", Labels: labels}
	return f
}

func TestLabelsStandInForAnnotationsThatAreMissing(t *testing.T) {
	t.Parallel()
	labels := map[string]string{source: "https://github.com/acme/web", revision: "abc", "maintainer": "ana"}
	for name, c := range map[string]struct {
		annotations, want map[string]string
		config            int
	}{
		"without annotations, those that say what it was built from": {
			nil, map[string]string{source: "https://github.com/acme/web", revision: "abc"}, 1,
		},
		"an annotation beats its label": {
			map[string]string{revision: "def", "of": "manifest"},
			map[string]string{source: "https://github.com/acme/web", revision: "def", "of": "manifest"},
			1,
		},
		"with both annotations nobody reads labels": {
			map[string]string{source: "https://github.com/acme/api", revision: "def"},
			map[string]string{source: "https://github.com/acme/api", revision: "def"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := labelled(labels)
			f.tags["1.0.0"].Annotations = c.annotations
			got := find(t, &discover.Discoverer{Images: f}, imageWarehouse(pipeline.ImageSubscription{}), discover.Previous{})
			if diff := cmp.Diff(c.want, got.Images[0].Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if n := f.reset()["Config"]; n != c.config {
				t.Errorf("%d configurations are read, want %d", n, c.config)
			}
		})
	}
}

func TestLabelsOfAnIndexAreThoseOfItsFirstImage(t *testing.T) {
	t.Parallel()
	f := &fakeImages{
		tags: map[string]*discover.Manifest{"1.0.0": {
			Digest: "index", Index: true,
			Children: []discover.Child{{Digest: "bom", Platform: "unknown/unknown"}, {Digest: "arm", Platform: "linux/arm64"}, {Digest: "amd", Platform: "linux/amd64"}},
		}},
		children: map[string]discover.Manifest{"arm": {ConfigDigest: "arm-config"}, "amd": {ConfigDigest: "amd-config"}},
		configs: map[string]discover.Config{
			"arm-config": {Labels: map[string]string{revision: "arm"}}, "amd-config": {Labels: map[string]string{revision: "amd"}},
		},
	}
	for platform, want := range map[string]string{"": "arm", "linux/amd64": "amd"} {
		got := find(t, &discover.Discoverer{Images: f}, imageWarehouse(pipeline.ImageSubscription{Platform: platform}), discover.Previous{})
		if got := got.Images[0].Annotations[revision]; got != want {
			t.Errorf("for platform %q the revision is %q, want %q", platform, got, want)
		}
	}
}

func TestLabelsAreReadOnceForEachImage(t *testing.T) {
	t.Parallel()
	labels := map[string]string{revision: "abc"}
	for _, sub := range []pipeline.ImageSubscription{{CacheByTag: true}, {ImageSelectionStrategy: pipeline.ImageNewestBuild}} {
		f := labelled(labels)
		d := &discover.Discoverer{Images: f, Cache: &memory{}, Now: func() time.Time { return noon }}
		find(t, d, imageWarehouse(sub), discover.Previous{})
		f.reset()
		again := find(t, d, imageWarehouse(sub), discover.Previous{})
		if n := f.reset()["Config"]; n != 0 {
			t.Errorf("%+v: %d configurations are read again", sub, n)
		}
		if got := again.Images[0].Annotations[revision]; got != "abc" {
			t.Errorf("%+v: the revision is %q the second time", sub, got)
		}
	}
}

func TestLabelsThatCannotBeReadAreLeftOutUnlessThatMayPass(t *testing.T) {
	t.Parallel()
	f := tagged("1.0.0")
	delete(f.configs, "config-d-1.0.0")
	got := find(t, &discover.Discoverer{Images: f}, imageWarehouse(pipeline.ImageSubscription{}), discover.Previous{})
	if len(got.Images) != 1 || got.Images[0].Digest != "d-1.0.0" {
		t.Errorf("found %+v", got.Images)
	}
	f.configErr = &pipeline.TransientError{RetryAfter: time.Minute, Err: fmt.Errorf("rate limited")}
	_, err := (&discover.Discoverer{Images: f, Now: func() time.Time { return noon }}).Discover(t.Context(), imageWarehouse(pipeline.ImageSubscription{}), discover.Previous{})
	if _, transient := pipeline.IsTransient(err); !transient {
		t.Errorf("what may pass is not tried again: %v", err)
	}
}

package discover_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func TestCacheByTagAsksForATagOnce(t *testing.T) {
	t.Parallel()
	for _, strategy := range []pipeline.ImageSelectionStrategy{pipeline.ImageSemVer, pipeline.ImageLexical, pipeline.ImageNewestBuild} {
		t.Run(string(strategy), func(t *testing.T) {
			t.Parallel()
			f := tagged("1.0.0", "1.1.0")
			d := &discover.Discoverer{Images: f, Cache: &memory{}, Now: func() time.Time { return noon }}
			w := imageWarehouse(pipeline.ImageSubscription{ImageSelectionStrategy: strategy, StrictSemvers: true, CacheByTag: true})
			first := find(t, d, w, discover.Previous{})
			f.reset()

			f.tags["1.1.0"].Digest = "moved"
			d.Now = func() time.Time { return noon.Add(48 * time.Hour) }
			again := find(t, d, w, discover.Previous{Freight: &pipeline.Freight{Images: first.Images[:1]}})
			if diff := cmp.Diff(map[string]int{"Tags": 1}, f.reset()); diff != "" {
				t.Errorf("a known tag (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("a known tag moved (-first +again):\n%s", diff)
			}

			f.image("1.2.0", "d-1.2.0", noon.Add(time.Hour))
			newer := find(t, d, w, discover.Previous{})
			if n := f.reset()["Manifest"]; n != 1 {
				t.Errorf("%d manifests for one new tag", n)
			}
			if got := newer.Images[0]; got.Tag != "1.2.0" || newer.Images[1].Digest != "d-1.1.0" {
				t.Errorf("found %+v", newer.Images)
			}
		})
	}
}

func TestCacheByTagRemembersThePlatform(t *testing.T) {
	t.Parallel()
	f := &fakeImages{
		tags: map[string]*discover.Manifest{"1.0.0": {
			Digest: "index", Index: true, Annotations: map[string]string{"of": "index"},
			Children: []discover.Child{{Digest: "arm", Platform: "linux/arm64"}, {Digest: "amd", Platform: "linux/amd64"}},
		}},
		children: map[string]discover.Manifest{"arm": {Annotations: map[string]string{"of": "image"}}, "amd": {}},
	}
	cache := &memory{}
	d := &discover.Discoverer{Images: f, Cache: cache, Now: func() time.Time { return noon }}
	for _, platform := range []string{"linux/arm64", "linux/amd64"} {
		w := imageWarehouse(pipeline.ImageSubscription{Platform: platform, CacheByTag: true})
		first := find(t, d, w, discover.Previous{})
		f.reset()
		again := find(t, d, w, discover.Previous{})
		if diff := cmp.Diff(map[string]int{"Tags": 1}, f.reset()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", platform, diff)
		}
		if diff := cmp.Diff(first, again); diff != "" || len(again.Images) != 1 {
			t.Errorf("%s (-first +again):\n%s", platform, diff)
		}
	}
	w := imageWarehouse(pipeline.ImageSubscription{Platform: "linux/s390x", CacheByTag: true})
	if got := find(t, d, w, discover.Previous{}); !got.Empty() || reasons(got)["1.0.0"] == "" {
		t.Errorf("found %v, rejected %v", refs(got), reasons(got))
	}
	if diff := cmp.Diff(map[string]int{"Tags": 1}, f.reset()); diff != "" {
		t.Errorf("a known mismatch (-want +got):\n%s", diff)
	}
}

func TestDigestFollowsItsTagWhateverCacheByTagSays(t *testing.T) {
	t.Parallel()
	f := tagged("latest")
	d := &discover.Discoverer{Images: f, Cache: &memory{}, Now: func() time.Time { return noon }}
	w := imageWarehouse(pipeline.ImageSubscription{ImageSelectionStrategy: pipeline.ImageDigest, Constraint: "latest", CacheByTag: true})
	first := find(t, d, w, discover.Previous{})
	f.tags["latest"].Digest = "moved"
	again := find(t, d, w, discover.Previous{Freight: &pipeline.Freight{Images: first.Images}})
	if again.Images[0].Digest != "moved" {
		t.Errorf("found %+v", again.Images)
	}
}

func TestWhatSemVerRemembersDoesNotMisleadNewestBuild(t *testing.T) {
	t.Parallel()
	f := &fakeImages{}
	f.image("2.0.0", "old", noon)
	f.image("1.0.0", "new", noon.Add(time.Hour))
	d := &discover.Discoverer{Images: f, Cache: &memory{}, Now: func() time.Time { return noon }}
	find(t, d, imageWarehouse(pipeline.ImageSubscription{CacheByTag: true}), discover.Previous{})
	got := find(t, d, imageWarehouse(pipeline.ImageSubscription{
		ImageSelectionStrategy: pipeline.ImageNewestBuild, CacheByTag: true,
	}), discover.Previous{})
	if diff := cmp.Diff([]string{"1.0.0", "2.0.0"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !got.Images[1].CreatedAt.Equal(noon) {
		t.Errorf("2.0.0 was built %v", got.Images[1].CreatedAt)
	}
}

package discover_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// newestBuild is a warm cache over a registry of 50 tags, the newest of which is t49.
func newestBuild(t *testing.T) (f *fakeImages, d *discover.Discoverer, w pipeline.Warehouse, now *time.Time) {
	t.Helper()
	f = &fakeImages{}
	for i := range 50 {
		f.image(fmt.Sprintf("t%d", i), fmt.Sprintf("d%d", i), noon.Add(time.Duration(i)*time.Minute))
	}
	at := noon.Add(24 * time.Hour)
	now = &at
	d = &discover.Discoverer{Images: f, Cache: &memory{}, Now: func() time.Time { return *now }}
	w = imageWarehouse(pipeline.ImageSubscription{ImageSelectionStrategy: pipeline.ImageNewestBuild, DiscoveryLimit: 2})
	got := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff([]string{"t49", "t48"}, refs(got)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Manifest": 50, "Config": 50}, f.reset()); diff != "" {
		t.Fatalf("cold (-want +got):\n%s", diff)
	}
	*now = now.Add(5 * time.Minute)
	return f, d, w, now
}

func TestNewestBuildAsksForNewTagsOnly(t *testing.T) {
	t.Parallel()
	f, d, w, _ := newestBuild(t)
	for i := range 3 {
		f.image(fmt.Sprintf("new%d", i), fmt.Sprintf("n%d", i), noon.Add(time.Hour))
	}
	got := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Manifest": 3, "Config": 3}, f.reset()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Built at the same moment, so ordered by tag.
	if diff := cmp.Diff([]string{"new2", "new1"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewestBuildChecksTheWinnersDigest(t *testing.T) {
	t.Parallel()
	f, d, w, _ := newestBuild(t)
	find(t, d, w, discover.Previous{})
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Head": 1}, f.reset()); diff != "" {
		t.Errorf("nothing new (-want +got):\n%s", diff)
	}
	f.image("t49", "moved", noon.Add(-time.Hour)) // to an older image
	got := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff([]string{"t48", "t47"}, refs(got)); diff != "" {
		t.Errorf("the winner moved (-want +got):\n%s", diff)
	}
}

func TestNewestBuildNoticesInADayThatAnotherTagMoved(t *testing.T) {
	t.Parallel()
	f, d, w, now := newestBuild(t)
	f.image("t7", "moved", noon.Add(time.Hour))
	*now = now.Add(25 * time.Hour)
	var got pipeline.DiscoveredSubscription
	for range 3 { // 20 tags are checked in each run
		got = find(t, d, w, discover.Previous{})
	}
	if got.Images[0].Tag != "t7" || got.Images[0].Digest != "moved" {
		t.Errorf("newest is %+v", got.Images[0])
	}
	f.reset()
	find(t, d, w, discover.Previous{})
	if n := f.reset()["Head"]; n > 1 {
		t.Errorf("%d digests were asked for again", n)
	}
}

func TestNewestBuildForgetsDeletedTags(t *testing.T) {
	t.Parallel()
	f, d, w, _ := newestBuild(t)
	delete(f.tags, "t49")
	f.tags["t48"] = nil // listed still
	got := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff([]string{"t47", "t46"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNewestBuildForAPlatform(t *testing.T) {
	t.Parallel()
	f, d, w, _ := newestBuild(t)
	f.image("arm", "arm", noon.Add(time.Hour))
	f.configs["config-arm"] = discover.Config{Created: noon.Add(time.Hour), Platform: "linux/arm64"}
	w.Subscriptions[0].Image.Platform = "linux/amd64"
	got := find(t, d, w, discover.Previous{})
	if diff := cmp.Diff([]string{"t49", "t48"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := reasons(got)["arm"]; r != "is not for linux/amd64, only for linux/arm64" {
		t.Errorf("reason %q", r)
	}
}

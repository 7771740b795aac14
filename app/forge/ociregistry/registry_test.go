package ociregistry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/app/forge/ociregistry"
)

func serve(t *testing.T, o ociregistry.Options) (*ociregistry.Registry, string) {
	t.Helper()
	g := ociregistry.New(o)
	ts := httptest.NewServer(g)
	t.Cleanup(ts.Close)
	return g, strings.TrimPrefix(ts.URL, "http://")
}

func push(t *testing.T, g *ociregistry.Registry, img ociregistry.Image) string {
	t.Helper()
	digest, err := g.Push(img)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestTagListingsPageWithLinks(t *testing.T) {
	t.Parallel()
	g, host := serve(t, ociregistry.Options{PageSize: 10})
	var want []string
	for i := range 25 {
		want = append(want, fmt.Sprintf("v%02d", i))
		push(t, g, ociregistry.Image{Repository: "acme/web", Tag: want[i], Content: want[i]})
	}
	repo, err := name.NewRepository(host+"/acme/web", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.List(repo, remote.WithPageSize(1000))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if n := g.Counts()["tags"]; n != 3 {
		t.Errorf("%d listing requests for 25 tags in pages of 10, want 3", n)
	}
}

func TestPushedImage(t *testing.T) {
	t.Parallel()
	g, host := serve(t, ociregistry.Options{})
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	digest := push(t, g, ociregistry.Image{
		Repository: "acme/web", Tag: "v1", Created: created, Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a": "2"},
	})
	ref, err := name.ParseReference(host+"/acme/web:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	got, _ := img.Digest()
	if !config.Created.Equal(created) || config.Config.Labels["l"] != "1" || manifest.Annotations["a"] != "2" || got.String() != digest {
		t.Errorf("created %v labels %v annotations %v digest %s, want %s", config.Created, config.Config.Labels, manifest.Annotations, got, digest)
	}
}

func TestPushedIndex(t *testing.T) {
	t.Parallel()
	g, host := serve(t, ociregistry.Options{})
	digest := push(t, g, ociregistry.Image{Repository: "acme/web", Tag: "v1", Platforms: []string{"linux/amd64", "linux/arm64"}})
	ref, err := name.ParseReference(host+"/acme/web@"+digest, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 || manifest.Manifests[1].Platform.Architecture != "arm64" {
		t.Errorf("index lists %+v (%v)", manifest, err)
	}
}

func TestPasswordIsDemanded(t *testing.T) {
	t.Parallel()
	g, host := serve(t, ociregistry.Options{Username: "u", Password: "p"})
	push(t, g, ociregistry.Image{Repository: "acme/web", Tag: "v1"})
	ref, err := name.ParseReference(host+"/acme/web:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(ref); err == nil || !strings.Contains(err.Error(), http.StatusText(http.StatusUnauthorized)) {
		t.Errorf("anonymous pull: %v", err)
	}
	if _, err := remote.Head(ref, remote.WithAuth(&authn.Basic{Username: "u", Password: "p"})); err != nil {
		t.Errorf("with the password: %v", err)
	}
}

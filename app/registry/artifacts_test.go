package registry_test

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kargo-app/kargo/app/registry"
	"github.com/kargo-app/kargo/pipeline/step"
)

// shelf is a registry that can be pushed to.
type shelf struct {
	t    *testing.T
	host string
	c    *registry.Client
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return &shelf{t: t, host: strings.TrimPrefix(s.URL, "http://"), c: registry.New(registry.Options{Keychain: anonymous{}})}
}

func (s *shelf) ref(path string) name.Reference {
	s.t.Helper()
	ref, err := name.ParseReference(s.host + "/" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

func (s *shelf) put(path string, content remote.Taggable) {
	s.t.Helper()
	var err error
	if index, ok := content.(v1.ImageIndex); ok {
		err = remote.WriteIndex(s.ref(path), index)
	} else {
		err = remote.Write(s.ref(path), content.(v1.Image))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func artifact(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		static.NewLayer([]byte("first"), "application/wasm"), static.NewLayer([]byte("second"), "text/plain"))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestLayer(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	img := artifact(t)
	s.put("acme/notes:1", img)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		l    step.Layer
		want string
	}{
		"the first":                   {step.Layer{Ref: "acme/notes:1", MaxBytes: 5}, "first"},
		"by digest":                   {step.Layer{Ref: "acme/notes@" + digest.String(), MaxBytes: 5}, "first"},
		"the one of a media type":     {step.Layer{Ref: "acme/notes:1", MediaType: "text/plain", MaxBytes: 10}, "second"},
		"with the accounts of charts": {step.Layer{Ref: "acme/notes:1", Chart: true, MaxBytes: 10}, "first"},
	} {
		tt.l.Ref = s.host + "/" + tt.l.Ref
		if got, err := s.c.Layer(t.Context(), tt.l); err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	var large *step.TooLargeError
	if _, err := s.c.Layer(t.Context(), step.Layer{Ref: s.host + "/acme/notes:1", MaxBytes: 4}); !errors.As(err, &large) {
		t.Errorf("too large: %v", err)
	}
	for ref, want := range map[string]string{"acme/notes:2": "not found", "acme/none:1": "no repository", "acme/notes:1 image": "REPOSITORY:TAG"} {
		if _, err := s.c.Layer(t.Context(), step.Layer{Ref: s.host + "/" + ref, MaxBytes: 5}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, err = s.c.Layer(t.Context(), step.Layer{Ref: s.host + "/acme/notes:1", MediaType: "image/png", MaxBytes: 5})
	if err == nil || !strings.Contains(err.Error(), "has no layer with the media type image/png") {
		t.Errorf("another media type: %v", err)
	}
}

func TestCopyOfAnImage(t *testing.T) {
	t.Parallel()
	s, other := newShelf(t), newShelf(t)
	img := artifact(t)
	s.put("acme/web:1", img)
	want, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for name, dest := range map[string]string{
		"another tag": s.host + "/acme/web:prod", "another repository": s.host + "/acme/prod/web:1", "another registry": other.host + "/acme/web:1",
	} {
		for range 2 { // the second time changes nothing
			got, err := s.c.Copy(t.Context(), step.ImageCopy{Source: s.host + "/acme/web:1", Destination: dest}, 1<<20)
			if err != nil || got != want.String() {
				t.Fatalf("%s: %s, %v", name, got, err)
			}
		}
		if layer, err := s.c.Layer(t.Context(), step.Layer{Ref: dest, MaxBytes: 10}); err != nil || string(layer) != "first" {
			t.Errorf("%s: %q, %v", name, layer, err)
		}
	}
	got, err := s.c.Copy(t.Context(), step.ImageCopy{
		Source: s.host + "/acme/web:1", Destination: s.host + "/acme/web:noted",
		Manifest: map[string]string{"who": "ada"}, Index: map[string]string{"no": "index"},
	}, 0)
	if err != nil || got == want.String() {
		t.Fatalf("%s, %v", got, err)
	}
	noted, err := remote.Image(s.ref("acme/web:noted"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := noted.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"who": "ada"}, m.Annotations); diff != "" {
		t.Error(diff)
	}
}

func TestCopyOfAnIndex(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	index, err := random.Index(64, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	attestation, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: attestation, Descriptor: v1.Descriptor{
		Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}, Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
	}})
	s.put("acme/web:1", index)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.c.Copy(t.Context(), step.ImageCopy{Source: s.host + "/acme/web:1", Destination: s.host + "/acme/prod:1"}, 1<<20)
	if err != nil || got != digest.String() {
		t.Errorf("%s, %v; want %s", got, err, digest)
	}
	cp := step.ImageCopy{
		Source: s.host + "/acme/web:1", Destination: s.host + "/acme/prod:2",
		Index: map[string]string{"of": "index"}, Manifest: map[string]string{"of": "manifest"},
	}
	if _, err = s.c.Copy(t.Context(), cp, -1); err != nil {
		t.Fatal(err)
	}
	noted, err := remote.Index(s.ref("acme/prod:2"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := noted.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if m.Annotations["of"] != "index" || len(m.Manifests) != 3 {
		t.Errorf("index %+v", m)
	}
	for i, d := range m.Manifests {
		img, err := noted.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		im, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: "manifest", false: ""}[i < 2]; im.Annotations["of"] != want {
			t.Errorf("manifest %d has annotations %v", i, im.Annotations)
		}
	}
	if d := m.Manifests[2]; d.Platform == nil || d.Platform.OS != "unknown" {
		t.Errorf("attestation %+v", d)
	}
}

func TestCopiesBetweenRepositoriesAreLimited(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	img, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	s.put("acme/web:1", img)
	for name, tt := range map[string]struct {
		dest  string
		limit int64
		large bool
	}{
		"too large":                  {"acme/b:1", 1500, true},
		"forbidden":                  {"acme/b:1", 0, true},
		"without limit":              {"acme/c:1", -1, false},
		"within the repository":      {"acme/web:2", 0, false},
		"small enough for the limit": {"acme/d:1", 1 << 20, false},
	} {
		_, err := s.c.Copy(t.Context(), step.ImageCopy{Source: s.host + "/acme/web:1", Destination: s.host + "/" + tt.dest}, tt.limit)
		var large *step.TooLargeError
		if errors.As(err, &large) != tt.large || (err != nil) != tt.large {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := remote.Head(s.ref("acme/b:1")); err == nil {
		t.Error("what was too large has a tag")
	}
}

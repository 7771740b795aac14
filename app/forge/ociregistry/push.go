package ociregistry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image describes an image to push.
type Image struct {
	Repository string // such as "acme/web", without the registry's host
	Tag        string
	// Created is the creation time in the image's configuration; zero leaves it out.
	Created time.Time
	// Labels go into the configuration, Annotations onto the manifest (or onto the index).
	Labels, Annotations map[string]string
	// Platforms, such as "linux/amd64". One or none makes a plain image (linux/amd64 by default), several make an index.
	Platforms []string
	// Content distinguishes images that are otherwise equal; equal images have equal digests.
	Content string
}

// Push stores an image and returns the digest that its tag points at ("sha256:...").
func (g *Registry) Push(img Image) (string, error) {
	ref, err := name.NewTag("registry.invalid/"+img.Repository+":"+img.Tag, name.StrictValidation, name.Insecure)
	if err != nil {
		return "", fmt.Errorf("push image: %w", err)
	}
	direct := remote.WithTransport(handlerTransport{g.inner})
	if len(img.Platforms) > 1 {
		index, err := img.index()
		if err != nil {
			return "", fmt.Errorf("build %s: %w", ref, err)
		}
		if err := remote.WriteIndex(ref, index, direct); err != nil {
			return "", fmt.Errorf("push %s: %w", ref, err)
		}
		return digest(index)
	}
	platform := "linux/amd64"
	if len(img.Platforms) == 1 {
		platform = img.Platforms[0]
	}
	image, err := img.build(platform)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", ref, err)
	}
	if img.Annotations != nil {
		image = mutate.Annotations(image, img.Annotations).(v1.Image)
	}
	if err := remote.Write(ref, image, direct); err != nil {
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	return digest(image)
}

func digest(d interface{ Digest() (v1.Hash, error) }) (string, error) {
	h, err := d.Digest()
	return h.String(), err
}

func (img Image) build(platform string) (v1.Image, error) {
	p, err := v1.ParsePlatform(platform)
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, static.NewLayer([]byte("layer "+img.Content), types.OCIUncompressedLayer))
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Created = v1.Time{Time: img.Created.UTC()}
	config.Config.Labels = img.Labels
	return mutate.ConfigFile(image, config)
}

func (img Image) index() (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range img.Platforms {
		image, err := img.build(platform)
		if err != nil {
			return nil, err
		}
		p, err := v1.ParsePlatform(platform)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p}})
	}
	if img.Annotations != nil {
		index = mutate.Annotations(index, img.Annotations).(v1.ImageIndex)
	}
	return index, nil
}

// handlerTransport calls a handler without a network.
type handlerTransport struct{ h http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	m := &memory{header: http.Header{}, status: http.StatusOK}
	t.h.ServeHTTP(m, r)
	_ = r.Body.Close()
	return &http.Response{
		Status: http.StatusText(m.status), StatusCode: m.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: m.header,
		Body: io.NopCloser(bytes.NewReader(m.body.Bytes())), ContentLength: int64(m.body.Len()), Request: r,
	}, nil
}

package ociregistry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Chart describes a Helm chart to push.
type Chart struct {
	Repository string // such as "acme/charts/web", the chart's name last
	Version    string
	// Files are those of the chart beside its Chart.yaml.
	Files map[string]string
}

// PushChart stores a chart as "helm push" does and returns its digest ("sha256:...").
func (g *Registry) PushChart(c Chart) (string, error) {
	ref, err := name.NewTag("registry.invalid/"+c.Repository+":"+c.Version, name.StrictValidation, name.Insecure)
	if err != nil {
		return "", fmt.Errorf("push chart: %w", err)
	}
	archive, err := c.archive()
	if err != nil {
		return "", fmt.Errorf("build %s: %w", ref, err)
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
	image, err := mutate.AppendLayers(base, static.NewLayer(archive, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", ref, err)
	}
	if err := remote.Write(ref, image, remote.WithTransport(handlerTransport{g.inner})); err != nil {
		return "", fmt.Errorf("push %s: %w", ref, err)
	}
	return digest(image)
}

func (c Chart) archive() ([]byte, error) {
	base := path.Base(c.Repository)
	files := map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", base, c.Version)}
	maps.Copy(files, c.Files)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(base, name), Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			return nil, err
		}
		if _, err := t.Write([]byte(files[name])); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

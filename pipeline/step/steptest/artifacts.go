package steptest

import (
	"context"
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Artifacts is what a World's registries hold.
type Artifacts struct {
	// Layers are the layers by reference, or by reference and media type with a blank
	// between.
	Layers map[string][]byte
	// Images are digests by reference.
	Images map[string]string
	// Copied is what was copied last.
	Copied step.ImageCopy
}

var _ step.Artifacts = (*Artifacts)(nil)

// newArtifacts holds ghcr.io/acme/bundle:1 and ghcr.io/acme/web:1.
func newArtifacts() *Artifacts {
	return &Artifacts{
		Layers: map[string][]byte{"ghcr.io/acme/bundle:1": []byte("bundle")},
		Images: map[string]string{"ghcr.io/acme/web:1": "sha256:" + strings.Repeat("1", 64)},
	}
}

// Layer implements step.Artifacts.
func (a *Artifacts) Layer(ctx context.Context, _ pipeline.Repo, l step.Layer) ([]byte, error) {
	data, ok := a.Layers[strings.TrimSpace(l.Ref+" "+l.MediaType)]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !ok:
		return nil, fmt.Errorf("%s: %w", l.Ref, step.ErrNotFound)
	case int64(len(data)) > l.MaxBytes:
		return nil, &step.TooLargeError{Message: fmt.Sprintf("the layer has %d bytes, more than %d", len(data), l.MaxBytes)}
	}
	return data, nil
}

// Copy implements step.Artifacts.
func (a *Artifacts) Copy(ctx context.Context, _ pipeline.Repo, c step.ImageCopy) (string, error) {
	digest, ok := a.Images[c.Source]
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !ok:
		return "", fmt.Errorf("%s: %w", c.Source, step.ErrNotFound)
	}
	a.Copied, a.Images[c.Destination] = c, digest
	return digest, nil
}

package registry

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// contentTimeout bounds one request for content, which is larger than answers about
// it.
const contentTimeout = 4 * time.Minute

// place is a repository as it is asked for content.
type place struct {
	c    *Client
	kind pipeline.ArtifactKind
	ref  name.Reference
	opts []remote.Option
}

// place opens a reference, REPOSITORY:TAG or REPOSITORY@DIGEST. No answer is longer
// than limit bytes.
func (c *Client) place(ctx context.Context, ref string, chart, skipTLSVerify bool, limit int64) (place, error) {
	p := place{c: c, kind: pipeline.ImageArtifact}
	if chart {
		p.kind = pipeline.ChartArtifact
	}
	var err error
	if p.ref, err = name.ParseReference(ref); err == nil && c.listed(p.ref.Context().RegistryStr()) {
		p.ref, err = name.ParseReference(ref, name.Insecure)
	}
	if err != nil {
		return place{}, &step.FailedError{Err: fmt.Errorf("%q is not REPOSITORY:TAG or REPOSITORY@DIGEST", printable(ref)), Terminal: true}
	}
	next := c.secure
	if skipTLSVerify {
		next = c.lax
	}
	p.opts = []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(&carrier{
			client: c, next: next, scheme: p.ref.Context().Scheme(), limit: limit, timeout: contentTimeout,
		}),
		remote.WithAuthFromKeychain(c.keychain(p.kind)),
		remote.WithUserAgent(c.options.UserAgent),
		remote.WithJobs(perHost),
		remote.WithRetryStatusCodes(),
		remote.WithRetryPredicate(func(error) bool { return false }),
	}
	return p, nil
}

func (p place) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return explain(err, p.ref.Context(), p.ref.Identifier(), p.c.keychain(p.kind).Why)
}

// Layer returns a layer of an image or artifact; see [step.Artifacts]. Of an index it
// is one of the image for linux/amd64.
func (c *Client) Layer(ctx context.Context, l step.Layer) ([]byte, error) {
	p, err := c.place(ctx, l.Ref, l.Chart, l.SkipTLSVerify, max(l.MaxBytes+1, maxAnswer))
	if err != nil {
		return nil, err
	}
	data, err := p.layer(l)
	if err != nil {
		return nil, p.explain(ctx, err)
	}
	return data, nil
}

func (p place) layer(l step.Layer) ([]byte, error) {
	desc, err := remote.Get(p.ref, p.opts...)
	if err != nil {
		return nil, err
	}
	img, err := desc.Image()
	if err != nil {
		return nil, err
	}
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	found, err := choose(m.Layers, l)
	if err != nil {
		return nil, err
	}
	layer, err := img.LayerByDigest(found.Digest)
	if err != nil {
		return nil, err
	}
	body, err := layer.Compressed() // whose digest is checked while it is read
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(body, l.MaxBytes+1))
	if err == nil && int64(len(data)) > l.MaxBytes {
		err = overLimit("the layer", int64(len(data)), l.MaxBytes)
	}
	return data, err
}

// choose returns the first layer, or the first one with a media type.
func choose(layers []v1.Descriptor, l step.Layer) (v1.Descriptor, error) {
	for _, d := range layers {
		if l.MediaType != "" && string(d.MediaType) != l.MediaType {
			continue
		}
		if d.Size > l.MaxBytes {
			return d, overLimit("the layer", d.Size, l.MaxBytes)
		}
		return d, nil
	}
	if l.MediaType != "" {
		return v1.Descriptor{}, &pipeline.UserError{Message: fmt.Sprintf("%s has no layer with the media type %s", printable(l.Ref), printable(l.MediaType))}
	}
	return v1.Descriptor{}, &pipeline.UserError{Message: printable(l.Ref) + " has no layer"}
}

func overLimit(what string, size, limit int64) error {
	return &step.TooLargeError{Message: fmt.Sprintf("%s has %d bytes, more than the %d that are allowed", what, size, limit)}
}

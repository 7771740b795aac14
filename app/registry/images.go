package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

// Bounds on what one repository, index or image may make us hold and store.
const (
	maxTags        = 200_000
	maxPages       = 1_000
	maxTagLength   = 128
	maxManifest    = 4 << 20
	maxChildren    = 256
	maxAnnotations = 100
	maxAnnotation  = 4 << 10
)

// Tags lists all tags, following the registry's pages. Names that no registry may
// give a tag are left out.
func (c *Client) Tags(ctx context.Context, r discover.Repository) ([]string, error) {
	return c.tags(ctx, pipeline.ImageArtifact, r)
}

func (c *Client) tags(ctx context.Context, kind pipeline.ArtifactKind, r discover.Repository) ([]string, error) {
	return ask(ctx, c, kind, r, "", func(p *remote.Puller, repo name.Repository) ([]string, error) {
		lister, err := p.Lister(ctx, repo)
		if err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for page := 0; lister.HasNext(); page++ {
			if page == maxPages || len(seen) > maxTags {
				return nil, fmt.Errorf("%s has more than %d tags or %d pages of them", repo.Name(), maxTags, maxPages)
			}
			tags, err := lister.Next(ctx)
			if err != nil {
				return nil, err
			}
			for _, tag := range tags.Tags {
				if validTag(tag) {
					seen[tag] = true
				}
			}
		}
		return slices.Collect(maps.Keys(seen)), nil
	})
}

// Head returns the digest behind a tag. A registry that does not answer HEAD in
// full is asked for the manifest.
func (c *Client) Head(ctx context.Context, r discover.Repository, tag string) (string, error) {
	return ask(ctx, c, pipeline.ImageArtifact, r, tag, func(p *remote.Puller, repo name.Repository) (string, error) {
		ref, err := reference(repo, tag)
		if err != nil {
			return "", err
		}
		desc, err := p.Head(ctx, ref)
		if err == nil {
			return desc.Digest.String(), nil
		}
		if !headUnsupported(err) {
			return "", err
		}
		full, err := p.Get(ctx, ref)
		if err != nil {
			return "", err
		}
		return full.Digest.String(), nil
	})
}

// headUnsupported reports whether a failed HEAD says nothing about the tag: the
// method is refused, or the answer lacks a header.
func headUnsupported(err error) bool {
	var answered *transport.Error
	if errors.As(err, &answered) {
		return answered.StatusCode == http.StatusMethodNotAllowed || answered.StatusCode == http.StatusNotImplemented
	}
	var broken *url.Error
	return !errors.As(err, &broken) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// Manifest reads the manifest or index behind a tag or digest.
func (c *Client) Manifest(ctx context.Context, r discover.Repository, ref string) (discover.Manifest, error) {
	return ask(ctx, c, pipeline.ImageArtifact, r, ref, func(p *remote.Puller, repo name.Repository) (discover.Manifest, error) {
		parsed, err := reference(repo, ref)
		if err != nil {
			return discover.Manifest{}, err
		}
		desc, err := p.Get(ctx, parsed)
		if err != nil {
			return discover.Manifest{}, err
		}
		return manifest(desc.Manifest, desc.Digest.String(), desc.MediaType)
	})
}

// Config reads the configuration of an image.
func (c *Client) Config(ctx context.Context, r discover.Repository, m discover.Manifest) (discover.Config, error) {
	return ask(ctx, c, pipeline.ImageArtifact, r, m.ConfigDigest, func(p *remote.Puller, repo name.Repository) (discover.Config, error) {
		digest, err := name.NewDigest(repo.Name() + "@" + m.ConfigDigest)
		if err != nil {
			return discover.Config{}, err
		}
		digest.Repository = repo // keeps what NewDigest does not know: the scheme
		layer, err := p.Layer(ctx, digest)
		if err != nil {
			return discover.Config{}, err
		}
		body, err := layer.Compressed()
		if err != nil {
			return discover.Config{}, err
		}
		defer body.Close() //nolint:errcheck // only read
		data, err := io.ReadAll(io.LimitReader(body, maxManifest))
		if err != nil {
			return discover.Config{}, err
		}
		return config(data)
	})
}

// ask puts one question to a registry and explains its failure. If the registry
// refuses us, the credentials are read anew for the next question.
func ask[T any](
	ctx context.Context, c *Client, kind pipeline.ArtifactKind, r discover.Repository, about string,
	question func(*remote.Puller, name.Repository) (T, error),
) (T, error) {
	var none T
	repo, err := c.repository(r)
	if err != nil {
		return none, err
	}
	p, err := c.puller(kind, repo.Registry, r.SkipTLSVerify)
	if err != nil {
		return none, err
	}
	out, err := question(p, repo)
	if err == nil {
		return out, nil
	}
	if refused(err) {
		c.forget(kind, repo.RegistryStr(), r.SkipTLSVerify)
	}
	if ctx.Err() != nil {
		return none, ctx.Err()
	}
	return none, explain(err, repo, about, c.keychain(kind).Why)
}

func reference(repo name.Repository, ref string) (name.Reference, error) {
	if strings.Contains(ref, ":") {
		if _, err := v1.NewHash(ref); err != nil {
			return nil, err
		}
		return repo.Digest(ref), nil
	}
	if !validTag(ref) {
		return nil, fmt.Errorf("%q is not a tag", printable(ref))
	}
	return repo.Tag(ref), nil
}

// validTag follows the OCI distribution specification.
func validTag(tag string) bool {
	if tag == "" || len(tag) > maxTagLength || tag[0] == '.' || tag[0] == '-' {
		return false
	}
	for _, c := range []byte(tag) {
		allowed := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
		if !allowed {
			return false
		}
	}
	return true
}

// manifest reads a manifest or an index. The media type decides; registries that
// send none are understood by what is there.
func manifest(data []byte, digest string, mediaType types.MediaType) (discover.Manifest, error) {
	if len(data) > maxManifest {
		return discover.Manifest{}, fmt.Errorf("manifest %s has %d bytes, more than %d", digest, len(data), maxManifest)
	}
	var m struct {
		Manifests   []v1.Descriptor   `json:"manifests"`
		Config      *v1.Descriptor    `json:"config"`
		Annotations map[string]string `json:"annotations"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return discover.Manifest{}, fmt.Errorf("manifest %s: %w", digest, err)
	}
	out := discover.Manifest{Digest: digest, Annotations: bounded(m.Annotations)}
	if mediaType.IsIndex() || !mediaType.IsImage() && len(m.Manifests) > 0 {
		out.Index = true
		for _, d := range m.Manifests[:min(len(m.Manifests), maxChildren)] {
			child := discover.Child{Digest: d.Digest.String(), Annotations: bounded(d.Annotations)}
			if d.Platform != nil {
				child.Platform = platform(d.Platform.OS, d.Platform.Architecture, d.Platform.Variant)
			}
			out.Children = append(out.Children, child)
		}
		return out, nil
	}
	// Charts, signatures and the like have configurations of other kinds.
	if m.Config != nil && m.Config.MediaType.IsConfig() {
		out.ConfigDigest = m.Config.Digest.String()
	}
	return out, nil
}

// config reads an image configuration. A time that cannot be read is none.
func config(data []byte) (discover.Config, error) {
	var c struct {
		Created      string `json:"created"`
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		Config       struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return discover.Config{}, fmt.Errorf("image configuration: %w", err)
	}
	created, _ := time.Parse(time.RFC3339, c.Created)
	return discover.Config{
		Created: created, Platform: platform(c.OS, c.Architecture, c.Variant), Labels: bounded(c.Config.Labels),
	}, nil
}

func platform(os, arch, variant string) string {
	if os == "" && arch == "" {
		return ""
	}
	p := os + "/" + arch
	if variant != "" {
		p += "/" + variant
	}
	return p
}

// bounded keeps as many annotations or labels as are reasonable to store, in the
// order of their keys.
func bounded(in map[string]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, min(len(in), maxAnnotations))
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if len(out) == maxAnnotations {
			break
		}
		if len(key) <= maxAnnotation && len(in[key]) <= maxAnnotation {
			out[key] = in[key]
		}
	}
	return out
}

package registry

import (
	"context"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// maxNesting is how deep indexes in indexes are followed.
const maxNesting = 3

// Copy copies an image or an index; see [step.Artifacts]. Between repositories no
// more than limit bytes are copied, counted as they are stored; 0 forbids it and a
// negative limit is none.
func (c *Client) Copy(ctx context.Context, cp step.ImageCopy, limit int64) (string, error) {
	unbounded := int64(1) << 40
	from, err := c.place(ctx, cp.Source, cp.SourceChart, cp.SkipTLSVerify, unbounded)
	if err != nil {
		return "", err
	}
	to, err := c.place(ctx, cp.Destination, cp.DestinationChart, cp.SkipTLSVerify, maxAnswer)
	if err != nil {
		return "", err
	}
	same := from.ref.Context().Name() == to.ref.Context().Name()
	if !same && limit == 0 {
		return "", &step.TooLargeError{Message: "the operator allows no copies between repositories"}
	}
	desc, err := remote.Get(from.ref, from.opts...)
	if err != nil {
		return "", from.explain(ctx, err)
	}
	if !same && limit > 0 {
		size, err := sizeOf(desc)
		if err != nil {
			return "", from.explain(ctx, err)
		}
		if size > limit {
			return "", overLimit(printable(cp.Source), size, limit)
		}
	}
	content, err := annotated(desc, cp)
	if err != nil {
		return "", from.explain(ctx, err)
	}
	return to.write(ctx, content)
}

// write stores an image or an index and gives it its tag last.
func (p place) write(ctx context.Context, content remote.Taggable) (string, error) {
	var err error
	switch content := content.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(p.ref, content, p.opts...)
	case v1.Image:
		err = remote.Write(p.ref, content, p.opts...)
	default:
		err = fmt.Errorf("content of type %T", content)
	}
	if err != nil {
		return "", p.explain(ctx, err)
	}
	digest, err := content.(interface{ Digest() (v1.Hash, error) }).Digest() //nolint:forcetypeassert // both have it
	if err != nil {
		return "", p.explain(ctx, err)
	}
	return digest.String(), nil
}

// annotated is what a descriptor names with the annotations of the copy. Without any
// it is the same to the byte.
func annotated(desc *remote.Descriptor, cp step.ImageCopy) (remote.Taggable, error) {
	if !desc.MediaType.IsIndex() {
		img, err := desc.Image()
		if err != nil || len(cp.Manifest) == 0 {
			return img, err
		}
		return mutate.Annotations(img, cp.Manifest).(v1.Image), nil //nolint:forcetypeassert // an image stays one
	}
	index, err := desc.ImageIndex()
	if err != nil {
		return nil, err
	}
	if len(cp.Manifest) > 0 {
		if index, err = annotateChildren(index, cp.Manifest); err != nil {
			return nil, err
		}
	}
	if len(cp.Index) > 0 {
		index = mutate.Annotations(index, cp.Index).(v1.ImageIndex) //nolint:forcetypeassert // as above
	}
	return index, nil
}

// annotateChildren annotates the images of an index. What says something about another
// of them, such as an attestation, names that by its digest and is left as it is.
func annotateChildren(index v1.ImageIndex, annotations map[string]string) (v1.ImageIndex, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(m.Manifests) > maxChildren {
		return nil, errChildren
	}
	var all []mutate.IndexAddendum
	for _, d := range m.Manifests {
		add := mutate.IndexAddendum{Descriptor: d}
		switch {
		case d.MediaType.IsIndex():
			add.Add, err = index.ImageIndex(d.Digest)
		default:
			var img v1.Image
			if img, err = index.Image(d.Digest); err == nil && !aboutAnother(d) {
				img = mutate.Annotations(img, annotations).(v1.Image) //nolint:forcetypeassert // an image stays one
				// The descriptor is made anew from what the image is now.
				add.Descriptor.Digest, add.Descriptor.Size = v1.Hash{}, 0
			}
			add.Add = img
		}
		if err != nil {
			return nil, err
		}
		all = append(all, add)
	}
	emptied := mutate.RemoveManifests(index, func(v1.Descriptor) bool { return true })
	return mutate.AppendManifests(emptied, all...), nil
}

func aboutAnother(d v1.Descriptor) bool {
	return d.Annotations["vnd.docker.reference.type"] != "" || (d.Platform != nil && d.Platform.OS == "unknown")
}

var errChildren = &pipeline.UserError{Message: fmt.Sprintf("the index has more than %d manifests, or indexes in indexes", maxChildren)}

// sizeOf is how many bytes an image or all images of an index are stored in.
func sizeOf(desc *remote.Descriptor) (int64, error) {
	if desc.MediaType.IsIndex() {
		index, err := desc.ImageIndex()
		if err != nil {
			return 0, err
		}
		return sizeOfIndex(index, map[v1.Hash]bool{}, 0)
	}
	img, err := desc.Image()
	if err != nil {
		return 0, err
	}
	return sizeOfImage(img, map[v1.Hash]bool{})
}

func sizeOfIndex(index v1.ImageIndex, seen map[v1.Hash]bool, depth int) (int64, error) {
	m, err := index.IndexManifest()
	if err != nil {
		return 0, err
	}
	if len(m.Manifests) > maxChildren || depth > maxNesting {
		return 0, errChildren
	}
	var total int64
	for _, d := range m.Manifests {
		var size int64
		if d.MediaType.IsIndex() {
			inner, innerErr := index.ImageIndex(d.Digest)
			if err = innerErr; err == nil {
				size, err = sizeOfIndex(inner, seen, depth+1)
			}
		} else {
			img, imageErr := index.Image(d.Digest)
			if err = imageErr; err == nil {
				size, err = sizeOfImage(img, seen)
			}
		}
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

func sizeOfImage(img v1.Image, seen map[v1.Hash]bool) (int64, error) {
	m, err := img.Manifest()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if d.Size < 0 {
			return 0, errors.New("the manifest names a layer of negative size")
		}
		if !seen[d.Digest] { // layers that are shared are copied once
			seen[d.Digest] = true
			total += d.Size
		}
	}
	return total, nil
}

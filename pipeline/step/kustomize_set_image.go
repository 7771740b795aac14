package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/kargo-app/kargo/manifest/edit"
	"github.com/kargo-app/kargo/pipeline"
)

// SetImageConfig configures kustomize-set-image.
type SetImageConfig struct {
	Path   string     `json:"path" empty:"no" doc:"directory of the kustomization file"`
	Images []SetImage `json:"images,omitempty" doc:"the images to set; default every image of the Freight, with its tag and digest"`
}

// SetImage is one image to set.
type SetImage struct {
	Image   string `json:"image" empty:"no" doc:"the image as manifests name it"`
	Name    string `json:"name,omitempty" doc:"name of the entry, when it is not the image"`
	NewName string `json:"newName,omitempty" doc:"image to use instead; * keeps what the entry says"`
	Tag     string `json:"tag,omitempty" doc:"new tag; * keeps what the entry says; give exactly one of tag and digest"`
	Digest  string `json:"digest,omitempty" doc:"new digest; * keeps what the entry says"`
}

func kustomizeSetImage() Definition {
	return Define("kustomize-set-image", Workspace, Doc{
		Summary: `Sets entries in the ` + "`images`" + ` list of a kustomization file and keeps every other byte.

An entry that exists is replaced in all its fields, except those given as ` + "`*`" + `. The list keeps
its order, which Kargo's step sorts. The message lists every image of the file. Without ` + "`images`" + `, a
repository that two Warehouses provide is an error, because either could be meant.`,
		Example: `
uses: kustomize-set-image
as: update
config:
  path: src/env/prod
  images:
    - image: ghcr.io/acme/web
      tag: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
`,
	}, runKustomizeSetImage)
}

// Validate implements the rules over several fields.
func (c SetImageConfig) Validate() error {
	var errs []error
	for i, img := range c.Images {
		if countSet(img.Tag, img.Digest) != 1 {
			errs = append(errs, fmt.Errorf("images[%d]: give exactly one of tag and digest", i))
		}
	}
	return errors.Join(errs...)
}

func runKustomizeSetImage(ctx context.Context, env Env, c SetImageConfig) (*CommitMessage, error) {
	images, err := c.images(env.Promotion)
	if err != nil {
		return nil, err
	}
	infos, err := env.Workspace.ReadDir(ctx, c.Path)
	if err != nil {
		return nil, fmt.Errorf("set images: %w", err)
	}
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	name, err := edit.FindKustomization(names)
	if err != nil {
		return nil, fmt.Errorf("set images in %s: %w", c.Path, err)
	}
	file := path.Join(c.Path, name)
	src, err := env.Workspace.ReadFile(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("set images: %w", err)
	}
	out, _, err := edit.SetImages(src, images)
	if err != nil {
		return nil, fmt.Errorf("set images in %s: %w", file, err)
	}
	if err := env.Workspace.WriteFile(ctx, file, out, 0); err != nil {
		return nil, fmt.Errorf("set images: %w", err)
	}
	all, err := edit.Images(out)
	if err != nil {
		return nil, fmt.Errorf("set images in %s: %w", file, err)
	}
	return imagesMessage(c.Path, all), nil
}

// imagesMessage lists all images that a kustomization sets now; nil for none.
func imagesMessage(dir string, images []edit.KustomizeImage) *CommitMessage {
	message := changeList{title: fmt.Sprintf("Updated %s to use new images", dir)}
	switch len(images) {
	case 0:
		return nil
	case 1:
		message.title = fmt.Sprintf("Updated %s to use new image", dir)
	}
	slices.SortStableFunc(images, func(a, b edit.KustomizeImage) int { return cmp.Compare(a.Name, b.Name) })
	for _, img := range images {
		message.add("%s", reference(img))
	}
	out := message.output()
	return &out
}

func (c SetImageConfig) images(p *pipeline.Promotion) ([]edit.KustomizeImage, error) {
	if len(c.Images) == 0 {
		return freightImages(p)
	}
	out := make([]edit.KustomizeImage, len(c.Images))
	for i, img := range c.Images {
		out[i] = edit.KustomizeImage{
			Name: cmp.Or(img.Name, img.Image), NewName: img.NewName, NewTag: img.Tag, Digest: img.Digest,
		}
	}
	return out, nil
}

// freightImages are all images of the Promotion's Freight.
func freightImages(p *pipeline.Promotion) ([]edit.KustomizeImage, error) {
	var out []edit.KustomizeImage
	from := map[string]string{}
	for _, f := range collection(p) {
		for _, img := range f.Images {
			if w, dup := from[img.RepoURL]; dup {
				return nil, &PermanentError{fmt.Errorf("image %s comes from Warehouse %s and again from %s: name the images to set", img.RepoURL, w, f.Warehouse)}
			}
			from[img.RepoURL] = f.Warehouse
			out = append(out, edit.KustomizeImage{Name: img.RepoURL, NewTag: img.Tag, Digest: img.Digest})
		}
	}
	return out, nil
}

// collection is the Freight that the Promotion brings or leaves in its Stage,
// the target first, each once.
func collection(p *pipeline.Promotion) []pipeline.Freight {
	out := []pipeline.Freight{p.Freight}
	for _, f := range p.Collection {
		if !slices.ContainsFunc(out, func(g pipeline.Freight) bool { return g.ID == f.ID }) {
			out = append(out, f)
		}
	}
	return out
}

func reference(img edit.KustomizeImage) string {
	ref := img.Name
	if img.NewName != "" {
		ref = img.NewName
	}
	if img.NewTag != "" {
		ref += ":" + img.NewTag
	}
	if img.Digest != "" {
		ref += "@" + img.Digest
	}
	return ref
}

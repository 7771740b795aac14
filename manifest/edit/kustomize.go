package edit

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Preserve is the NewName, NewTag or Digest that keeps what the entry of an image
// to set says now, as in `kustomize edit set image`.
const Preserve = "*"

// KustomizeImage is one entry of a kustomization's `images` list.
type KustomizeImage struct {
	// Name is the image as the manifests mention it; it identifies the entry.
	Name string
	// NewName, NewTag and Digest are what it is replaced by; empty means absent.
	NewName, NewTag, Digest string
}

// kustomizationNames are the files that kustomize looks for.
var kustomizationNames = [...]string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// FindKustomization returns the one name among a directory's entries that is a
// kustomization file. None is ErrNotFound and several are ErrTarget, because
// kustomize refuses to build either.
func FindKustomization(names []string) (string, error) {
	var found []string
	for _, known := range kustomizationNames {
		for _, name := range names {
			if name == known {
				found = append(found, name)
				break
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &Error{Msg: "there is no kustomization file: " + strings.Join(kustomizationNames[:], ", "), Err: ErrNotFound}
	}
	return "", &Error{Msg: "there are several kustomization files, keep one: " + strings.Join(found, ", "), Err: ErrTarget}
}

// Images returns the entries of a kustomization's `images` list in the order of
// the file.
func Images(src []byte) ([]KustomizeImage, error) {
	s, err := parseSource(src)
	if err != nil {
		return nil, err
	}
	list, err := s.findImages()
	if err != nil {
		return nil, err
	}
	var images []KustomizeImage
	for i, item := range list.items() {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		e, err := newImageEntry(item, i)
		if err != nil {
			return nil, err
		}
		images = append(images, KustomizeImage{
			Name: e.text("name"), NewName: e.text("newName"), NewTag: e.text("newTag"), Digest: e.text("digest"),
		})
	}
	return images, nil
}

// imageList is the place of `images` in a kustomization file.
type imageList struct {
	root *yaml.Node // nil if the file is empty
	key  *yaml.Node // nil if there is no such key
	seq  *yaml.Node // the value: a sequence, or a null scalar
}

func (l imageList) items() []*yaml.Node {
	if l.seq == nil || l.seq.Kind != yaml.SequenceNode {
		return nil
	}
	return l.seq.Content
}

func (s *source) findImages() (imageList, error) {
	root := s.root()
	if root == nil || root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return imageList{}, nil
	}
	if root.Kind != yaml.MappingNode {
		return imageList{}, fail(root, "", ErrSyntax, "a kustomization is a mapping")
	}
	list := imageList{root: root}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Value != "images" {
			continue
		}
		if list.key != nil {
			return imageList{}, fail(key, "", ErrTarget, `"images" stands more than once`)
		}
		isNull := value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null"
		if value.Kind != yaml.SequenceNode && !isNull {
			return imageList{}, fail(value, "images", ErrTarget, "this is not a sequence of images")
		}
		list.key, list.seq = key, value
	}
	return list, nil
}

// imageEntry is one mapping of the list.
type imageEntry struct {
	node  *yaml.Node
	index int
}

func newImageEntry(n *yaml.Node, index int) (imageEntry, error) {
	e := imageEntry{node: n, index: index}
	key := e.key("")
	if n.Kind != yaml.MappingNode {
		return e, fail(n, key, ErrTarget, "an image is a mapping with a name")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.ShortTag() == "!!merge" {
			return e, fail(k, key, ErrTarget, "an image has plain keys only")
		}
		if seen[k.Value] {
			return e, fail(k, key, ErrTarget, "%q stands more than once", k.Value)
		}
		seen[k.Value] = true
	}
	if e.text("name") == "" {
		return e, fail(n, key, ErrTarget, `the image has no "name"`)
	}
	return e, nil
}

// key is the entry's address, or that of one of its fields.
func (e imageEntry) key(field string) string {
	key := fmt.Sprintf("images.%d", e.index)
	if field != "" {
		key += "." + field
	}
	return key
}

// find returns the position of a field's key in the mapping's content, or -1.
func (e imageEntry) find(field string) int {
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if e.node.Content[i].Value == field {
			return i
		}
	}
	return -1
}

// text returns a field as it is written, whatever its type; empty if absent.
func (e imageEntry) text(field string) string {
	i := e.find(field)
	if i < 0 {
		return ""
	}
	n := e.node.Content[i+1]
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return ""
	}
	return n.Value
}

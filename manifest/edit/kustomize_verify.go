package edit

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// verify compares the file before and after: apart from `images` nothing may
// differ, and in `images` only what was asked for.
func (p *imagePlan) verify(before, after *source) error {
	list, err := after.findImages()
	if err != nil {
		return err
	}
	if list.key == nil {
		return fmt.Errorf("the list of images would be missing")
	}
	c := newComparer()
	if err := c.exceptImages(before, after, p.list, list); err != nil {
		return err
	}
	old, items := p.list.items(), list.items()
	if len(items) != len(old)+len(p.added) {
		return fmt.Errorf("the list would have %d images instead of %d", len(items), len(old)+len(p.added))
	}
	for i, item := range old {
		if want, ok := p.wanted[item]; ok {
			err = c.entry(item, items[i], want)
		} else {
			err = c.equal(item, items[i])
		}
		if err != nil {
			return err
		}
	}
	for i, img := range p.added {
		if err := isEntry(items[len(old)+i], newFields(img)); err != nil {
			return err
		}
	}
	return nil
}

// exceptImages compares all documents but leaves the list of images out.
func (c *comparer) exceptImages(before, after *source, was, is imageList) error {
	if was.root == nil {
		if len(after.docs) != max(1, len(before.docs)) || len(is.root.Content) != 2 {
			return fmt.Errorf("the document would hold more than images")
		}
	} else {
		if len(before.docs) != len(after.docs) {
			return fmt.Errorf("the number of documents would change")
		}
		if err := c.equal(withoutPair(was.root, was.key), withoutPair(is.root, is.key)); err != nil {
			return err
		}
		c.after[was.root] = is.root
		if was.key != nil {
			if err := c.equal(was.key, is.key); err != nil {
				return err
			}
		}
		if was.seq != nil && was.seq.Anchor != is.seq.Anchor {
			return fmt.Errorf("the anchor on line %d would change", was.seq.Line)
		}
	}
	if (before.tail == nil) != (after.tail == nil) {
		return fmt.Errorf("a later document would change")
	}
	for i := 1; i < len(before.docs); i++ {
		if err := c.equal(before.docs[i], after.docs[i]); err != nil {
			return err
		}
	}
	return nil
}

// withoutPair returns a copy of a mapping that lacks one key and its value.
func withoutPair(m, key *yaml.Node) *yaml.Node {
	bare := *m
	bare.Content = slices.Clone(m.Content)
	if i := slices.Index(bare.Content, key); i >= 0 && key != nil {
		bare.Content = slices.Delete(bare.Content, i, i+2)
	}
	return &bare
}

// entry compares an entry that was edited. Fields that are none of imageFields,
// and those to preserve, must be as they were and in their order.
func (c *comparer) entry(before, after *yaml.Node, want map[string]string) error {
	was, err := newImageEntry(before, 0)
	if err != nil {
		return err
	}
	is, err := newImageEntry(after, 0)
	if err != nil {
		return err
	}
	if before.Style != after.Style || before.Anchor != after.Anchor || before.Tag != after.Tag {
		return fmt.Errorf("the style of the entry on line %d would change", before.Line)
	}
	kept := func(e imageEntry) (nodes []*yaml.Node) {
		for i := 0; i+1 < len(e.node.Content); i += 2 {
			name := e.node.Content[i].Value
			if !slices.Contains(imageFields[:], name) || want[name] == Preserve {
				nodes = append(nodes, e.node.Content[i], e.node.Content[i+1])
			}
		}
		return nodes
	}
	a, b := kept(was), kept(is)
	if len(a) != len(b) {
		return fmt.Errorf("the entry on line %d would gain or lose fields", before.Line)
	}
	for i := range a {
		if err := c.equal(a[i], b[i]); err != nil {
			return err
		}
	}
	for _, name := range imageFields {
		value, i := want[name], is.find(name)
		switch {
		case value == Preserve:
		case value == "" && i >= 0, value != "" && (i < 0 || !isString(is.node.Content[i+1], value)):
			return fmt.Errorf("%s of the entry on line %d would be wrong", name, before.Line)
		}
	}
	return nil
}

// isEntry checks an entry that was added.
func isEntry(n *yaml.Node, fields []field) error {
	if n.Kind != yaml.MappingNode || len(n.Content) != 2*len(fields) {
		return fmt.Errorf("the new entry would have other fields")
	}
	for i, f := range fields {
		if !isString(n.Content[2*i], f.name) || !isString(n.Content[2*i+1], f.value) {
			return fmt.Errorf("%s of the new entry would be wrong", f.name)
		}
	}
	return nil
}

func isString(n *yaml.Node, value string) bool {
	return n.Kind == yaml.ScalarNode && holds(n, value)
}

package edit

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// comparer walks the trees before and after an edit side by side. Aliases are
// compared by what they stand for: an alias must point to the counterpart of the
// node that it pointed to before.
type comparer struct {
	after map[*yaml.Node]*yaml.Node // counterpart of each node seen that has an anchor
	want  map[*yaml.Node]any        // nodes that were to change, and into what
}

func newComparer() *comparer {
	return &comparer{after: map[*yaml.Node]*yaml.Node{}, want: map[*yaml.Node]any{}}
}

// streams compares all documents.
func (c *comparer) streams(before, after *source) error {
	if len(before.docs) != len(after.docs) || (before.tail == nil) != (after.tail == nil) {
		return fmt.Errorf("the number of documents would change from %d to %d", len(before.docs), len(after.docs))
	}
	for i := range before.docs {
		if err := c.equal(before.docs[i], after.docs[i]); err != nil {
			return err
		}
	}
	return nil
}

// equal returns an error that names the first difference.
func (c *comparer) equal(a, b *yaml.Node) error {
	if want, ok := c.want[a]; ok {
		if b.Kind != yaml.ScalarNode || b.Anchor != a.Anchor || !holds(b, want) {
			return fmt.Errorf("line %d would not hold the new value", a.Line)
		}
		if explicit := a.Style & yaml.TaggedStyle; b.Style&yaml.TaggedStyle != explicit || explicit != 0 && a.Tag != b.Tag {
			return fmt.Errorf("the tag on line %d would change", a.Line)
		}
		c.after[a] = b
		return nil
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor ||
		a.Style != b.Style || len(a.Content) != len(b.Content) {
		return fmt.Errorf("line %d would change too", a.Line)
	}
	if a.Anchor != "" {
		c.after[a] = b
	}
	if a.Kind == yaml.AliasNode {
		if c.after[a.Alias] != b.Alias {
			return fmt.Errorf("the alias on line %d would stand for something else", a.Line)
		}
		return nil
	}
	for i := range a.Content {
		if err := c.equal(a.Content[i], b.Content[i]); err != nil {
			return err
		}
	}
	return nil
}

package tree

// Tag is an annotated tag that was made in a Checkout and is not published yet.
type Tag struct {
	// Name is without refs/tags/.
	Name, Message string
	Commit        Hash
	// Force allows to replace a tag of that name.
	Force bool
}

// SetTag keeps a tag until it is published, in place of any other of its name.
func (c *Checkout) SetTag(t Tag) {
	if c.tags == nil {
		c.tags = map[string]Tag{}
	}
	c.tags[t.Name] = t
}

// Tag returns a tag that was made here.
func (c *Checkout) Tag(name string) (Tag, bool) {
	t, ok := c.tags[name]
	return t, ok
}

// Rewrite gives pending commits other messages and authors. One that changes is not
// stored any more, nor are those after it.
func (c *Checkout) Rewrite(edit func(message string, author *Person) (string, *Person)) {
	changed := false
	for i := range c.pending {
		p := &c.pending[i]
		message, author := edit(p.Message, p.Author)
		changed = changed || message != p.Message || !samePerson(author, p.Author)
		p.Message, p.Author = message, author
		if changed {
			p.ID = Hash{}
		}
	}
}

func samePerson(a, b *Person) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

package gitrepo

import (
	"container/list"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// cache keeps the most recently used objects within a number of bytes. Not safe
// for concurrent use.
type cache struct {
	limit, size int64
	byHash      map[tree.Hash]*list.Element
	order       *list.List // of Object, most recently used first
}

// entryCost is about what an entry takes beside its content.
const entryCost = 200

func newCache(limit int64) *cache {
	return &cache{limit: limit, byHash: map[tree.Hash]*list.Element{}, order: list.New()}
}

func (c *cache) get(h tree.Hash) (Object, bool) {
	e, ok := c.byHash[h]
	if !ok {
		return Object{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(Object), true //nolint:forcetypeassert // Only Objects are put in.
}

func (c *cache) put(o Object) {
	if e, ok := c.byHash[o.Hash]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.byHash[o.Hash] = c.order.PushFront(o)
	c.size += cost(o)
	for c.size > c.limit && c.order.Len() > 1 {
		last := c.order.Back()
		old := c.order.Remove(last).(Object) //nolint:forcetypeassert // As above.
		delete(c.byHash, old.Hash)
		c.size -= cost(old)
	}
}

// reserve makes room for n bytes at once: what a server without partial fetch
// sent must stay, or every look would fetch it all again.
func (c *cache) reserve(n int64) { c.limit = max(c.limit, n) }

func cost(o Object) int64 { return int64(len(o.Data)) + entryCost }

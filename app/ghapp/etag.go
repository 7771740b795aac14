package ghapp

import (
	"bytes"
	"container/list"
	"io"
	"net/http"
	"sync"
)

// etags asks conditionally for what was read before: GitHub does not count a
// 304. It never answers by itself, so nothing stale is ever seen.
type etags struct {
	cache *etagCache
	// scope keeps the answers of different tokens apart.
	scope string
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *etags) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodGet {
		return t.next.RoundTrip(req)
	}
	key := t.scope + " " + req.Header.Get("Accept") + " " + req.URL.String()
	known, ok := t.cache.get(key)
	if ok {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusNotModified && ok:
		_ = resp.Body.Close()
		return known.response(req, resp), nil
	case resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == "":
		t.cache.drop(key)
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	t.cache.put(key, answer{etag: resp.Header.Get("ETag"), header: resp.Header.Clone(), body: body})
	return resp, nil
}

// answer is a kept 200.
type answer struct {
	etag   string
	header http.Header
	body   []byte
}

// response is the kept answer with the new one's rate limits and date.
func (a answer) response(req *http.Request, fresh *http.Response) *http.Response {
	h := a.header.Clone()
	for k, v := range fresh.Header {
		if k != "Content-Length" && k != "Content-Type" && k != "Link" {
			h[k] = v
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: fresh.Proto, ProtoMajor: fresh.ProtoMajor, ProtoMinor: fresh.ProtoMinor,
		Header: h, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}
}

// etagCache keeps the most recently used answers within a number of bytes. It is
// safe for concurrent use.
type etagCache struct {
	mu          sync.Mutex
	limit, size int64
	byKey       map[string]*list.Element
	order       *list.List // of entry, most recently used first
}

type entry struct {
	key string
	answer
}

func (e entry) cost() int64 { return int64(len(e.body)+len(e.key)) + 1024 }

func newETagCache(limit int64) *etagCache {
	return &etagCache{limit: limit, byKey: map[string]*list.Element{}, order: list.New()}
}

func (c *etagCache) get(key string) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return answer{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry).answer, true //nolint:forcetypeassert // Only entries are put in.
}

func (c *etagCache) put(key string, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
	e := entry{key, a}
	if e.cost() > c.limit/4 {
		return
	}
	c.byKey[key] = c.order.PushFront(e)
	c.size += e.cost()
	for c.size > c.limit {
		c.remove(c.order.Back().Value.(entry).key) //nolint:forcetypeassert // As above.
	}
}

func (c *etagCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(key)
}

func (c *etagCache) remove(key string) {
	if e, ok := c.byKey[key]; ok {
		c.size -= c.order.Remove(e).(entry).cost() //nolint:forcetypeassert // As above.
		delete(c.byKey, key)
	}
}

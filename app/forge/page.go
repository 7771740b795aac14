package forge

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// paging reads page and per_page: 30 by default, 100 at most. Nonsense falls back to the default, as on GitHub.
func (c *call) paging() (page, perPage int) {
	page, perPage = 1, 30
	if n, err := strconv.Atoi(c.query.Get("page")); err == nil && n > 0 {
		page = n
	}
	if n, err := strconv.Atoi(c.query.Get("per_page")); err == nil && n > 0 {
		perPage = min(n, 100)
	}
	return page, perPage
}

// page cuts items and builds the Link header.
func page[T any](c *call, items []T) ([]T, http.Header) {
	n, size := c.paging()
	last := max(1, (len(items)+size-1)/size)
	start := min((n-1)*size, len(items))
	end := min(start+size, len(items))
	var links []string
	link := func(to int, rel string) {
		q := url.Values{}
		for k, v := range c.query {
			q[k] = v
		}
		q.Set("page", strconv.Itoa(to))
		links = append(links, fmt.Sprintf(`<%s?%s>; rel=%q`, c.s.base+c.r.URL.EscapedPath(), q.Encode(), rel))
	}
	if n > 1 {
		link(n-1, "prev")
	}
	if n < last {
		link(n+1, "next")
		link(last, "last")
	}
	if n > 1 {
		link(1, "first")
	}
	h := http.Header{}
	if len(links) > 0 {
		h.Set("Link", strings.Join(links, ", "))
	}
	return items[start:end:end], h
}

// list answers with one page of items, rendered.
func list[T any](c *call, items []T, render func(T) obj) (reply, error) {
	cut, h := page(c, items)
	return reply{status: http.StatusOK, body: mapSlice(cut, render), header: h}, nil
}

// listUnder is list for the endpoints that wrap the page in an object with a total count.
func listUnder[T any](c *call, key string, items []T, render func(T) obj) (reply, error) {
	cut, h := page(c, items)
	return reply{status: http.StatusOK, body: obj{"total_count": len(items), key: mapSlice(cut, render)}, header: h}, nil
}

// mapSlice never returns nil, because an empty JSON array must not become null.
func mapSlice[T, U any](items []T, f func(T) U) []U {
	out := make([]U, 0, len(items))
	for _, it := range items {
		out = append(out, f(it))
	}
	return out
}

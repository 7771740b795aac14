package forge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// done returns finished deliveries, newest first.
func (q *hookQueue) done() []*Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*Delivery
	for _, d := range q.history {
		if d.Done {
			c := *d
			out = append(out, &c)
		}
	}
	slices.Reverse(out)
	return out
}

// listDeliveries pages by an opaque cursor, not by page numbers.
func listDeliveries(c *call) (reply, error) {
	if c.query.Has("page") {
		return reply{}, badRequest("page is not supported here; use cursor")
	}
	_, size := c.paging()
	status := c.query.Get("status")
	if status != "" && status != "success" && status != "failure" {
		return reply{}, unprocessable("Invalid request.\n\nFor 'properties/status', %q is not a member of [\"success\", \"failure\"].", status)
	}
	after := int64(0)
	if cur := c.query.Get("cursor"); cur != "" {
		n, err := strconv.ParseInt(trimCursor(cur), 10, 64)
		if err != nil {
			return reply{}, badRequest("Invalid cursor")
		}
		after = n
	}
	var items []*Delivery
	for _, d := range c.s.hooks.done() {
		failed := d.StatusCode < 200 || d.StatusCode >= 400
		if after > 0 && d.ID >= after || status == "failure" && !failed || status == "success" && failed {
			continue
		}
		items = append(items, d)
	}
	h := http.Header{}
	if len(items) > size {
		items = items[:size]
		q := url.Values{}
		for k, v := range c.query {
			q[k] = v
		}
		q.Set("cursor", fmt.Sprintf("v1_%d", items[size-1].ID))
		h.Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, c.s.base+c.r.URL.EscapedPath(), q.Encode()))
	}
	return reply{status: http.StatusOK, body: mapSlice(items, renderDelivery), header: h}, nil
}

func trimCursor(cursor string) string {
	if len(cursor) > 3 && cursor[:3] == "v1_" {
		return cursor[3:]
	}
	return cursor
}

func renderDelivery(d *Delivery) obj {
	o := obj{
		"id": d.ID, "guid": d.GUID, "delivered_at": timestamp(d.DeliveredAt), "redelivery": d.Redelivery,
		"duration": d.Duration.Seconds(), "status": d.Status, "status_code": d.StatusCode, "event": d.Event,
		"action": optString(d.Action), "installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.Installation != 0 {
		o["installation_id"] = d.Installation
	}
	if d.Repository != 0 {
		o["repository_id"] = d.Repository
	}
	return o
}

func findDelivery(c *call) (*Delivery, error) {
	id, err := c.number("delivery_id")
	if err != nil {
		return nil, err
	}
	for _, d := range c.s.hooks.done() {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, notFound()
}

func getDelivery(c *call) (reply, error) {
	d, err := findDelivery(c)
	if err != nil {
		return reply{}, err
	}
	o := renderDelivery(d)
	o["url"] = d.target
	o["request"] = obj{"headers": d.Headers, "payload": json.RawMessage(d.Payload)}
	o["response"] = obj{"headers": d.ResponseHead, "payload": optString(d.Response)}
	return ok(o)
}

// redeliver sends the same payload with the same GUID again, as a new delivery.
func redeliver(c *call) (reply, error) {
	d, err := findDelivery(c)
	if err != nil {
		return reply{}, err
	}
	again := &Delivery{
		ID: c.s.nextID(), GUID: d.GUID, Event: d.Event, Action: d.Action, Redelivery: true, Installation: d.Installation,
		Repository: d.Repository, Payload: d.Payload, target: c.s.app.hookURL, secret: c.s.app.hookSecret,
	}
	again.Headers = c.s.hookHeaders(again)
	c.s.enqueue(again)
	return reply{status: http.StatusAccepted, body: obj{}}, nil
}

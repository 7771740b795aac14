package forge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// reorderPatience is how long a reordered delivery waits for another one to go first.
	reorderPatience = 500 * time.Millisecond
	maxHookPayload  = 25 << 20 // larger payloads are never sent
	maxHookAnswer   = 64 << 10
)

// Delivery is one attempt to deliver a webhook, as the deliveries API shows it.
type Delivery struct {
	ID           int64
	GUID         string
	Event        string
	Action       string
	Redelivery   bool
	Installation int64
	Repository   int64
	Payload      []byte
	Headers      map[string]string
	DeliveredAt  time.Time
	Done         bool
	StatusCode   int
	Status       string // "OK", or why it failed
	Duration     time.Duration
	Response     string
	ResponseHead map[string]string

	target, secret string
}

// hookQueue holds deliveries that wait and remembers those that were sent.
type hookQueue struct {
	mu      sync.Mutex
	waiting []*Delivery
	held    []*Delivery // reordered: sent after the next one
	history []*Delivery // oldest first
	open    int         // waiting, held, delayed or in flight
	wake    chan struct{}
	idle    chan struct{} // closed when open drops to 0; nil otherwise
}

func (q *hookQueue) init() { q.wake = make(chan struct{}, 1) }

func (q *hookQueue) push(d *Delivery) {
	q.mu.Lock()
	q.waiting = append(q.waiting, d)
	q.mu.Unlock()
	q.signal()
}

func (q *hookQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *hookQueue) pop() *Delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil
	}
	d := q.waiting[0]
	q.waiting = q.waiting[1:]
	return d
}

// releaseHeld gives up waiting for a delivery to overtake the held ones.
func (q *hookQueue) releaseHeld() {
	q.mu.Lock()
	q.waiting, q.held = append(q.waiting, q.held...), nil
	q.mu.Unlock()
	q.signal()
}

// finished books a delivery out.
func (q *hookQueue) finished() {
	q.mu.Lock()
	q.open--
	if q.open == 0 && q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
	q.mu.Unlock()
	q.signal()
}

// enqueue records a delivery and applies faults. Server.mu is held.
func (s *Server) enqueue(d *Delivery) {
	q := &s.hooks
	fault := s.faults.takeDelivery(d.Event, d.Action)
	kind := DeliveryFaultKind(-1)
	if fault != nil {
		kind = fault.Kind
	}
	if kind == LoseDelivery {
		return
	}
	q.mu.Lock()
	defer q.signal()
	defer q.mu.Unlock()
	q.history = append(q.history, d)
	switch kind {
	case DropDelivery:
		d.Done, d.StatusCode, d.Status, d.DeliveredAt = true, http.StatusBadGateway, "Bad Gateway", s.now()
		return
	case DelayDelivery:
		q.open++
		time.AfterFunc(fault.Delay, func() { q.push(d) })
		return
	case ReorderDelivery:
		q.open++
		q.held = append(q.held, d)
		time.AfterFunc(reorderPatience, q.releaseHeld)
		return
	case DuplicateDelivery:
		again := *d
		again.ID, again.Redelivery = s.nextID(), true
		q.history = append(q.history, &again)
		q.open++
		q.waiting = append(q.waiting, d)
		d = &again
	default: // delivered as usual
	}
	q.open++
	q.waiting = append(q.waiting, d)
	q.waiting = append(q.waiting, q.held...)
	q.held = nil
}

func (s *Server) deliverLoop(ctx context.Context) error {
	var workers sync.WaitGroup
	for range max(1, s.opts.HookWorkers) {
		workers.Go(func() {
			for {
				if d := s.hooks.pop(); d != nil {
					s.hooks.signal() // let another worker look for more
					s.send(ctx, d)
					s.hooks.finished()
					continue
				}
				select {
				case <-ctx.Done():
					s.hooks.signal()
					return
				case <-s.hooks.wake:
				}
				if ctx.Err() != nil {
					s.hooks.signal()
					return
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// send makes one attempt. There is no other: GitHub does not retry.
func (s *Server) send(ctx context.Context, d *Delivery) {
	started := time.Now()
	status, text, answer, head := s.post(ctx, d)
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	d.Done, d.StatusCode, d.Status, d.Response, d.ResponseHead = true, status, text, answer, head
	d.DeliveredAt, d.Duration = s.now(), time.Since(started)
}

func (s *Server) post(ctx context.Context, d *Delivery) (status int, text, answer string, head map[string]string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.target, bytes.NewReader(d.Payload))
	if err != nil {
		return 0, "invalid_url", "", nil
	}
	for k, v := range d.Headers {
		req.Header.Set(k, v)
	}
	resp, err := s.opts.HookClient.Do(req)
	if err != nil {
		s.log.Warn("forge webhook not delivered", "event", d.Event, "delivery", d.GUID, "err", err)
		return http.StatusBadGateway, "failed to connect to host", "", nil
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxHookAnswer))
	head = map[string]string{}
	for k := range resp.Header {
		head[k] = resp.Header.Get(k)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp.StatusCode, "OK", string(raw), head
	}
	return resp.StatusCode, "Invalid HTTP Response: " + strconv.Itoa(resp.StatusCode), string(raw), head
}

// emit sends an event about r to the App's webhook if the App is installed there and subscribed. Server.mu is held.
func (s *Server) emit(r *repo, who actor, event string, payload obj) {
	if !slices.Contains(s.app.events, event) {
		return
	}
	inst := s.installationFor(r)
	if inst == nil || !inst.suspendedAt.IsZero() {
		return
	}
	payload["repository"] = s.hookRepo(r)
	if r.owner.kind == "Organization" {
		payload["organization"] = s.renderOrg(r.owner)
	}
	payload["sender"] = s.renderUser(who.account)
	payload["installation"] = obj{"id": inst.id, "node_id": nodeID("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", inst.id)}
	s.deliver(inst, r.id, event, payload)
}

func (s *Server) deliver(inst *installation, repoID int64, event string, payload obj) {
	if s.app.hookURL == "" {
		return
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		s.log.Error("forge could not encode a webhook", "event", event, "err", err)
		return
	}
	if len(raw) > maxHookPayload {
		return
	}
	action, _ := payload["action"].(string)
	d := &Delivery{
		ID: s.nextID(), GUID: uuid.NewString(), Event: event, Action: action, Installation: inst.id, Repository: repoID,
		Payload: raw, target: s.app.hookURL, secret: s.app.hookSecret,
	}
	d.Headers = s.hookHeaders(d)
	s.enqueue(d)
}

func (s *Server) hookHeaders(d *Delivery) map[string]string {
	h := map[string]string{
		"Accept":                                 "*/*",
		"Content-Type":                           "application/json",
		"User-Agent":                             "GitHub-Hookshot/0000001",
		"X-GitHub-Delivery":                      d.GUID,
		"X-GitHub-Event":                         d.Event,
		"X-GitHub-Hook-ID":                       strconv.FormatInt(s.app.id, 10),
		"X-GitHub-Hook-Installation-Target-ID":   strconv.FormatInt(s.app.id, 10),
		"X-GitHub-Hook-Installation-Target-Type": "integration",
	}
	if d.secret != "" {
		mac := hmac.New(sha256.New, []byte(d.secret))
		mac.Write(d.Payload)
		h["X-Hub-Signature-256"] = "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	return h
}

// Deliveries returns every recorded delivery, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	out := make([]Delivery, len(s.hooks.history))
	for i, d := range s.hooks.history {
		out[i] = *d
	}
	return out
}

// WaitDelivered blocks until no delivery is waiting or in flight. Run must be running.
func (s *Server) WaitDelivered(ctx context.Context) error {
	s.hooks.mu.Lock()
	if s.hooks.open == 0 {
		s.hooks.mu.Unlock()
		return nil
	}
	if s.hooks.idle == nil {
		s.hooks.idle = make(chan struct{})
	}
	idle := s.hooks.idle
	s.hooks.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for webhook deliveries: %w", ctx.Err())
	}
}

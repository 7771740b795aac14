package forge

import (
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault makes requests fail. Every matching request uses it up by one.
type Fault struct {
	// Method is exact; empty matches every method.
	Method string
	// Path is a path.Match pattern over the path without /api/v3, such as "/repos/*/*/pulls"; a trailing "/**" matches
	// everything below. Empty matches every path. Git requests are "/OWNER/REPO.git/git-receive-pack" and so on.
	Path string
	// Times is how many requests fail; 0 means one.
	Times int
	// Skip lets that many matching requests through first.
	Skip int
	// Status of the answer; 0 cuts the connection without an answer.
	Status int
	// Message of the JSON answer; empty picks one that fits the status.
	Message string
	// RetryAfter, when set, is sent as the retry-after header, in whole seconds.
	RetryAfter time.Duration
	// Header is added to the answer.
	Header http.Header
	// AfterEffect performs the request and loses only its answer.
	AfterEffect bool
}

// SecondaryLimit is GitHub's secondary rate limit answer on the next matching request: 403 with retry-after.
func SecondaryLimit(method, path string, retryAfter time.Duration) Fault {
	return Fault{
		Method: method, Path: path, Status: http.StatusForbidden, RetryAfter: retryAfter,
		Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
	}
}

// BadGateway is a 502 on the next matching request; with afterEffect the request was carried out nevertheless.
func BadGateway(method, path string, afterEffect bool) Fault {
	return Fault{Method: method, Path: path, Status: http.StatusBadGateway, AfterEffect: afterEffect, Message: "Server Error"}
}

func (f *Fault) matches(method, p string) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	p = strings.TrimPrefix(p, "/api/v3")
	if f.Path == "" {
		return true
	}
	if prefix, deep := strings.CutSuffix(f.Path, "/**"); deep {
		segments := strings.Count(prefix, "/") + 1
		parts := strings.SplitN(p, "/", segments+1)
		if len(parts) <= segments {
			return false
		}
		p, f := strings.Join(parts[:segments], "/"), prefix
		matched, err := path.Match(f, p)
		return err == nil && matched
	}
	matched, err := path.Match(f.Path, p)
	return err == nil && matched
}

func (f *Fault) write(w http.ResponseWriter) {
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range f.Header {
		w.Header()[k] = v
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	message := f.Message
	if message == "" {
		message = http.StatusText(f.Status)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(f.Status)
	_, _ = w.Write(fail(f.Status, "%s", message).body())
}

// DeliveryFault disturbs webhook deliveries. Each match uses it up by one.
type DeliveryFault struct {
	Event  string // empty matches every event
	Action string // empty matches every action
	Times  int    // 0 means one
	Skip   int    // matching deliveries that pass first
	Kind   DeliveryFaultKind
	Delay  time.Duration // for DelayDelivery
}

// DeliveryFaultKind says what happens to a delivery.
type DeliveryFaultKind int

const (
	// DropDelivery records the delivery as failed without sending it: the deliveries API shows it.
	DropDelivery DeliveryFaultKind = iota
	// LoseDelivery makes it vanish: not even the deliveries API knows.
	LoseDelivery
	// DuplicateDelivery sends it twice with the same GUID.
	DuplicateDelivery
	// ReorderDelivery sends it after the delivery that follows it.
	ReorderDelivery
	// DelayDelivery sends it later, by Delay.
	DelayDelivery
)

type faults struct {
	mu          sync.Mutex
	requests    []*Fault
	deliveries  []*DeliveryFault
	beforeMerge func(repo string, number int)
}

func (f *faults) take(method, path string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, rule := range f.requests {
		if !rule.matches(method, path) {
			continue
		}
		if rule.Skip > 0 {
			rule.Skip--
			continue
		}
		if rule.Times--; rule.Times <= 0 {
			f.requests = append(f.requests[:i:i], f.requests[i+1:]...)
		}
		hit := *rule
		return &hit
	}
	return nil
}

func (f *faults) takeDelivery(event, action string) *DeliveryFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, rule := range f.deliveries {
		if rule.Event != "" && rule.Event != event || rule.Action != "" && rule.Action != action {
			continue
		}
		if rule.Skip > 0 {
			rule.Skip--
			continue
		}
		if rule.Times--; rule.Times <= 0 {
			f.deliveries = append(f.deliveries[:i:i], f.deliveries[i+1:]...)
		}
		hit := *rule
		return &hit
	}
	return nil
}

// Inject adds request faults; they apply in the order given.
func (s *Server) Inject(rules ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, rule := range rules {
		s.faults.requests = append(s.faults.requests, &rule)
	}
}

// InjectDelivery adds delivery faults.
func (s *Server) InjectDelivery(rules ...DeliveryFault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, rule := range rules {
		s.faults.deliveries = append(s.faults.deliveries, &rule)
	}
}

// ClearFaults removes all faults and the merge hook.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.requests, s.faults.deliveries, s.faults.beforeMerge = nil, nil, nil
}

// BeforeMerge calls f after a merge request has arrived and before it is carried out, so that a test can push into the
// gap. f may call any method of s.
func (s *Server) BeforeMerge(f func(repo string, number int)) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.beforeMerge = f
}

// SetMergeableDelay changes Options.MergeableDelay for computations that start from now on.
func (s *Server) SetMergeableDelay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.MergeableDelay = d
}

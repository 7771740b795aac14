package forge

import (
	"slices"
	"sync"
)

// Request is one API request that the server answered.
type Request struct {
	Method       string
	Route        string // GitHub's template, such as "/repos/{owner}/{repo}/pulls"; empty for unknown routes
	Path         string
	Status       int
	Installation int64 // 0 unless an installation token was used
	Injected     bool  // the answer came from a Fault
}

// GitTraffic counts what passed through the git endpoints since the last reset.
type GitTraffic struct {
	Requests  int
	BytesUp   int64 // request bodies, from the client
	BytesDown int64 // response bodies, to the client
}

type traffic struct {
	mu       sync.Mutex
	requests []Request
	git      GitTraffic
}

func (t *traffic) record(r Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, r)
}

func (t *traffic) gitRequest(up, down int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.git.Requests++
	t.git.BytesUp += up
	t.git.BytesDown += down
}

// Requests returns the API requests since the start or the last ResetTraffic, in order of completion.
func (s *Server) Requests() []Request {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return slices.Clone(s.traffic.requests)
}

// RequestCounts returns how many requests each "METHOD /route/{template}" got.
func (s *Server) RequestCounts() map[string]int {
	counts := map[string]int{}
	for _, r := range s.Requests() {
		counts[r.Method+" "+r.Route]++
	}
	return counts
}

// GitTraffic returns the counters of the git endpoints.
func (s *Server) GitTraffic() GitTraffic {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return s.traffic.git
}

// ResetTraffic forgets the request log and the git counters.
func (s *Server) ResetTraffic() {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.requests, s.traffic.git = nil, GitTraffic{}
}

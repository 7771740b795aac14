package jiratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// The account that may do everything.
const (
	Username = "bot@acme.dev"
	Password = "token-1"
)

// Server is a Jira.
type Server struct {
	// DataCenter makes it one that is not in the cloud.
	DataCenter bool
	// Lag is how many searches an issue is missing from after it was created.
	Lag int
	// Down is what it answers to everything, 0 for nothing special.
	Down int

	mu     sync.Mutex
	issues []*Issue
	// unseen is how many searches each issue is missing from yet.
	unseen   map[string]int
	last     int
	requests []string
}

// Issue is an issue.
type Issue struct {
	Key      string
	Fields   map[string]any
	Status   string
	Subtasks []string
	Comments []Comment
}

// Comment is a comment.
type Comment struct {
	ID         string           `json:"id"`
	Body       any              `json:"body"`
	Properties []map[string]any `json:"properties,omitempty"`
}

// Issues returns all issues.
func (s *Server) Issues() []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Issue
	for _, i := range s.issues {
		out = append(out, *i)
	}
	return out
}

// Requests returns the requests that were made, as "METHOD path".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Add makes an issue that is found at once.
func (s *Server) Add(fields map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.add(fields)
	delete(s.unseen, i.Key)
	return i.Key
}

// AddSubtask makes an issue beneath another one.
func (s *Server) AddSubtask(of string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.add(map[string]any{"summary": "a part"})
	s.find(of).Subtasks = append(s.find(of).Subtasks, sub.Key)
}

// SetStatus moves an issue, as people do.
func (s *Server) SetStatus(key, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(key).Status = status
}

func (s *Server) add(fields map[string]any) *Issue {
	s.last++
	i := &Issue{Key: fmt.Sprintf("OPS-%d", s.last), Fields: fields, Status: "To Do"}
	s.issues = append(s.issues, i)
	if s.unseen == nil {
		s.unseen = map[string]int{}
	}
	s.unseen[i.Key] = s.Lag
	return i
}

func (s *Server) find(key string) *Issue {
	for _, i := range s.issues {
		if i.Key == key {
			return i
		}
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	if s.Down != 0 {
		w.Header().Set("Retry-After", "17")
		http.Error(w, "<html>down</html>", s.Down)
		return
	}
	version, rest, ok := s.route(r.URL.Path)
	switch {
	case !ok:
		http.Error(w, "<html>Dead link</html>", http.StatusNotFound)
	case rest == "/serverInfo":
		kind := "Cloud"
		if s.DataCenter {
			kind = "Server"
		}
		answer(w, http.StatusOK, map[string]any{"deploymentType": kind, "version": "9.12.0"})
	case s.stranger(w, r):
	case rest == "/search" && !s.DataCenter:
		refuse(w, http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
	case rest == "/search", rest == "/search/jql" && !s.DataCenter:
		s.search(w, r)
	case rest == "/user/assignable/search":
		s.users(w, r)
	case rest == "/issue" && r.Method == http.MethodPost:
		s.create(w, r, version)
	case strings.HasPrefix(rest, "/issue/"):
		s.issue(w, r, version, strings.Split(strings.TrimPrefix(rest, "/issue/"), "/"))
	default:
		http.Error(w, "", http.StatusNotFound)
	}
}

func (s *Server) route(path string) (version, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, "/rest/api/")
	version, rest, found := strings.Cut(path, "/")
	return version, "/" + rest, ok && found && (version == "2" || version == "3" && !s.DataCenter)
}

// stranger answers those who have no account: in the cloud as if nothing existed, in a
// data center by asking them to log in.
func (s *Server) stranger(w http.ResponseWriter, r *http.Request) bool {
	name, password, basic := r.BasicAuth()
	if basic && name == Username && password == Password || s.DataCenter && r.Header.Get("Authorization") == "Bearer "+Password {
		return false
	}
	w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
	switch {
	case s.DataCenter:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("<html>Unauthorized (401)</html>"))
	case strings.Contains(r.URL.Path, "/search"):
		answer(w, http.StatusOK, map[string]any{"issues": []any{}})
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/issue"):
		refuse(w, http.StatusUnauthorized, "You do not have permission to create issues in this project.")
	default:
		refuse(w, http.StatusNotFound, missing)
	}
	return true
}

const missing = "Issue does not exist or you do not have permission to see it."

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, messages ...string) {
	answer(w, status, map[string]any{"errorMessages": messages, "errors": map[string]string{}})
}

func refuseField(w http.ResponseWriter, field, message string) {
	answer(w, http.StatusBadRequest, map[string]any{"errorMessages": []string{}, "errors": map[string]string{field: message}})
}

package argocdtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// Server is an Argo CD. It is an http.Handler.
type Server struct {
	// Token is the only one that it takes.
	Token string
	// Namespace is its own, in which Applications are that name none.
	Namespace string
	// Now is its clock.
	Now func() time.Time
	// Held keeps requests from moving operations on.
	Held bool
	// Resolve says what a target revision of a repository means, where SetRevision did
	// not; nil and empty mean that it is the revision itself.
	Resolve func(repoURL, target string) string

	mu       sync.Mutex
	apps     []*application
	versions int
	// revisions are what targets mean, by repository and target.
	revisions map[[2]string]string
	denied    map[string]bool
	faults    []Fault
	calls     []string
}

// Fault is an answer that is given once in the place of the right one.
type Fault struct {
	// Method is that of the request it is given to.
	Method string
	Status int
	// Body is the whole answer.
	Body string
	// After has the request take effect nevertheless: its answer gets lost.
	After bool
}

// application is one Application.
type application struct {
	name, namespace string
	// object is all of it, as JSON values.
	object map[string]any
	// fate is how its syncs end: empty for success.
	fate string
	// health is what it turns to after a sync.
	health string
	// syncs counts the operations that were begun.
	syncs int
}

// New returns a Server without Applications.
func New(token string, now func() time.Time) *Server {
	return &Server{Token: token, Namespace: "argocd", Now: now, revisions: map[[2]string]string{}, denied: map[string]bool{}}
}

// Add adds an Application, given as the YAML of its manifest. It is out of sync and
// healthy until it is synced.
func (s *Server) Add(manifest string) error {
	var object map[string]any
	if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &application{object: object, health: "Healthy"}
	meta := child(object, "metadata")
	a.name, _ = meta["name"].(string)
	if a.name == "" {
		return fmt.Errorf("the Application has no name")
	}
	if a.namespace, _ = meta["namespace"].(string); a.namespace == "" {
		a.namespace = s.Namespace
		meta["namespace"] = a.namespace
	}
	status := child(object, "status")
	if status["health"] == nil {
		status["health"] = map[string]any{"status": "Healthy"}
	}
	if status["sync"] == nil {
		status["sync"] = map[string]any{"status": "OutOfSync"}
	}
	if status["reconciledAt"] == nil {
		status["reconciledAt"] = s.stamp()
	}
	s.changed(a)
	s.apps = append(s.apps, a)
	return nil
}

// SetRevision says what a target revision of a repository means from now on.
func (s *Server) SetRevision(repoURL, target, revision string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revisions[[2]string{repoURL, target}] = revision
}

// Deny makes the token's owner do without a permission: get, update or sync. Denying
// "window" closes a sync window.
func (s *Server) Deny(permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[permission] = true
}

// Fail queues an answer that is given once.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// EndWith says how the syncs of an Application end from now on: Succeeded, Failed or
// Error, and which health it has then.
func (s *Server) EndWith(name, phase, health string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byName(name); a != nil {
		a.fate, a.health = phase, health
	}
}

// Set changes a field of an Application, given by the dotted path to it.
func (s *Server) Set(name, path string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byName(name)
	if a == nil {
		return
	}
	keys := strings.Split(path, ".")
	at := a.object
	for _, key := range keys[:len(keys)-1] {
		at = child(at, key)
	}
	if last := keys[len(keys)-1]; value == nil {
		delete(at, last)
	} else {
		at[last] = value
	}
	s.changed(a)
}

// Begin has somebody else begin a sync.
func (s *Server) Begin(name, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byName(name); a != nil {
		s.begin(a, by, nil)
	}
}

// Application returns an Application as JSON, empty for none.
func (s *Server) Application(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byName(name)
	if a == nil {
		return ""
	}
	raw, err := json.MarshalIndent(a.object, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// Syncs returns how many operations were begun on an Application.
func (s *Server) Syncs(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byName(name); a != nil {
		return a.syncs
	}
	return 0
}

// Calls returns the requests so far, "GET /api/v1/applications/web".
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *Server) byName(name string) *application {
	for _, a := range s.apps {
		if a.name == name {
			return a
		}
	}
	return nil
}

// changed gives an Application a new version.
func (s *Server) changed(a *application) {
	s.versions++
	child(a.object, "metadata")["resourceVersion"] = fmt.Sprint(s.versions)
}

// stamp is the time as Kubernetes writes it.
func (s *Server) stamp() string { return s.Now().UTC().Format(time.RFC3339) }

// child returns an object within an object, which it makes if need be.
func child(of map[string]any, key string) map[string]any {
	if inner, ok := of[key].(map[string]any); ok {
		return inner
	}
	inner := map[string]any{}
	of[key] = inner
	return inner
}

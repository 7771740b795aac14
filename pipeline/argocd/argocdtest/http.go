package argocdtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/labels"
)

// codes are the HTTP statuses of gRPC's codes, as Argo CD's gateway has them.
var codes = map[int]int{2: 500, 3: 400, 5: 404, 7: 403, 9: 400, 16: 401}

const (
	unknown            = 2
	invalidArgument    = 3
	permissionDenied   = 7
	failedPrecondition = 9
	unauthenticated    = 16
)

const prefix = "/api/v1/applications"

var _ http.Handler = (*Server)(nil)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method+" "+r.URL.EscapedPath())
	if i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.Method == r.Method }); i >= 0 {
		f := s.faults[i]
		s.faults = slices.Delete(s.faults, i, i+1)
		if f.After {
			s.serve(httptest.NewRecorder(), r)
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body)
		return
	}
	s.serve(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+s.Token {
		refuse(w, unauthenticated, "invalid session: token is malformed")
		return
	}
	if !s.Held {
		defer s.advance()
	}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	var body request
	if r.Method != http.MethodGet {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			refuse(w, invalidArgument, err.Error())
			return
		}
	}
	escaped, action, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	name, err := url.PathUnescape(escaped)
	switch {
	case err != nil:
		refuse(w, invalidArgument, err.Error())
	case r.Method == http.MethodGet && name == "":
		s.list(w, r.URL.Query())
	case r.Method == http.MethodGet && action == "":
		s.get(w, name, r.URL.Query())
	case r.Method == http.MethodPatch && action == "":
		s.patch(w, name, body)
	case r.Method == http.MethodPost && action == "sync":
		s.sync(w, name, body)
	default:
		http.NotFound(w, r)
	}
}

// request is the body of a request.
type request struct {
	AppNamespace, Project, Patch, PatchType string
	Prune                                   bool
	Infos                                   []any
}

// find returns an Application that the token's owner has a permission on.
func (s *Server) find(w http.ResponseWriter, name, namespace, project, permission string) *application {
	if namespace == "" {
		namespace = s.Namespace
	}
	for _, a := range s.apps {
		of, _ := child(a.object, "spec")["project"].(string)
		if a.name == name && a.namespace == namespace && !s.denied["get"] && !s.denied[permission] && (project == "" || project == of) {
			return a
		}
	}
	refuse(w, permissionDenied, "permission denied")
	return nil
}

func (s *Server) get(w http.ResponseWriter, name string, query url.Values) {
	a := s.find(w, name, query.Get("appNamespace"), query.Get("project"), "get")
	if a == nil {
		return
	}
	if query.Get("refresh") != "" {
		s.reconcile(a)
	}
	answer(w, a.object)
}

func (s *Server) list(w http.ResponseWriter, query url.Values) {
	selector, err := labels.Parse(query.Get("selector"))
	if err != nil {
		refuse(w, invalidArgument, err.Error())
		return
	}
	namespace := query.Get("appNamespace")
	items := []any{}
	for _, a := range s.apps {
		of := labels.Set{}
		for key, value := range child(child(a.object, "metadata"), "labels") {
			of[key], _ = value.(string)
		}
		if !selector.Matches(of) || s.denied["get"] || namespace != "" && namespace != a.namespace {
			continue
		}
		if query.Get("fields") == "" {
			items = append(items, a.object)
			continue
		}
		items = append(items, map[string]any{"metadata": map[string]any{"name": a.name, "namespace": a.namespace}})
	}
	answer(w, map[string]any{"metadata": map[string]any{}, "items": items})
}

func (s *Server) patch(w http.ResponseWriter, name string, body request) {
	a := s.find(w, name, body.AppNamespace, body.Project, "update")
	if a == nil {
		return
	}
	before, err := json.Marshal(a.object)
	if err != nil {
		refuse(w, unknown, err.Error())
		return
	}
	var after []byte
	switch body.PatchType {
	case "json", "":
		var patch jsonpatch.Patch
		if patch, err = jsonpatch.DecodePatch([]byte(body.Patch)); err == nil {
			after, err = patch.Apply(before)
		}
	case "merge":
		after, err = jsonpatch.MergePatch(before, []byte(body.Patch))
	default:
		refuse(w, invalidArgument, "Patch type '"+body.PatchType+"' is not supported")
		return
	}
	var object map[string]any
	if err == nil {
		err = json.Unmarshal(after, &object)
	}
	if err != nil {
		refuse(w, unknown, err.Error())
		return
	}
	// As in Argo CD only the specification and the metadata can be changed this way.
	a.object["spec"] = object["spec"]
	for _, key := range []string{"labels", "annotations"} {
		child(a.object, "metadata")[key] = child(child(object, "metadata"), key)
	}
	s.changed(a)
	answer(w, a.object)
}

func (s *Server) sync(w http.ResponseWriter, name string, body request) {
	a := s.find(w, name, body.AppNamespace, body.Project, "sync")
	switch {
	case a == nil:
	case s.denied["window"]:
		refuse(w, permissionDenied, "cannot sync: blocked by sync window")
	case a.object["operation"] != nil:
		refuse(w, failedPrecondition, "another operation is already in progress")
	default:
		s.begin(a, "kargo", body.Infos)
		answer(w, a.object)
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(codes[code])
	_ = json.NewEncoder(w).Encode(map[string]any{"error": message, "code": code, "message": message})
}

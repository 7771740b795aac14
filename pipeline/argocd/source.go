package argocd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/kargo-app/kargo/pipeline"
)

// Update changes one source of an Application.
type Update struct {
	// RepoURL and Chart say which: both exactly for charts, else the repository,
	// however its address is written.
	RepoURL, Chart string
	// Revision is the one that the source shall be synced to, empty for any.
	Revision string
	// SetTarget makes Revision the source's target revision.
	SetTarget bool
	// KustomizeImages replace the images that Kustomize sets; nil leaves them.
	KustomizeImages []string
	// HelmParameters are set; others stay.
	HelmParameters []HelmParameter
}

// HelmParameter is a parameter of Helm.
type HelmParameter struct{ Name, Value string }

// PatchOp is an operation of a JSON Patch, RFC 6902.
type PatchOp struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// source is one source of an Application.
type source struct {
	// path is a JSON Pointer to it.
	path string
	// fields are all that it has, so that what is not known here survives.
	fields         map[string]json.RawMessage
	repoURL, chart string
	// target, images and parameters are what the source is to get, nil for no change.
	target     *string
	images     []string
	parameters []json.RawMessage
}

func (a Application) sources() ([]*source, error) {
	raw, paths := a.Spec.Sources, []string(nil)
	for i := range raw {
		paths = append(paths, "/spec/sources/"+strconv.Itoa(i))
	}
	if len(raw) == 0 && present(a.Spec.Source) {
		raw, paths = []json.RawMessage{a.Spec.Source}, []string{"/spec/source"}
	}
	out := make([]*source, len(raw))
	for i := range raw {
		s := &source{path: paths[i]}
		var named struct{ RepoURL, Chart string }
		if json.Unmarshal(raw[i], &s.fields) != nil || json.Unmarshal(raw[i], &named) != nil {
			return nil, fmt.Errorf("%s: source %d makes no sense", a.Title(), i+1)
		}
		s.repoURL, s.chart = named.RepoURL, named.Chart
		out[i] = s
	}
	return out, nil
}

func (u Update) matches(s *source) bool {
	if u.Chart != "" || s.chart != "" {
		return u.Chart == s.chart && u.RepoURL == s.repoURL
	}
	return pipeline.NormalizeGitURL(u.RepoURL) == pipeline.NormalizeGitURL(s.repoURL)
}

// Wanted returns the revision that each source shall be synced to, empty for any.
func (a Application) Wanted(updates []Update) ([]string, error) {
	sources, err := a.sources()
	if err != nil {
		return nil, err
	}
	wanted := make([]string, len(sources))
	for i, s := range sources {
		for _, u := range updates {
			if u.matches(s) {
				wanted[i] = u.Revision
				break
			}
		}
	}
	return wanted, nil
}

// Edit returns the patch that carries out updates, nil when the Application is that way
// already. Each update goes to the first source that it matches; that it matches none
// is an error. The patch tests that the sources are still those that were read, and
// changes nothing else.
func (a Application) Edit(updates []Update) ([]PatchOp, error) {
	sources, err := a.sources()
	if err != nil {
		return nil, err
	}
	for _, u := range updates {
		if err := a.apply(u, sources); err != nil {
			return nil, err
		}
	}
	var patch []PatchOp
	for _, s := range sources {
		patch = append(patch, s.patch()...)
	}
	return patch, nil
}

func (a Application) apply(u Update, sources []*source) error {
	for _, s := range sources {
		if u.matches(s) {
			return s.apply(u)
		}
	}
	what := "repoURL " + Line(u.RepoURL, maxMessage)
	if u.Chart != "" {
		what += " and chart " + Line(u.Chart, maxMessage)
	}
	return fmt.Errorf("%s has no source with %s", a.Title(), what)
}

func (s *source) apply(u Update) error {
	if u.SetTarget && u.Revision != "" {
		s.target = &u.Revision
	}
	if u.KustomizeImages != nil {
		s.images = u.KustomizeImages
	}
	for _, p := range u.HelmParameters {
		if err := s.set(p); err != nil {
			return err
		}
	}
	return nil
}

// set gives a parameter of Helm a value. What else the parameter has stays.
func (s *source) set(p HelmParameter) error {
	if s.parameters == nil {
		var helm struct{ Parameters []json.RawMessage }
		if raw := s.fields["helm"]; present(raw) {
			if err := json.Unmarshal(raw, &helm); err != nil {
				return fmt.Errorf("helm of the source %s makes no sense", Line(s.repoURL, maxMessage))
			}
		}
		s.parameters = append([]json.RawMessage{}, helm.Parameters...)
	}
	for i, raw := range s.parameters {
		var fields map[string]json.RawMessage
		var named HelmParameter
		if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(raw, &named) != nil || named.Name != p.Name {
			continue
		}
		if named.Value != p.Value {
			fields["value"] = marshal(p.Value)
			s.parameters[i] = marshal(fields)
		}
		return nil
	}
	s.parameters = append(s.parameters, marshal(map[string]string{"name": p.Name, "value": p.Value}))
	return nil
}

// patch is what has to be done to the source, nil for nothing.
func (s *source) patch() []PatchOp {
	var ops []PatchOp
	if s.target != nil && !same(s.fields["targetRevision"], marshal(*s.target)) {
		ops = append(ops, PatchOp{"add", s.path + "/targetRevision", marshal(*s.target)})
	}
	if s.images != nil {
		ops = append(ops, s.within("kustomize", "images", marshal(s.images))...)
	}
	if s.parameters != nil {
		ops = append(ops, s.within("helm", "parameters", marshal(s.parameters))...)
	}
	if ops == nil {
		return nil
	}
	guard := []PatchOp{{"test", s.path + "/repoURL", marshal(s.repoURL)}}
	if s.chart != "" {
		guard = append(guard, PatchOp{"test", s.path + "/chart", marshal(s.chart)})
	}
	return append(guard, ops...)
}

// within sets a field of an object of the source, which it makes if need be. The field
// must still be what was read, because the new value was made from it.
func (s *source) within(object, field string, value json.RawMessage) []PatchOp {
	at := s.path + "/" + object
	if !present(s.fields[object]) {
		return []PatchOp{{"add", at, marshal(map[string]json.RawMessage{field: value})}}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(s.fields[object], &fields) != nil {
		return []PatchOp{{"add", at, marshal(map[string]json.RawMessage{field: value})}}
	}
	old := fields[field]
	if same(old, value) {
		return nil
	}
	at += "/" + field
	if !present(old) {
		return []PatchOp{{"add", at, value}}
	}
	return []PatchOp{{"test", at, old}, {"replace", at, value}}
}

func present(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// same reports whether two values are the same, however they are written.
func same(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return bytes.Equal(marshal(x), marshal(y))
}

// marshal writes what can always be written.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return raw
}

package render

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Manifest returns the whole Release as "helm template" prints it.
func (r Release) Manifest() []byte {
	var manifests, hooks strings.Builder
	for _, d := range r.Documents {
		if d.Hook {
			hooks.WriteString(d.String())
		} else {
			manifests.WriteString(d.String())
		}
	}
	return []byte(strings.TrimSpace(manifests.String()) + "\n" + hooks.String())
}

// String returns the Document with where it came from.
func (d Document) String() string {
	return fmt.Sprintf("---\n# Source: %s\n%s\n", d.Source, d.Text)
}

// ByTemplate returns a file for each template, as "helm template --output-dir" writes
// them; dir is put before the names of all but CRDs, as --release-name does.
func (r Release) ByTemplate(dir string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, d := range r.Documents {
		name := clean(d.Source)
		if !d.CRD {
			name = path.Join(dir, name)
		}
		if name == "." || strings.ContainsRune(name, 0) {
			return nil, fmt.Errorf("%q cannot be the name of a file", d.Source)
		}
		out[name] = append(out[name], d.String()...)
	}
	return out, nil
}

// ByObject returns a file for each object, named [GROUP-]KIND-[NAMESPACE-]NAME.yaml in
// lower case, the dots of the group replaced by underscores; what has no kind or
// name is called resource-N.yaml. Two objects of one name are an error.
func (r Release) ByObject() (map[string][]byte, error) {
	out := map[string][]byte{}
	unnamed := 0
	for _, d := range r.Documents {
		for _, text := range split(d.String()) {
			name, err := objectName(text)
			if err == errNoObject { //nolint:errorlint // It is never wrapped.
				name, err = fmt.Sprintf("resource-%d.yaml", unnamed), nil
				unnamed++
			}
			if err == nil {
				err = addFile(out, name, text)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", d.Source, err)
			}
		}
	}
	return out, nil
}

// split separates documents at their markers, and drops those without content.
func split(text string) [][]byte {
	var out [][]byte
	for _, doc := range strings.Split("\n"+text, "\n---") {
		doc = strings.TrimSpace(doc)
		var v any
		if err := yaml.Unmarshal([]byte(doc), &v); err == nil && v == nil {
			continue
		}
		out = append(out, []byte(doc+"\n"))
	}
	return out
}

func objectName(doc []byte) (string, error) {
	var o struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
	}
	err := yaml.NewDecoder(bytes.NewReader(doc)).Decode(&o)
	if err != nil && err != io.EOF || o.Kind == "" || o.Metadata.Name == "" { //nolint:errorlint // Decode does not wrap it.
		return "", errNoObject
	}
	parts := []string{o.Kind}
	if at := strings.LastIndexByte(o.APIVersion, '/'); at >= 0 {
		parts = []string{strings.ReplaceAll(o.APIVersion[:at], ".", "_"), o.Kind}
	}
	if o.Metadata.Namespace != "" {
		parts = append(parts, o.Metadata.Namespace)
	}
	return strings.ToLower(strings.Join(append(parts, o.Metadata.Name), "-")) + ".yaml", nil
}

package render

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/resid"
)

// Object is one Kubernetes object of a build.
type Object struct {
	Group, Version, Kind string
	// Namespace is empty when the object does not name one.
	Namespace, Name string
	// YAML is the object as a document, keys sorted.
	YAML []byte

	// Scope is the namespace that the object ends up in, resid.TotallyNotANamespace
	// for none.
	Scope string
}

// Naming says how the file of an Object is called.
type Naming string

const (
	// KargoNaming is [NAMESPACE-]KIND-NAME.yaml.
	KargoNaming Naming = "kargo"
	// KustomizeNaming is what "kustomize build -o DIR" uses: [GROUP_]VERSION_KIND_NAME.yaml,
	// with NAMESPACE_ in front when there are several.
	KustomizeNaming Naming = "kustomize"
)

// Build is what a kustomization amounts to.
type Build struct {
	// Objects are in the order of the output.
	Objects []Object
	// YAML holds all Objects as "kustomize build" prints them.
	YAML []byte
}

// Files returns each Object under a name. Names that are no plain file names and
// names that two Objects share are errors.
func (b Build) Files(n Naming) (map[string][]byte, error) {
	var scopes []string
	for _, o := range b.Objects {
		if o.Scope != resid.TotallyNotANamespace && !slices.Contains(scopes, o.Scope) {
			scopes = append(scopes, o.Scope)
		}
	}
	out := make(map[string][]byte, len(b.Objects))
	for _, o := range b.Objects {
		name := o.kargoName()
		if n == KustomizeNaming {
			name = o.kustomizeName(len(scopes) > 1)
		}
		if err := addFile(out, name, o.YAML); err != nil {
			return nil, fmt.Errorf("%s %s: %w", o.Kind, o.Name, err)
		}
	}
	return out, nil
}

func addFile(files map[string][]byte, name string, data []byte) error {
	if !plainName(name) {
		return fmt.Errorf("%q cannot be the name of a file", name)
	}
	if _, taken := files[name]; taken {
		return fmt.Errorf("there are two objects for the file %s; choose another naming, or a single output file", name)
	}
	files[name] = data
	return nil
}

func (o Object) kargoName() string {
	name := o.Kind + "-" + o.Name + ".yaml"
	if o.Namespace != "" {
		name = o.Namespace + "-" + name
	}
	return strings.ToLower(name)
}

func (o Object) kustomizeName(severalNamespaces bool) string {
	var parts []string
	if severalNamespaces && o.Scope != resid.TotallyNotANamespace {
		parts = append(parts, o.Namespace)
	}
	parts = append(parts, o.Group, o.Version, o.Kind, o.Name)
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.ToLower(strings.Join(parts, "_")) + ".yaml"
}

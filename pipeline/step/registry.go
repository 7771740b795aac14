package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Registry finds step Definitions by name.
type Registry struct{ byName map[string]Definition }

// NewRegistry returns a Registry of the given Definitions. Two of one name are
// an error.
func NewRegistry(defs ...Definition) (*Registry, error) {
	r := &Registry{byName: make(map[string]Definition, len(defs))}
	for _, d := range defs {
		if _, dup := r.byName[d.name]; dup {
			return nil, fmt.Errorf("step %q is defined twice", d.name)
		}
		r.byName[d.name] = d
	}
	return r, nil
}

// Lookup returns the Definition with that name.
func (r *Registry) Lookup(name string) (Definition, bool) {
	d, ok := r.byName[name]
	return d, ok
}

// Names returns all names, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.byName)) }

// TakingSecrets returns the names of the steps that see the values of secrets, sorted.
func (r *Registry) TakingSecrets() []string {
	return slices.DeleteFunc(r.Names(), func(name string) bool { return r.byName[name].Secrets() != SecretsShown })
}

// Unknown is the error for a name that the Registry does not have.
func (r *Registry) Unknown(uses string) error {
	return &pipeline.UserError{Message: fmt.Sprintf("unknown step %q", uses), Hint: didYouMean(uses, r.Names())}
}

// CheckConfig reports whether config can be what the step expects before any
// expression in it is evaluated: a string that holds an expression passes as
// anything, all else must be right. Rules over several fields, such as "exactly
// one of", are checked only when there is no expression at all.
func (r *Registry) CheckConfig(uses string, config map[string]any) error {
	d, ok := r.byName[uses]
	if !ok {
		return r.Unknown(uses)
	}
	if config == nil {
		config = map[string]any{}
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if hasExpression(config) {
		return errors.Join(d.config.check(raw, true), d.CheckSecrets(config))
	}
	return d.check(raw)
}

func hasExpression(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, "${{") || strings.Contains(v, "${%")
	case []any:
		return slices.ContainsFunc(v, hasExpression)
	case map[string]any:
		for _, e := range v {
			if hasExpression(e) {
				return true
			}
		}
	}
	return false
}

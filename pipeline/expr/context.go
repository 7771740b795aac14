package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseContext reads the values for trying out expressions from a JSON or YAML document.
// All of these keys are optional:
//
//	ctx, vars, outputs, task, secrets: objects
//	freightMetadata, freightStatus, stageMetadata: an object for each name
//	steps: [{alias, phase, continueOnError}]
//	warehouses: the Warehouses as in .kargo.yaml
//	freight: [{name, alias, origin: {kind, name}, images, commits, charts, artifacts}]
//
// Any other top-level key is a plain variable. Unknown fields and values of the wrong type
// below steps and freight are errors; Warehouses may have all the fields that they have in
// .kargo.yaml. In the Env everything is allowed, and ctx.meta.step.alias, if there, is the
// alias of the running step.
//
// Unquoted dates of YAML are strings. All problems are reported together.
func ParseContext(data []byte) (Env, error) {
	fields, err := contextFields(data)
	if err != nil {
		return Env{}, err
	}
	env := Env{Allow: AllowAll, Extra: map[string]any{}}
	var warehouses []contextWarehouse
	var status map[string]map[string]any
	known := map[string]any{
		"ctx": &env.Ctx, "vars": &env.Vars, "outputs": &env.Outputs, "task": &env.Task, "secrets": &env.Secrets,
		"freightMetadata": &env.FreightMetadata, "freightStatus": &status, "stageMetadata": &env.StageMetadata,
		"steps": &env.Steps, "freight": &env.Freight, "warehouses": &warehouses,
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		target, ok := known[key]
		switch {
		case ok:
			err = decodeField(fields[key], target, key != "warehouses")
		case reserved(key):
			err = errors.New("the name is reserved")
		default:
			env.Extra[key], err = decodeJSON(fields[key])
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
		}
	}
	for i, s := range env.Steps {
		if err := s.validate(); err != nil {
			problems = append(problems, fmt.Errorf("steps[%d]: %w", i, err))
		}
	}
	for i := range env.Freight {
		if env.Freight[i].Origin.Kind == "" {
			env.Freight[i].Origin.Kind = originKind
		}
	}
	for _, w := range warehouses {
		env.Warehouses = append(env.Warehouses, w.warehouse())
	}
	if status != nil {
		env.FreightStatus = func(name string) (map[string]any, error) { return status[name], nil }
	}
	env.Alias = member[string](member[map[string]any](member[map[string]any](env.Ctx, "meta"), "step"), "alias")
	if err := errors.Join(problems...); err != nil {
		return Env{}, err
	}
	return env, nil
}

func member[T any](m map[string]any, name string) T {
	v, _ := m[name].(T)
	return v
}

func (s StepStatus) validate() error {
	phases := []string{"Pending", "Running", "Succeeded", "Skipped", phaseFailed, phaseErrored, phaseAborted}
	switch {
	case s.Alias == "":
		return errors.New("alias is missing")
	case !slices.Contains(phases, s.Phase):
		return fmt.Errorf("phase %q is not one of %s", s.Phase, strings.Join(phases, ", "))
	}
	return nil
}

// contextFields gives the JSON of each top-level key.
func contextFields(data []byte) (map[string]json.RawMessage, error) {
	if !json.Valid(data) {
		var document yaml.Node
		if err := yaml.Unmarshal(data, &document); err != nil {
			return nil, fmt.Errorf("neither JSON nor YAML: %w", err)
		}
		if document.Kind == 0 {
			return nil, nil // empty
		}
		datesAsText(&document)
		var plain any
		if err := document.Decode(&plain); err != nil {
			return nil, fmt.Errorf("decode YAML: %w", err)
		}
		var err error
		if data, err = json.Marshal(textKeys(plain)); err != nil {
			return nil, fmt.Errorf("convert YAML to JSON: %w", err)
		}
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, errors.New("the document must be an object with keys such as ctx, vars and freight")
	}
	return fields, nil
}

// datesAsText makes unquoted dates strings, as they would be in JSON.
func datesAsText(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, child := range node.Content {
		datesAsText(child)
	}
}

// textKeys makes keys strings that YAML reads as numbers or bools.
func textKeys(value any) any {
	switch v := value.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[fmt.Sprint(key)] = textKeys(item)
		}
		return out
	case map[string]any:
		for key, item := range v {
			v[key] = textKeys(item)
		}
	case []any:
		for i, item := range v {
			v[i] = textKeys(item)
		}
	}
	return value
}

func decodeField(data []byte, target any, strict bool) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if strict {
		dec.DisallowUnknownFields()
	}
	err := dec.Decode(target)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err == nil:
		return plainTarget(target)
	case errors.As(err, &wrongType):
		at := ""
		if wrongType.Field != "" {
			at = wrongType.Field + ": "
		}
		return fmt.Errorf("%swant %s, not %s", at, kindName(wrongType.Type.Kind()), wrongType.Value)
	default:
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
}

// plainTarget converts the numbers of values that are free in form.
func plainTarget(target any) error {
	var err error
	switch t := target.(type) {
	case *map[string]any:
		_, err = plainNumbers(*t)
	case *map[string]map[string]any:
		for _, m := range *t {
			if _, err = plainNumbers(m); err != nil {
				break
			}
		}
	case *[]Freight:
		for _, f := range *t {
			for _, a := range f.Artifacts {
				if _, err = plainNumbers(a.Metadata); err != nil {
					return err
				}
			}
		}
	}
	return err
}

// contextWarehouse is what matters here of a Warehouse in .kargo.yaml.
type contextWarehouse struct {
	Name          string `json:"name"`
	Subscriptions []struct {
		Name string `json:"name"`
		Git  *struct {
			RepoURL string `json:"repoURL"`
		} `json:"git"`
		Image *struct {
			RepoURL string `json:"repoURL"`
		} `json:"image"`
		Chart *struct {
			RepoURL string `json:"repoURL"`
			Name    string `json:"name"`
		} `json:"chart"`
	} `json:"subscriptions"`
}

func (c contextWarehouse) warehouse() Warehouse {
	w := Warehouse{Name: c.Name}
	for _, sub := range c.Subscriptions {
		s := Subscription{Name: sub.Name}
		switch {
		case sub.Git != nil:
			s.Git = sub.Git.RepoURL
		case sub.Image != nil:
			s.Image = sub.Image.RepoURL
		case sub.Chart != nil:
			s.Chart, s.ChartName = sub.Chart.RepoURL, sub.Chart.Name
		}
		w.Subscriptions = append(w.Subscriptions, s)
	}
	return w
}

func kindName(kind reflect.Kind) string {
	switch kind {
	case reflect.String:
		return "a string (in quotes)"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

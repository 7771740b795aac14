package kargofile

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

var (
	argumentForm = regexp.MustCompile(`\{\{\s*args\.([^{}\s]+)\s*\}\}`)
	secretForm   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
	argNameForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$`)
)

// argument is an argument of a Verification and where it stands.
type argument struct {
	pipeline.AnalysisArg
	ref ref
}

func (a argument) resolved() bool { return a.Value != nil || a.Secret != "" }

func hasArgument(s string) bool { return argumentForm.MatchString(s) }

// mention remembers the arguments in a string.
func (m *metric) mention(n *yaml.Node, path string) {
	for _, found := range argumentForm.FindAllStringSubmatch(n.Value, -1) {
		m.arguments = append(m.arguments, ref{found[1], n, path})
	}
}

// arguments reads a list of {name, value or valueFrom}, or in shorthand a mapping.
func (d *decoder) arguments(dst *[]argument) reader {
	return func(n *yaml.Node, path string) {
		seen := map[string]bool{}
		add := func(a argument) {
			switch {
			case a.Name == "":
			case seen[a.Name]:
				d.problem(a.ref.node, a.ref.path).message("the argument %q stands twice", a.Name).expected("one")
			default:
				seen[a.Name] = true
				*dst = append(*dst, a)
			}
		}
		if n.Kind == yaml.MappingNode {
			if count := len(n.Content) / 2; count > maxItems {
				d.problem(n, path).message("%s has %d items", last(path), count).expected("at most %d", maxItems)
				return
			}
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, ok := d.key(n.Content[i], path)
				if !ok {
					continue
				}
				at := join(path, key)
				if err := checkArgument(key); err != nil {
					d.invalid(n.Content[i], at, err)
					continue
				}
				a := argument{AnalysisArg: pipeline.AnalysisArg{Name: key}, ref: ref{key, n.Content[i], at}}
				d.argumentValue(&a)(n.Content[i+1], at)
				add(a)
			}
			return
		}
		d.list(func(n *yaml.Node, path string) { add(d.argument(n, path)) })(n, path)
	}
}

func (d *decoder) argument(n *yaml.Node, path string) argument {
	a := argument{ref: ref{node: n, path: path}}
	found := d.object(n, path, "an argument",
		field{"name", func(n *yaml.Node, path string) {
			d.text(&a.Name, checkArgument)(n, path)
			a.ref = ref{a.Name, n, path}
		}},
		field{"value", d.argumentValue(&a)},
		field{"valueFrom", func(n *yaml.Node, path string) {
			found := d.object(n, path, "valueFrom", append([]field{{"secretKeyRef", d.secretRef(&a.Secret)}}, notYet("fieldRef")...)...)
			if found != nil && found["secretKeyRef"] == nil {
				d.missing(n, path, "valueFrom", "secretKeyRef")
			}
		}},
	)
	switch {
	case found == nil:
	case found["name"] == nil:
		d.missing(n, path, "an argument", "name")
	case found["value"] != nil && found["valueFrom"] != nil:
		d.problem(found["valueFrom"], join(path, "valueFrom")).message("an argument has both value and valueFrom").expected("one of them")
	}
	return a
}

func checkArgument(s string) error {
	if argNameForm.MatchString(s) {
		return nil
	}
	return &invalid{message: quoted(s) + " is not the name of an argument", expected: "letters, digits, dashes, dots and underscores"}
}

// argumentValue reads the text of an argument, as which any single value counts.
func (d *decoder) argumentValue(a *argument) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || isNull(n) {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a single value")
			return
		}
		if d.template(n, path, 0) {
			a.Value = &n.Value
		}
	}
}

// secretRef reads which secret of the pipeline holds a value: its name, or name and
// key where Kubernetes has several values in one.
func (d *decoder) secretRef(dst *string) reader {
	return func(n *yaml.Node, path string) {
		var name, key string
		found := d.object(n, path, "secretKeyRef",
			field{"name", d.text(&name)},
			field{"key", d.text(&key)})
		switch {
		case found == nil:
			return
		case found["name"] == nil:
			d.missing(n, path, "secretKeyRef", "name")
			return
		case name == "":
			return
		case key != "":
			name = pipeline.SecretName(name, key)
		}
		if err := checkSecret(name); err != nil {
			d.invalid(found["name"], join(path, "name"), err)
			return
		}
		*dst = name
	}
}

func checkSecret(s string) error {
	if secretForm.MatchString(s) {
		return nil
	}
	suggestion := pipeline.SecretName(s, "")
	if !secretForm.MatchString(suggestion) {
		suggestion = ""
	}
	return &invalid{message: quoted(s) + " is not the name of a secret", expected: "letters, digits and underscores, at most 100", suggestion: suggestion}
}

// argumentNode prints a resolved argument.
func argumentNode(a pipeline.AnalysisArg) *yaml.Node {
	o := newObject()
	o.text("name", a.Name)
	if a.Value != nil {
		o.set("value", textNode(*a.Value))
		return o.node
	}
	secret, from := newObject(), newObject()
	secret.text("name", a.Secret)
	from.set("secretKeyRef", secret.node)
	o.set("valueFrom", from.node)
	return o.node
}

package kargofile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// field is a key that a mapping may have; one without read is not available yet.
type field struct {
	name string
	read reader
}

// object reads a mapping with the given fields and returns the nodes of those that
// are there, nil when n is no mapping. What is a phrase with its article: "a Stage".
func (d *decoder) object(n *yaml.Node, path, what string, fields ...field) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path).message("%s is %s", subject(path, what), describe(n)).expected("a mapping")
		return nil
	}
	found := make(map[string]*yaml.Node, len(n.Content)/2)
	meant := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, ok := d.key(key, path)
		if !ok {
			continue
		}
		if earlier, twice := found[name]; twice {
			d.problem(key, join(path, name)).message("%q stands twice, first on line %d", cut(name), earlier.Line).expected("one")
			continue
		}
		found[name] = value
		if other := d.readField(key, value, path, what, fields); other != "" {
			meant[other] = value
		}
	}
	// A slip in a field's name is one problem, not also that the field is missing.
	for name, value := range meant {
		if found[name] == nil {
			found[name] = value
		}
	}
	return found
}

// readField reads one field. For an unknown one it returns the name that was
// probably meant.
func (d *decoder) readField(key, value *yaml.Node, path, what string, fields []field) (meant string) {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.name != key.Value {
			if f.read != nil {
				names = append(names, f.name)
			}
			continue
		}
		switch {
		case f.read == nil:
			d.unavailable(key, join(path, f.name), f.name)
		case isNull(value):
			d.problem(key, join(path, f.name)).message("%q has no value", f.name).expected("a value, or no %q at all", f.name)
		default:
			f.read(value, join(path, f.name))
		}
		return ""
	}
	meant = pipeline.DidYouMean(cut(key.Value), names)
	d.problem(key, join(path, key.Value)).message("unknown field %q in %s", cut(key.Value), what).
		expected("one of %s", strings.Join(names, ", ")).suggest(meant)
	return meant
}

// notYet marks fields that are part of the format, but not of this version.
func notYet(names ...string) []field {
	fields := make([]field, len(names))
	for i, name := range names {
		fields[i].name = name
	}
	return fields
}

func (d *decoder) unavailable(n *yaml.Node, path, what string) {
	switch what {
	case "allowTags", "ignoreTags": // Kargo had them until these took their place
		d.problem(n, path).message("%s was replaced by %sRegexes", what, what).expected("%sRegexes: a list of regular expressions", what)
		return
	}
	d.problem(n, path).message("%s is not available in this version", what)
}

func (d *decoder) key(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.problem(n, path).message("a key is %s", describe(n)).expected("a name")
		return "", false
	}
	return n.Value, true
}

// missing reports a required field that is not there.
func (d *decoder) missing(n *yaml.Node, path, what, field string) {
	d.problem(n, path).message("%s needs %q", what, field)
}

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"
	kubeyaml "sigs.k8s.io/yaml"
)

// plugins checks the configs of generators, transformers or validators: kustomize's
// builtin ones read files too. replaced is what to write instead, nil for no
// difference; charts are resources made of HelmChartInflationGenerators.
func (s *kustomizeSource) plugins(dir string, list []string) (replaced, charts []string, err error) {
	var out []string
	changed := false
	for _, p := range list {
		text, built, err := s.pluginText(dir, p)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", firstLine(p), err)
		}
		docs, err := documents(text)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", firstLine(p), err)
		}
		rest := docs[:0]
		for _, d := range docs {
			if address := remoteIn(d, false); address != "" {
				return nil, nil, &RemoteError{Field: firstLine(p), Address: address}
			}
			if kindOf(d) != "HelmChartInflationGenerator" {
				rest = append(rest, d)
				continue
			}
			name, err := s.inflatePlugin(dir, d)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", firstLine(p), err)
			}
			built = true
			if name != "" {
				charts = append(charts, name)
			}
		}
		switch {
		case !built:
			out = append(out, p)
		case len(rest) > 0:
			var b bytes.Buffer
			enc := yaml.NewEncoder(&b)
			for _, d := range rest {
				if err := enc.Encode(d); err != nil {
					return nil, nil, err
				}
			}
			out = append(out, s.make(dir, "plugin", b.Bytes()))
		}
		changed = changed || built
	}
	if !changed {
		return nil, charts, nil
	}
	return append([]string{}, out...), charts, nil
}

// pluginText returns the config that an entry holds or names. What a directory makes
// is built here, so that what is checked is what is used.
func (s *kustomizeSource) pluginText(dir, p string) (text []byte, built bool, err error) {
	at := path.Join(dir, p)
	switch {
	case strings.Contains(p, "\n"):
		return []byte(p), false, checkAliases([]byte(p))
	case s.isDir(at):
		if s.schema {
			return nil, false, errors.New("a directory of plugins does not go with an openapi schema: name its files")
		}
		m, err := s.build(at)
		if err != nil {
			return nil, false, err
		}
		if s.schema {
			return nil, false, errors.New("a directory of plugins cannot bring an openapi schema")
		}
		text, err = m.AsYaml()
		return text, true, err
	case s.exists(at):
		text, err = s.load(at)
		return text, false, err
	}
	// On one line, or wrong; kustomize knows.
	return []byte(p), false, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func documents(text []byte) ([]*yaml.Node, error) {
	var out []*yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, &n)
	}
}

func kindOf(doc *yaml.Node) string {
	var o struct{ Kind string }
	_ = doc.Decode(&o)
	return o.Kind
}

// loaded are the fields whose values builtin plugins read as files.
func loaded(key string) bool {
	return slices.ContainsFunc([]string{
		"path", "paths", "files", "envs", "env", "targetFilePath", "valuesFile", "additionalValuesFiles",
	}, func(f string) bool { return strings.EqualFold(f, key) })
}

// remoteIn returns what a plugin would read from elsewhere, empty for nothing. Its
// YAML was checked not to refer to itself.
func remoteIn(n *yaml.Node, isFile bool) string {
	switch n.Kind {
	case yaml.ScalarNode:
		if isFile && remoteSource(n.Value) {
			return n.Value
		}
	case yaml.AliasNode:
		return remoteIn(n.Alias, isFile)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if a := remoteIn(n.Content[i+1], isFile || loaded(n.Content[i].Value)); a != "" {
				return a
			}
		}
	default:
		for _, c := range n.Content {
			if a := remoteIn(c, isFile); a != "" {
				return a
			}
		}
	}
	return ""
}

// inflatePlugin renders the chart of a HelmChartInflationGenerator.
func (s *kustomizeSource) inflatePlugin(dir string, doc *yaml.Node) (name string, err error) {
	text, err := yaml.Marshal(doc)
	if err != nil {
		return "", err
	}
	var c struct {
		types.HelmGlobals
		types.HelmChart
	}
	if err := kubeyaml.Unmarshal(text, &c); err != nil {
		return "", err
	}
	return s.inflate(dir, c.HelmGlobals, c.HelmChart)
}

package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// loader finds the rules that a scenario is about.
type loader struct {
	sc   *Scenario
	d    *decoder
	read ReadFunc
	// file is what is in force while the timeline is walked.
	file *kargofile.File
}

// rules loads the pipeline of the beginning and all that take over later.
func (l *loader) rules() error {
	var err error
	if l.sc.document.Pipeline == nil {
		l.file, err = l.nearest()
	} else {
		l.file, err = l.pipeline(l.sc.document.Pipeline.node, "pipeline")
	}
	if err != nil || l.file == nil {
		return err
	}
	l.sc.pipeline = l.file.Pipeline
	if p := l.sc.Start.Policies; p != nil {
		l.sc.pipeline.Policies = l.policies(p.node, "start.policies")
	}
	for i := range l.sc.Timeline {
		e := &l.sc.Timeline[i]
		for j, event := range append([]Event{e.Event}, e.Together...) {
			at := fmt.Sprintf("timeline[%d]", i)
			if j > 0 {
				at += fmt.Sprintf(".together[%d]", j-1)
			}
			if p := event.Pipeline; p != nil {
				if l.file, err = l.pipeline(p.node, at+".pipeline"); err != nil || l.file == nil {
					return err
				}
				l.sc.pipelines[p.node] = l.file.Pipeline
			}
			if p := event.Policies; p != nil {
				l.sc.policies[p.node] = l.policies(p.node, at+".policies")
			}
		}
	}
	return nil
}

// defaultFile is what is looked for when a scenario names no pipeline.
const defaultFile = ".kargo.yaml"

// nearest reads the .kargo.yaml beside the scenario or in the closest directory
// above it.
func (l *loader) nearest() (*kargofile.File, error) {
	dir := path.Dir(l.sc.File)
	for range maxDepth {
		name := path.Join(dir, defaultFile)
		data, err := l.read(name)
		switch {
		case err == nil:
			return l.parse(name, data)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		up := path.Join(dir, "..")
		if up == dir {
			break
		}
		dir = up
	}
	l.d.at(Place{line: 1, column: 1, end: 2}, "pipeline: with a path or the pipeline itself",
		"there is no %s beside the scenario or above it", defaultFile)
	return nil, nil
}

func (l *loader) pipeline(n *yaml.Node, at string) (*kargofile.File, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		name := l.sc.beside(n.Value)
		data, err := l.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			l.d.problem(n, at, "the path of a .kargo.yaml, relative to the scenario", "there is no file %s", cut(name))
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		return l.parse(name, data)
	case yaml.MappingNode:
		return l.inline(n)
	default:
	}
	l.d.problem(n, at, "a path or a pipeline", "pipeline is %s", describe(n))
	return nil, nil
}

// parse accepts steps of any name, because a script may answer for them.
func (l *loader) parse(name string, data []byte) (*kargofile.File, error) {
	f, problems := kargofile.Parse(data, kargofile.Options{Repo: l.sc.repo.Name, DefaultBranch: defaultBranch})
	if f == nil {
		return nil, &InvalidError{File: name, Data: data, Problems: problems}
	}
	return f, nil
}

// inline parses a part of the scenario where it stands, so that lines and columns
// are those of the file.
func (l *loader) inline(n *yaml.Node) (*kargofile.File, error) {
	data := l.cutOut(n)
	f, problems := kargofile.Parse(data, kargofile.Options{Repo: l.sc.repo.Name, DefaultBranch: defaultBranch})
	if f == nil {
		return nil, &InvalidError{File: l.sc.File, Data: l.sc.Data, Problems: problems}
	}
	return f, nil
}

// cutOut blanks everything but a block mapping, to which it adds the apiVersion
// that it may leave out.
func (l *loader) cutOut(n *yaml.Node) []byte {
	versioned := slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Value == "apiVersion" })
	if n.Style&yaml.FlowStyle != 0 || n.Line == 0 || n.Anchor != "" {
		c := *n
		c.Anchor = ""
		if !versioned {
			c.Content = append([]*yaml.Node{scalar("apiVersion"), scalar(kargofile.APIVersion)}, n.Content...)
		}
		data, err := yaml.Marshal(&c)
		if err != nil {
			return nil
		}
		return data
	}
	lines := strings.Split(string(l.sc.Data), "\n")
	indent := n.Column - 1
	var b strings.Builder
	end := n.Line - 1
	for end < len(lines) {
		text := strings.TrimRight(lines[end], " \r")
		if t := strings.TrimLeft(text, " "); end >= n.Line && t != "" && t[0] != '#' && len(text)-len(t) < indent {
			break
		}
		end++
	}
	b.WriteString(strings.Repeat("\n", n.Line-1))
	b.WriteString(strings.Join(lines[n.Line-1:end], "\n") + "\n")
	if !versioned {
		fmt.Fprintf(&b, "%sapiVersion: %s\n", strings.Repeat(" ", indent), kargofile.APIVersion)
	}
	return []byte(b.String())
}

func scalar(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// policies reads promotionPolicies that take the place of those of the pipeline.
func (l *loader) policies(n *yaml.Node, at string) []pipeline.PromotionPolicy {
	canonical, err := kargofile.Expand(*l.file)
	if err != nil {
		l.d.problem(n, at, "", "policies cannot be read: %s", err)
		return nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(canonical, &doc); err != nil {
		l.d.problem(n, at, "", "policies cannot be read: %s", err)
		return nil
	}
	root := doc.Content[0]
	const key = "promotionPolicies"
	replaced := false
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			root.Content[i+1], replaced = n, true
		}
	}
	if !replaced {
		root.Content = append(root.Content, scalar(key), n)
	}
	data, err := yaml.Marshal(root)
	if err != nil {
		l.d.problem(n, at, "", "policies cannot be read: %s", err)
		return nil
	}
	f, problems := kargofile.Parse(data, kargofile.Options{Repo: l.sc.repo.Name, DefaultBranch: defaultBranch})
	if f == nil {
		for _, p := range problems {
			if p.Severity == kargofile.Error {
				l.d.problem(n, at, p.Expected, "%s: %s", strings.TrimPrefix(p.Path, key), p.Message)
			}
		}
		return nil
	}
	return f.Pipeline.Policies
}

// sorted puts problems in the order of the file.
func sorted(ps kargofile.Problems) kargofile.Problems {
	slices.SortStableFunc(ps, func(a, b kargofile.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

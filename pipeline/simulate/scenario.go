package simulate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
)

// Scenario is one file. README.md documents its form.
type Scenario struct {
	// File is where it came from; Data is what stood there.
	File string
	Data []byte
	document
	repo     pipeline.Repo
	pipeline pipeline.Pipeline
	// pipelines and policies are those that take over later, by where they stand.
	pipelines map[*yaml.Node]pipeline.Pipeline
	policies  map[*yaml.Node][]pipeline.PromotionPolicy
}

// document is the form of a scenario.
type document struct {
	Place
	Name     string    `yaml:"name"`
	Pipeline *yamlNode `yaml:"pipeline"`
	Repo     string    `yaml:"repo"`
	// CheckSteps makes known steps refuse a config that they cannot have.
	CheckSteps     bool              `yaml:"checkSteps"`
	RequiredChecks Names             `yaml:"requiredChecks"`
	People         map[string]Person `yaml:"people"`
	Start          Start             `yaml:"start"`
	Script         Script            `yaml:"script"`
	Timeline       []Entry           `yaml:"timeline"`
}

// epoch is the clock of a scenario that does not set it: a Monday morning.
var epoch = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func (sc *Scenario) begin() time.Time {
	if sc.Start.At == nil {
		return epoch
	}
	return sc.Start.At.time(epoch)
}

// allPipelines are all that are in force at some time.
func (sc *Scenario) allPipelines() []pipeline.Pipeline {
	return append([]pipeline.Pipeline{sc.pipeline}, slices.Collect(maps.Values(sc.pipelines))...)
}

// Title is the name of the scenario, or of its file.
func (sc *Scenario) Title() string {
	if sc.Name != "" {
		return sc.Name
	}
	return sc.File
}

// InvalidError says what is wrong with a file.
type InvalidError struct {
	// File is the scenario, or the .kargo.yaml that it names; Data is what stands in
	// it.
	File     string
	Data     []byte
	Problems kargofile.Problems
}

// Error implements error.
func (e *InvalidError) Error() string { return e.File + ":" + e.Problems.Error() }

// Render prints the problems like a compiler.
func (e *InvalidError) Render(w io.Writer) error { return e.Problems.Render(w, e.File, e.Data) }

// ReadFunc reads another file that a scenario needs, by its path with slashes; one
// that does not exist is fs.ErrNotExist.
type ReadFunc func(name string) ([]byte, error)

// Load reads a scenario from a file that was read already. All problems of the file
// are in the *InvalidError; other errors are those of read.
func Load(file string, data []byte, read ReadFunc) (*Scenario, error) {
	sc := &Scenario{
		File: file, Data: data, pipelines: map[*yaml.Node]pipeline.Pipeline{}, policies: map[*yaml.Node][]pipeline.PromotionPolicy{},
	}
	d := &decoder{left: maxNodes}
	root := d.load(data)
	if root != nil {
		d.decode(root, &sc.document, "")
	}
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, sc.invalid(d)
	}
	sc.repo = pipeline.Repo{ID: 1, Owner: "acme", Name: "gitops"}
	if owner, name, ok := strings.Cut(sc.Repo, "/"); ok {
		sc.repo.Owner, sc.repo.Name = owner, name
	} else if sc.Repo != "" {
		sc.repo.Name = sc.Repo
	}
	l := &loader{sc: sc, d: d, read: read}
	err := l.rules()
	var elsewhere *InvalidError
	switch {
	case errors.As(err, &elsewhere) && elsewhere.File == sc.File:
		d.problems = append(d.problems, elsewhere.Problems...)
	case err != nil && len(d.problems) == 0:
		return nil, err
	case err == nil && l.file != nil:
		sc.check(d)
	}
	if len(d.problems) == 0 {
		var bad *beginError
		switch _, err := newWorld(sc); {
		case errors.As(err, &bad):
			d.at(bad.Place, "", "%s", bad)
		case err != nil:
			return nil, fmt.Errorf("begin %s: %w", file, err)
		}
	}
	if err := sc.invalid(d); err != nil {
		return nil, err
	}
	return sc, nil
}

func (sc *Scenario) invalid(d *decoder) error {
	if len(d.problems) == 0 {
		return nil
	}
	return &InvalidError{File: sc.File, Data: sc.Data, Problems: sorted(d.problems)}
}

// load returns the root of the only document, nil after a problem.
func (d *decoder) load(data []byte) *yaml.Node {
	nowhere := Place{line: 1, column: 1, end: 2}
	switch {
	case len(data) > maxSize:
		d.at(nowhere, fmt.Sprintf("at most %d bytes", maxSize), "the scenario has %d bytes", len(data))
		return nil
	case !utf8.Valid(data):
		d.at(nowhere, "text in UTF-8", "the scenario is not valid UTF-8")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.at(nowhere, "a scenario", "the file is empty")
		return nil
	case err != nil:
		d.at(syntaxPlace(err), "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		d.at(placeOf(doc.Content[0], ""), "one document", "the file holds more than one YAML document")
		return nil
	}
	return doc.Content[0]
}

// syntaxPlace finds the line in the parser's message.
func syntaxPlace(err error) Place {
	var line int
	if i := strings.Index(err.Error(), "line "); i >= 0 {
		if _, scanErr := fmt.Sscanf(err.Error()[i:], "line %d", &line); scanErr != nil {
			line = 1
		}
	}
	return Place{line: max(1, line), column: 1, end: 2}
}

// beside is a path as it is meant in the scenario's file.
func (sc *Scenario) beside(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(sc.File), name)
}

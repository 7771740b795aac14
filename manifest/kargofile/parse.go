package kargofile

import (
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Options is what a file cannot say about itself.
type Options struct {
	// Repo is the repository's name, without its owner: the name of a pipeline
	// that gives none.
	Repo string
	// Qualify is set for an included file: its Warehouses and Stages get qualified
	// names, "shop/test", and it may not include further files. Its value is the name
	// of the pipeline if the file gives none; see [IncludedName].
	Qualify string
	// DefaultBranch is the repository's default branch; empty if that is not known.
	DefaultBranch string
	// Steps knows the promotion steps; nil accepts every step.
	Steps StepChecker
}

// StepChecker knows which promotion steps exist and what they accept.
type StepChecker interface {
	// Names returns the names that "uses" may have.
	Names() []string
	// CheckConfig says what is wrong with the configuration of a step, whose
	// strings may hold unevaluated expressions. Joined errors become one problem
	// each. One that begins with the path of a field ("images[0].tag: ...",
	// "path is required", or unknown field "path") is shown at that field.
	CheckConfig(uses string, config map[string]any) error
}

// File is a valid file.
type File struct {
	// Pipeline is in canonical form, and every reference in it resolves.
	Pipeline pipeline.Pipeline
	// Include are globs over the paths of the repository, in the syntax of
	// doublestar, of further files that are a pipeline each. Whoever looks them up
	// leaves the root's own file out.
	Include []string
}

// Parse reads one .kargo.yaml. With any problem of severity [Error] the File is
// nil; warnings come with a File. Problems are sorted by position.
func Parse(data []byte, opts Options) (*File, Problems) {
	d := newDecoder(data, opts)
	root := d.load(data)
	if root == nil {
		return nil, d.finish()
	}
	doc := d.document(root)
	doc.resolve(d)
	problems := d.finish()
	if problems.HasErrors() {
		return nil, problems
	}
	f := &File{Pipeline: doc.pipeline(), Include: doc.includes}
	if !canonicalFits(f.Pipeline) {
		d.problem(root, "").message("the canonical form of the file is too large").
			expected("at most %d bytes, %d values and %d different expressions", maxCanonicalSize, maxCanonicalNodes, maxExpressions)
		return nil, d.finish()
	}
	d.qualify(&f.Pipeline)
	return f, problems
}

// pipelineName makes a name from a repository's name, which may hold capitals,
// dots and underscores.
func pipelineName(repo string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, repo)
	name = strings.Trim(name[:min(len(name), maxLabel)], "-")
	if name == "" {
		return "pipeline"
	}
	return name
}

package kargofile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// decoder walks one document and collects problems.
type decoder struct {
	src  *source
	opts Options
	// pipeline is the name of the pipeline, once that is known.
	pipeline string
	problems Problems
	// templates counts the expressions seen.
	templates int
	counted   map[string]bool
	// checked holds what is wrong with templates that were compiled before.
	checked map[checked]error
	// stepNames are the names of all steps, configs what is wrong with configurations
	// that were generated before.
	stepNames []string
	configs   map[string]error
	// suggestions counts the names that others were compared with.
	suggestions int
	// current is the Stage being read, nil outside of Stages.
	current *stage
	// inStep is the number of the step being read, 0 outside of steps.
	inStep int
	// cloned counts the values that matrices stand for, clonedSize their bytes.
	cloned, clonedSize int
	// matrices holds where templates name an axis.
	matrices map[string][]matrixReference
	// inMatrix is set while the Stages of a matrix are read.
	inMatrix bool
	// task is the task being read, nil outside of tasks.
	task     *task
	mentions []mention
	// messages are the message channels that steps refer to.
	messages []ref
}

func newDecoder(data []byte, opts Options) *decoder {
	return &decoder{src: newSource(data), opts: opts, counted: map[string]bool{}, checked: map[checked]error{}, configs: map[string]error{}, matrices: map[string][]matrixReference{}}
}

// reader reads one value that stands at a path.
type reader func(n *yaml.Node, path string)

// report is a problem that is being described.
type report struct {
	d *decoder
	i int
}

func (d *decoder) at(line, column int, path string) report {
	line, column = max(line, 1), max(column, 1)
	d.problems = append(d.problems, Problem{Line: line, Column: column, EndColumn: column + 1, Severity: Error, Path: path})
	return report{d, len(d.problems) - 1}
}

// problem starts an error about a node.
func (d *decoder) problem(n *yaml.Node, path string) report {
	r := d.at(n.Line, n.Column, path)
	r.d.problems[r.i].EndColumn = d.src.end(n)
	return r
}

// invalid records a fault of a value.
func (d *decoder) invalid(n *yaml.Node, path string, err error) {
	e := asInvalid(err)
	r := d.problem(n, path)
	if e.offset > 0 {
		p := &d.problems[r.i]
		p.Line, p.Column, p.EndColumn = d.src.inside(n, e.offset)
	}
	r.message("%s", e.message).expected("%s", e.expected).suggest(e.suggestion)
}

func (r report) message(format string, args ...any) report {
	r.d.problems[r.i].Message = fmt.Sprintf(format, args...)
	return r
}

func (r report) expected(format string, args ...any) report {
	r.d.problems[r.i].Expected = fmt.Sprintf(format, args...)
	return r
}

func (r report) suggest(s string) {
	r.d.problems[r.i].Suggestion = s
}

func (r report) warning() report {
	r.d.problems[r.i].Severity = Warning
	return r
}

// list reads every item of a sequence.
func (d *decoder) list(read reader) reader { return d.listUpTo(maxItems, read) }

// listUpTo is list with another bound on the number of items.
func (d *decoder) listUpTo(limit int, read reader) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.SequenceNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a list")
			return
		}
		if len(n.Content) > limit {
			d.problem(n, path).message("%s has %d items", last(path), len(n.Content)).expected("at most %d", limit)
			return
		}
		for i, item := range n.Content {
			read(item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

// maxItems bounds every list that has no bound of its own, so that work over pairs
// of items stays small.
const maxItems = 300

// texts reads a list of strings.
func (d *decoder) texts(dst *[]string, checks ...func(string) error) reader {
	return func(n *yaml.Node, path string) {
		*dst = nil
		d.list(func(n *yaml.Node, path string) {
			var s string
			d.text(&s, checks...)(n, path)
			*dst = append(*dst, s)
		})(n, path)
	}
}

// text reads a non-empty string and applies checks until one fails.
func (d *decoder) text(dst *string, checks ...func(string) error) reader {
	return func(n *yaml.Node, path string) {
		s, ok := d.str(n, path)
		if !ok {
			return
		}
		if s == "" {
			d.problem(n, path).message("%s is empty", last(path)).expected("a string")
			return
		}
		*dst = s
		for _, check := range checks {
			if err := check(s); err != nil {
				d.invalid(n, path, err)
				return
			}
		}
	}
}

func (d *decoder) str(n *yaml.Node, path string) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return n.Value, true
	}
	r := d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a string")
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		r.expected("a string: put it in quotes, %s", strconv.Quote(cut(n.Value)))
	}
	return "", false
}

func (d *decoder) boolean(dst *bool) reader {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("true or false")
			return
		}
		*dst = strings.EqualFold(n.Value, "true")
	}
}

func (d *decoder) integer(dst *int, low, high int) reader {
	return func(n *yaml.Node, path string) {
		var v int
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" || n.Decode(&v) != nil || v < low || v > high {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected("a whole number from %d to %d", low, high)
			return
		}
		*dst = v
	}
}

func (d *decoder) duration(dst *pipeline.Duration, low time.Duration) reader {
	return func(n *yaml.Node, path string) {
		const form = "a duration such as 90s, 15m or 1h30m"
		if n.Kind != yaml.ScalarNode {
			d.problem(n, path).message("%s is %s", last(path), describe(n)).expected(form)
			return
		}
		v, err := time.ParseDuration(n.Value)
		switch {
		case err != nil:
			d.problem(n, path).message("%s is not a duration: %s", last(path), quoted(n.Value)).expected(form)
		case v < low && low > 0:
			d.problem(n, path).message("%s is %s", last(path), quoted(n.Value)).expected("at least %s", shortDuration(low))
		case v < 0:
			d.problem(n, path).message("%s is negative", last(path)).expected(form)
		default:
			*dst = pipeline.Duration(v)
		}
	}
}

// enum reads one of a few words.
func enum[T ~string](d *decoder, dst *T, values ...T) reader {
	return func(n *yaml.Node, path string) {
		words := make([]string, len(values))
		for i, v := range values {
			words[i] = string(v)
		}
		s, ok := d.str(n, path)
		if !ok {
			return
		}
		for _, v := range values {
			if s == string(v) {
				*dst = v
				return
			}
		}
		d.problem(n, path).message("%s cannot be %s", last(path), quoted(s)).
			expected("one of %s", strings.Join(words, ", ")).suggest(pipeline.DidYouMean(cut(s), words))
	}
}

package kargofile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// Severity says whether a problem makes the file unusable.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing that is wrong with a file, and where.
type Problem struct {
	// Line and Column are 1-based and count characters. EndColumn is the column
	// after the last character meant, on the same line.
	Line      int      `json:"line"`
	Column    int      `json:"column"`
	EndColumn int      `json:"endColumn"`
	Severity  Severity `json:"severity"`
	// Path is where in the document: "stages[1].from".
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	// Expected says what would be right; Suggestion is what was probably meant.
	Expected   string `json:"expected,omitempty"`
	Suggestion string `json:"suggestion,omitempty"`
}

// String returns the problem on one line, without the file's name.
func (p Problem) String() string {
	s := fmt.Sprintf("%d:%d: %s: %s", p.Line, p.Column, p.Severity, p.Message)
	if a := p.advice(); a != "" {
		s += " (" + a + ")"
	}
	return s
}

func (p Problem) advice() string {
	var parts []string
	if p.Expected != "" {
		parts = append(parts, "expected "+p.Expected)
	}
	if p.Suggestion != "" {
		parts = append(parts, fmt.Sprintf("did you mean %q?", p.Suggestion))
	}
	return strings.Join(parts, "; ")
}

// maxProblems bounds what is reported: nobody reads more, and a hostile file
// could otherwise fill a check run.
const maxProblems = 100

// Problems are the problems of one file, in the order of their positions.
type Problems []Problem //nolint:errname // a list, most of whose values are no error; see Err

// Error returns one line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// HasErrors reports whether the file is unusable.
func (ps Problems) HasErrors() bool {
	return slices.ContainsFunc(ps, func(p Problem) bool { return p.Severity == Error })
}

// Err returns ps as an error when the file is unusable, else nil.
func (ps Problems) Err() error {
	if ps.HasErrors() {
		return ps
	}
	return nil
}

// MarshalJSON prints a list, also when there is no problem.
func (ps Problems) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]Problem{}, ps...))
}

// invalid is a fault of one value. Its position is that of the value, or offset
// bytes into it.
type invalid struct {
	message, expected, suggestion string
	offset                        int
}

func (e *invalid) Error() string { return e.message }

// asInvalid treats any other error as a plain message.
func asInvalid(err error) *invalid {
	if e, ok := errors.AsType[*invalid](err); ok {
		return e
	}
	return &invalid{message: err.Error()}
}

// maxSuggestions bounds how often all names are compared with a wrong one.
const maxSuggestions = maxProblems

// closest is pipeline.DidYouMean for lists that may be long.
func (d *decoder) closest(got string, valid []string) string {
	if d.suggestions++; d.suggestions > maxSuggestions {
		return ""
	}
	return pipeline.DidYouMean(cut(got), valid)
}

// errorsSince reports whether there were errors after so many problems.
func (d *decoder) errorsSince(n int) bool { return d.problems[n:].HasErrors() }

// finish sorts, removes repetitions and cuts.
func (d *decoder) finish() Problems {
	ps := d.problems
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Message, b.Message))
	})
	// A value that several aliases share is looked at once for each of them.
	ps = slices.CompactFunc(ps, func(a, b Problem) bool {
		a.Path, b.Path = "", ""
		return a == b
	})
	if extra := len(ps) - maxProblems; extra > 0 {
		// Errors matter more than warnings, and must not be cut to a file that
		// looks valid.
		slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Severity, b.Severity) })
		ps = ps[:maxProblems]
		slices.SortStableFunc(ps, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		last := ps[len(ps)-1]
		ps = append(ps, Problem{
			Line: last.Line, Column: last.Column, EndColumn: last.EndColumn, Severity: last.Severity,
			Message: fmt.Sprintf("%d more problems are not shown", extra),
		})
	}
	if len(ps) == 0 {
		return nil
	}
	return ps
}

package renderer

import (
	"errors"
	"io/fs"

	"github.com/kargo-app/kargo/manifest/render"
)

// fault is an error on its way to the other process. What callers tell errors apart
// by survives the way.
type fault struct {
	Text string
	// Answers are the numbers of the parent's own errors that it was caused by.
	Answers        []int
	NotExist       bool
	NoDependencies bool
	NotAllowed     bool
	Missing        *render.MissingDependenciesError
	Remote         *render.RemoteError
}

func faultOf(err error) *fault {
	f := &fault{
		Text:     err.Error(),
		NotExist: errors.Is(err, fs.ErrNotExist), NoDependencies: errors.Is(err, render.ErrNoDependencies),
		NotAllowed: errors.Is(err, render.ErrRemoteNotAllowed),
	}
	_ = errors.As(err, &f.Missing)
	if remote := (*render.RemoteError)(nil); errors.As(err, &remote) {
		// Why it is so, the text says.
		f.Remote = &render.RemoteError{File: remote.File, Line: remote.Line, Field: remote.Field, Address: remote.Address}
	}
	collect(err, func(a *answeredError) { f.Answers = append(f.Answers, a.number) })
	return f
}

// collect visits the answers that an error wraps.
func collect(err error, visit func(*answeredError)) {
	switch e := err.(type) { //nolint:errorlint // all of the tree is looked at, not the first match
	case *answeredError:
		visit(e)
	case interface{ Unwrap() error }:
		collect(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			collect(one, visit)
		}
	}
}

// answeredError is an error of the parent as the child has it.
type answeredError struct {
	text     string
	number   int
	notExist bool
}

func (e *answeredError) Error() string { return e.text }

// Is makes missing files recognisable.
func (e *answeredError) Is(target error) bool { return e.notExist && target == fs.ErrNotExist }

// renderError is an error of the child as the parent has it.
type renderError struct {
	text   string
	causes []error
}

func (e *renderError) Error() string   { return e.text }
func (e *renderError) Unwrap() []error { return e.causes }

// in restores the error among the answers that were given.
func (f *fault) in(given []error) error {
	e := &renderError{text: f.Text}
	for _, n := range f.Answers {
		if n > 0 && n <= len(given) {
			e.causes = append(e.causes, given[n-1])
		}
	}
	if f.NotExist {
		e.causes = append(e.causes, fs.ErrNotExist)
	}
	if f.NoDependencies {
		e.causes = append(e.causes, render.ErrNoDependencies)
	}
	if f.NotAllowed {
		e.causes = append(e.causes, render.ErrRemoteNotAllowed)
	}
	if f.Missing != nil {
		e.causes = append(e.causes, f.Missing)
	}
	if f.Remote != nil {
		e.causes = append(e.causes, f.Remote)
	}
	return e
}

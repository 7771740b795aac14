package actions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// Order is a workflow that is to be dispatched once.
type Order struct {
	Repo pipeline.Repo
	// File is its file name; see [FileName]. Ref is a branch or tag, empty for the
	// default branch.
	File, Ref string
	Inputs    map[string]string
	// IDInput names an input that receives Token. A workflow whose run-name shows it
	// can be told from others for sure after a crash; without one, the first run that
	// was not there before is taken.
	IDInput string
	// Token is unique to the order, and the same on every pass.
	Token string
	// Patience is how long a run may take to appear after the host confirmed the
	// dispatch; zero means ten minutes.
	Patience time.Duration
}

// State is what must be kept between the passes over an Order. The zero State is
// that of an Order that was never begun.
type State struct {
	// Token is the Order's.
	Token string `json:"token"`
	Ref   string `json:"ref"`
	// At is when the dispatch was begun, Known the runs that were there before.
	At    time.Time `json:"at"`
	Known []int64   `json:"known,omitempty"`
	Run   int64     `json:"run,omitempty"`
	// Sent is whether the host has said that it started the workflow.
	Sent bool `json:"sent,omitempty"`
}

const (
	// hostLag is how long a dispatched run may take to show in lists. Within it a
	// dispatch whose outcome is unknown is not repeated.
	hostLag = time.Minute
	// clockSkew is how far the host's clock may be behind ours.
	clockSkew = 5 * time.Second
	// patience is that of an Order that says nothing.
	patience = 10 * hostLag

	// LookAgain is how long to wait before the next pass while the run is not known.
	LookAgain = 10 * time.Second
)

// FileName returns the name of a workflow's file, without the directory that may
// stand before it. The error is for people.
func FileName(file string) (string, error) {
	name := path.Base(file)
	if !strings.HasSuffix(name, ".yml") && !strings.HasSuffix(name, ".yaml") {
		return "", fmt.Errorf("%q is not the name of a workflow file, such as smoke.yml", file)
	}
	return name, nil
}

// Advance makes one pass over an Order: it dispatches the workflow unless that was
// done, and finds its run, whose id is in s.Run once it is known. While it is 0 without
// an error, Advance is to be called again after [LookAgain].
//
// save makes the State durable before an effect; when it fails, nothing was done.
// After an error s is still to be kept. A *RefusedError does not change by itself.
func (o Order) Advance(ctx context.Context, w Workflows, s *State, now time.Time, save func(context.Context, State) error) error {
	if s.Run != 0 {
		return nil
	}
	begun := s.Token != ""
	if !begun {
		if err := o.prepare(ctx, w, s, now); err != nil {
			return err
		}
	} else {
		if err := o.Find(ctx, w, s); err != nil || s.Run != 0 {
			return err
		}
		switch {
		case s.Sent && now.After(s.At.Add(cmp.Or(o.Patience, patience))):
			return fmt.Errorf("workflow %s was dispatched on %s, but no run of it appeared", o.File, s.Ref)
		case s.Sent, now.Before(s.At.Add(hostLag)):
			return nil
		}
		// The first dispatch was lost. What appears late is still found.
		s.At = now
	}
	if err := save(ctx, *s); err != nil {
		if !begun {
			*s = State{}
		}
		return err
	}
	return o.dispatch(ctx, w, s)
}

// prepare makes the intention to dispatch, with what tells its run from others.
func (o Order) prepare(ctx context.Context, w Workflows, s *State, now time.Time) error {
	ref := o.Ref
	if ref == "" {
		var err error
		if ref, err = w.DefaultBranch(ctx, o.Repo); err != nil {
			return fmt.Errorf("default branch of %s: %w", o.Repo, err)
		}
	}
	earlier, err := w.Dispatched(ctx, o.Repo, o.File, ref, now.Add(-clockSkew))
	if err != nil {
		return fmt.Errorf("runs of workflow %s: %w", o.File, refused(err))
	}
	*s = State{Token: o.Token, Ref: ref, At: now}
	for _, run := range earlier {
		s.Known = append(s.Known, run.ID)
	}
	return nil
}

func (o Order) dispatch(ctx context.Context, w Workflows, s *State) error {
	inputs := maps.Clone(o.Inputs)
	if o.IDInput != "" {
		if inputs == nil {
			inputs = map[string]string{}
		}
		inputs[o.IDInput] = s.Token
	}
	id, err := w.Dispatch(ctx, o.Repo, Dispatch{File: o.File, Ref: s.Ref, Inputs: inputs})
	if err != nil {
		return fmt.Errorf("dispatch workflow %s: %w", o.File, refused(err))
	}
	s.Run, s.Sent = id, true
	return nil
}

// Find looks for the run of a dispatch whose outcome is not known and leaves its id
// in s.Run, 0 for none.
func (o Order) Find(ctx context.Context, w Workflows, s *State) error {
	runs, err := w.Dispatched(ctx, o.Repo, o.File, s.Ref, s.At.Add(-clockSkew))
	if err != nil {
		return fmt.Errorf("look for the run of workflow %s: %w", o.File, err)
	}
	for _, run := range runs {
		switch {
		case slices.Contains(s.Known, run.ID):
		case o.IDInput != "" && strings.Contains(run.Title, s.Token):
			s.Run = run.ID
			return nil
		case o.IDInput == "" && (s.Run == 0 || run.ID < s.Run):
			s.Run = run.ID
		}
	}
	return nil
}

// RefusedError is a refusal of the host.
type RefusedError struct{ Err error }

// Error implements error.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// refused marks the host's refusals: they do not change by themselves.
func refused(err error) error {
	var u *pipeline.UserError
	if errors.As(err, &u) {
		return &RefusedError{err}
	}
	return err
}

package bind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// FreightID returns the id of the Freight that a reference means for a Stage at
// this moment; "" means the newest that the Stage may take.
func (s *Scene) FreightID(ctx context.Context, ref command.FreightRef, stage pipeline.Stage) (string, error) {
	switch ref.Kind {
	case command.FreightLatest:
		return "", nil
	case command.FreightPrevious:
		f, ok := s.Snapshot.Facts().Previous(stage)
		if !ok {
			return "", &pipeline.UserError{
				Message: fmt.Sprintf("no Freight was verified in %s before what is current there", stage.Name),
				Hint:    "/kargo status " + stage.Name,
			}
		}
		return f.ID, nil
	case command.FreightDefault, command.FreightThis:
		f, ok, err := s.ofPull(ctx, stage)
		if err != nil || ok {
			return f.ID, err
		}
		if ref.Kind == command.FreightThis {
			return "", noFreightHere()
		}
		return "", nil
	default: // a name, whatever its form
		if f, refusal := s.takenBy(stage).ResolveFreight(ref.Text); refusal == nil {
			return f.ID, nil
		}
		f, refusal := s.Snapshot.ResolveFreight(ref.Text)
		if refusal != nil {
			return "", refusal
		}
		return f.ID, nil
	}
}

func noFreightHere() error {
	return &pipeline.UserError{
		Message: "no Freight holds the change of this pull request",
		Hint:    "it appears once the change is merged, built and discovered; /kargo freight",
	}
}

// named returns the Freight of a command that is about no Stage.
func (s *Scene) named(ctx context.Context, ref command.FreightRef) (pipeline.Freight, error) {
	switch ref.Kind {
	case command.FreightThis:
		f, ok, err := s.ofPull(ctx, pipeline.Stage{})
		if err == nil && !ok {
			err = noFreightHere()
		}
		return f, err
	case command.FreightLatest, command.FreightPrevious, command.FreightDefault:
		return pipeline.Freight{}, &pipeline.UserError{
			Message: fmt.Sprintf("%s means Freight only where a Stage is named", ref.Kind),
			Hint:    "name the Freight by its alias; /kargo freight lists them",
		}
	default:
		return s.uniquelyNamed(ref)
	}
}

// uniquelyNamed refuses an alias that Freight of several pipelines has.
func (s *Scene) uniquelyNamed(ref command.FreightRef) (pipeline.Freight, error) {
	f, refusal := s.Snapshot.ResolveFreight(ref.Text)
	if refusal != nil {
		return f, refusal
	}
	var ids []string
	for _, other := range s.Snapshot.Freight {
		if strings.EqualFold(other.Alias, ref.Text) {
			ids = append(ids, fmt.Sprintf("%s of %s", pipeline.Short(other.ID), other.Warehouse))
		}
	}
	if len(ids) > 1 {
		return f, &pipeline.UserError{Message: fmt.Sprintf("there are %d Freight of the name %s", len(ids), ref.Text), Hint: "use an id: " + strings.Join(ids, ", ")}
	}
	return f, nil
}

// takenBy is the state with only the Freight that a Stage asks for.
func (s *Scene) takenBy(stage pipeline.Stage) pipeline.Snapshot {
	taken := s.Snapshot
	taken.Freight = slices.DeleteFunc(slices.Clone(taken.Freight), func(f pipeline.Freight) bool {
		_, takes := stage.Request(f.Warehouse)
		return !takes
	})
	return taken
}

// ofPull returns the Freight that a pull request stands for: that of its
// Promotion, else the newest that holds its merge commit, if there is one of those
// that the Stage asks for.
func (s *Scene) ofPull(ctx context.Context, stage pipeline.Stage) (pipeline.Freight, bool, error) {
	p, sha, err := s.Pull(ctx)
	if err != nil || p == nil && sha == "" {
		return pipeline.Freight{}, false, err
	}
	if p != nil {
		return p.Freight, true, nil
	}
	if f, ok := s.takenBy(stage).Carrying(sha); ok {
		return f, true, nil
	}
	f, ok := s.Snapshot.Carrying(sha)
	return f, ok, nil
}

// promotion returns the Promotion that an abort or a retry means: the one that is
// named by its id or by its Stage, else that of the pull request commented on. of
// chooses among those of a Stage, newest first.
func (s *Scene) promotion(ctx context.Context, c command.Command, of func(pipeline.Promotion) bool) (pipeline.Promotion, error) {
	if c.Promotion == "" {
		p, _, err := s.Pull(ctx)
		if err != nil {
			return pipeline.Promotion{}, err
		}
		if p == nil {
			return pipeline.Promotion{}, &pipeline.UserError{
				Message: "this is not the pull request of a Promotion",
				Hint:    fmt.Sprintf("name the Promotion: /kargo %s prod-142; /kargo status lists them", c.Verb),
			}
		}
		return *p, nil
	}
	newest := slices.Clone(s.Snapshot.Promotions)
	slices.SortFunc(newest, func(a, b pipeline.Promotion) int { return b.Seq - a.Seq })
	for _, p := range newest {
		if p.ID == c.Promotion {
			return p, nil
		}
	}
	stage, err := command.ResolveName("Stage", s.StageNames(), c.Promotion)
	if err != nil {
		ids := make([]string, len(newest))
		for i, p := range newest {
			ids[i] = p.ID
		}
		refusal := &pipeline.UserError{Message: fmt.Sprintf("there is no Promotion %q", c.Promotion), Hint: "/kargo status"}
		if near := pipeline.DidYouMean(c.Promotion, ids); near != "" {
			refusal.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		return pipeline.Promotion{}, refusal
	}
	for _, p := range newest {
		if p.Stage.Name == stage && of(p) {
			return p, nil
		}
	}
	return pipeline.Promotion{}, &pipeline.UserError{
		Message: fmt.Sprintf("there is no Promotion into %s to %s", stage, c.Verb),
		Hint:    "/kargo status " + stage,
	}
}

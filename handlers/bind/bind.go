package bind

import (
	"context"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// Bind turns a command that changes something, and whose names were resolved, into
// requests that nobody signed yet. What it cannot bind is a *pipeline.UserError; other
// errors may pass.
func (s *Scene) Bind(ctx context.Context, c command.Command) ([]pipeline.Intent, error) {
	var in pipeline.Intent
	var err error
	switch c.Verb {
	case command.VerbPromote:
		return s.promote(ctx, c)
	case command.VerbRollback:
		in, err = s.rollback(ctx, c)
	case command.VerbApprove:
		in, err = s.approve(ctx, c)
	case command.VerbReject:
		in = pipeline.Intent{Kind: pipeline.IntentReject, Stage: c.Stages[0]}
		var p pipeline.Promotion
		p, err = s.waiting(ctx, c.Stages[0])
		in.Promotion = p.ID
	case command.VerbAnswer:
		in = pipeline.Intent{Kind: pipeline.IntentAnswer, Stage: c.Stages[0], Values: c.Values}
		var p pipeline.Promotion
		p, err = s.waiting(ctx, c.Stages[0])
		in.Promotion = p.ID
	case command.VerbVerify:
		in = pipeline.Intent{Kind: pipeline.IntentVerify, Stage: c.Stages[0]}
		if c.Stop {
			in.Kind = pipeline.IntentStopVerify
		}
	case command.VerbAbort:
		in.Kind = pipeline.IntentAbort
		var p pipeline.Promotion
		p, err = s.promotion(ctx, c, func(p pipeline.Promotion) bool { return !p.Phase.Terminal() })
		in.Promotion = p.ID
	case command.VerbRetry:
		in.Kind, in.FromStart = pipeline.IntentRetry, c.FromStart
		var p pipeline.Promotion
		p, err = s.promotion(ctx, c, func(p pipeline.Promotion) bool { return p.Phase.Terminal() })
		in.Promotion = p.ID
	case command.VerbHold:
		in = pipeline.Intent{Kind: pipeline.IntentHold, Stage: c.Stages[0]}
	case command.VerbResume:
		in = pipeline.Intent{Kind: pipeline.IntentResume, Stage: c.Stages[0]}
	case command.VerbFreeze:
		in.Kind = pipeline.IntentFreeze
		if c.Until > 0 {
			in.Until = s.Received.Add(c.Until)
		}
		in.Pipeline, err = s.pipelineNamed(ctx, c.Pipeline)
	case command.VerbThaw:
		in.Kind = pipeline.IntentThaw
		in.Pipeline, err = s.pipelineNamed(ctx, c.Pipeline)
	case command.VerbAlias:
		in, err = s.alias(ctx, c)
	case command.VerbDelete:
		in.Kind = pipeline.IntentDelete
		var f pipeline.Freight
		f, err = s.named(ctx, c.Freight)
		in.Freight = f.ID
	case command.VerbCreate:
		in.Kind = pipeline.IntentCreate
		in.New, err = s.create(ctx, c)
	default:
		err = fmt.Errorf("verb %s has no meaning", c.Verb)
	}
	if err != nil {
		return nil, err
	}
	return []pipeline.Intent{s.intent(c, in)}, nil
}

// promote is about the Stages that are named, or about all that take Freight from them.
func (s *Scene) promote(ctx context.Context, c command.Command) ([]pipeline.Intent, error) {
	var intents []pipeline.Intent
	for _, name := range c.Stages {
		stage := s.Stage(name)
		id, err := s.FreightID(ctx, c.Freight, stage)
		if err != nil {
			return nil, err
		}
		moves := []pipeline.Move{{Stage: name, Freight: id}}
		if c.Downstream {
			var refusal *pipeline.UserError
			if moves, refusal = s.PipelineOf(name).Downstream(s.Snapshot, stage, id, c.Freight.Kind == command.FreightLatest); refusal != nil {
				return nil, refusal
			}
		}
		for _, m := range moves {
			if !slices.ContainsFunc(intents, func(in pipeline.Intent) bool { return in.Stage == m.Stage && in.Freight == m.Freight }) {
				intents = append(intents, s.intent(c, pipeline.Intent{Kind: pipeline.IntentPromote, Stage: m.Stage, Freight: m.Freight}))
			}
		}
	}
	return s.batch(c, intents), nil
}

// rollback leaves "previous" to Decide: what is current may change until then.
func (s *Scene) rollback(ctx context.Context, c command.Command) (pipeline.Intent, error) {
	in := pipeline.Intent{Kind: pipeline.IntentRollback, Stage: c.Stages[0]}
	switch c.Freight.Kind {
	case command.FreightDefault, command.FreightPrevious:
		return in, nil
	case command.FreightLatest:
		return in, &pipeline.UserError{Message: "the latest Freight is nothing to go back to", Hint: "/promote " + c.Stages[0]}
	default:
		stage := s.Stage(c.Stages[0])
		var err error
		in.Freight, err = s.FreightID(ctx, c.Freight, stage)
		return in, err
	}
}

// approve counts for the pull request as it is now. With a bypass it is about
// Freight: what is named, else that of the pull request, else the newest.
func (s *Scene) approve(ctx context.Context, c command.Command) (pipeline.Intent, error) {
	stage := s.Stage(c.Stages[0])
	in := pipeline.Intent{Kind: pipeline.IntentApprove, Stage: stage.Name, Bypass: c.Bypass}
	var err error
	if c.Bypass || c.Freight.Kind != command.FreightDefault {
		if in.Freight, err = s.FreightID(ctx, c.Freight, stage); err != nil {
			return in, err
		}
	}
	if c.Bypass {
		if in.Freight == "" {
			in.Freight = s.barred(stage)
		}
		return in, nil
	}
	p, err := s.waiting(ctx, stage.Name)
	if in.Freight != "" && in.Freight != p.Freight.ID {
		// Decide says what runs instead.
		p, _ = s.Snapshot.Last(stage.Name, in.Freight)
	}
	if p.ID != "" {
		in.Promotion, in.Freight, in.Head = p.ID, p.Freight.ID, p.Pull().Head
	}
	return in, err
}

// waiting returns the Promotion into a Stage whose turn it is to be judged: that of
// the pull request commented on if it is into this Stage, else the one that runs.
// The zero Promotion means that there is none.
func (s *Scene) waiting(ctx context.Context, stage string) (pipeline.Promotion, error) {
	own, _, err := s.Pull(ctx)
	if err != nil {
		return pipeline.Promotion{}, err
	}
	if own != nil && own.Stage.Name == stage {
		return *own, nil
	}
	p, _ := s.Snapshot.Active(stage)
	return p, nil
}

// barred returns the newest Freight among the newest of every origin that may not
// enter a Stage, "" when there is none.
func (s *Scene) barred(stage pipeline.Stage) string {
	k, p := s.Snapshot.Facts(), s.PipelineOf(stage.Name)
	var newest pipeline.Freight
	for _, req := range stage.Requests {
		f, ok := k.Newest(req.Origin)
		if ok && !k.Explain(p, stage, f, s.Now).Available() && (newest.ID == "" || f.DiscoveredAt.After(newest.DiscoveredAt)) {
			newest = f
		}
	}
	return newest.ID
}

// Newest returns the newest Freight that a Stage asks for, available or not.
func (s *Scene) Newest(stage pipeline.Stage) pipeline.Freight {
	var newest pipeline.Freight
	for _, f := range s.takenBy(stage).Freight {
		if newest.ID == "" || f.DiscoveredAt.After(newest.DiscoveredAt) {
			newest = f
		}
	}
	return newest
}

func (s *Scene) alias(ctx context.Context, c command.Command) (pipeline.Intent, error) {
	in := pipeline.Intent{Kind: pipeline.IntentAlias, Alias: c.Name}
	if slices.Contains(s.StageNames(), c.Name) {
		return in, &pipeline.UserError{Message: fmt.Sprintf("%q is the name of a Stage, and commands would take it for that", c.Name)}
	}
	f, err := s.named(ctx, c.Freight)
	in.Freight = f.ID
	return in, err
}

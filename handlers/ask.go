package handlers

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// ask turns a command that changes something into requests. What they are about
// is bound here, to the state at the time of receipt; whether they are granted is
// for Decide to say.
func (h *Comments) ask(ctx context.Context, r *request, c command.Command) ([]pipeline.Intent, error) {
	var in pipeline.Intent
	var err error
	switch c.Verb {
	case command.VerbPromote:
		return h.promote(ctx, r, c)
	case command.VerbRollback:
		in, err = h.rollback(ctx, r, c)
	case command.VerbApprove:
		in, err = h.approve(ctx, r, c)
	case command.VerbReject:
		in = pipeline.Intent{Kind: pipeline.IntentReject, Stage: c.Stages[0]}
		var p pipeline.Promotion
		p, err = h.waiting(ctx, r, c.Stages[0])
		in.Promotion = p.ID
	case command.VerbAnswer:
		in = pipeline.Intent{Kind: pipeline.IntentAnswer, Stage: c.Stages[0], Values: c.Values}
		var p pipeline.Promotion
		p, err = h.waiting(ctx, r, c.Stages[0])
		in.Promotion = p.ID
	case command.VerbVerify:
		in = pipeline.Intent{Kind: pipeline.IntentVerify, Stage: c.Stages[0]}
		if c.Stop {
			in.Kind = pipeline.IntentStopVerify
		}
	case command.VerbAbort:
		in.Kind = pipeline.IntentAbort
		var p pipeline.Promotion
		p, err = h.promotion(ctx, r, c, func(p pipeline.Promotion) bool { return !p.Phase.Terminal() })
		in.Promotion = p.ID
	case command.VerbRetry:
		in.Kind, in.FromStart = pipeline.IntentRetry, c.FromStart
		var p pipeline.Promotion
		p, err = h.promotion(ctx, r, c, func(p pipeline.Promotion) bool { return p.Phase.Terminal() })
		in.Promotion = p.ID
	case command.VerbHold:
		in = pipeline.Intent{Kind: pipeline.IntentHold, Stage: c.Stages[0]}
	case command.VerbResume:
		in = pipeline.Intent{Kind: pipeline.IntentResume, Stage: c.Stages[0]}
	case command.VerbFreeze:
		in.Kind = pipeline.IntentFreeze
		if c.Until > 0 {
			in.Until = r.received.Add(c.Until)
		}
		in.Pipeline, err = h.pipelineNamed(ctx, r, c.Pipeline)
	case command.VerbThaw:
		in.Kind = pipeline.IntentThaw
		in.Pipeline, err = h.pipelineNamed(ctx, r, c.Pipeline)
	case command.VerbAlias:
		in, err = h.alias(ctx, r, c)
	case command.VerbDelete:
		in.Kind = pipeline.IntentDelete
		var f pipeline.Freight
		f, err = h.named(ctx, r, c.Freight)
		in.Freight = f.ID
	case command.VerbCreate:
		in.Kind = pipeline.IntentCreate
		in.New, err = h.create(ctx, r, c)
	default:
		err = fmt.Errorf("verb %s has no meaning", c.Verb)
	}
	if err != nil {
		return nil, err
	}
	return []pipeline.Intent{r.intent(c, in)}, nil
}

func (h *Comments) promote(ctx context.Context, r *request, c command.Command) ([]pipeline.Intent, error) {
	if c.Downstream {
		return h.downstream(ctx, r, c)
	}
	var intents []pipeline.Intent
	for _, name := range c.Stages {
		stage := r.stage(name)
		freight, err := h.freight(ctx, r, c.Freight, stage)
		if err != nil {
			return nil, err
		}
		intents = append(intents, r.intent(c, pipeline.Intent{Kind: pipeline.IntentPromote, Stage: name, Freight: freight}))
	}
	return r.batch(c, intents), nil
}

// downstream means all Stages that take Freight from the named ones.
func (h *Comments) downstream(ctx context.Context, r *request, c command.Command) ([]pipeline.Intent, error) {
	var intents []pipeline.Intent
	for _, name := range c.Stages {
		up := r.stage(name)
		id, err := h.freight(ctx, r, c.Freight, up)
		if err != nil {
			return nil, err
		}
		moves, refusal := r.pipelineOf(name).Downstream(r.snap, up, id, c.Freight.Kind == command.FreightLatest)
		if refusal != nil {
			return nil, refusal
		}
		for _, m := range moves {
			if !slices.ContainsFunc(intents, func(in pipeline.Intent) bool { return in.Stage == m.Stage && in.Freight == m.Freight }) {
				intents = append(intents, r.intent(c, pipeline.Intent{Kind: pipeline.IntentPromote, Stage: m.Stage, Freight: m.Freight}))
			}
		}
	}
	return r.batch(c, intents), nil
}

// rollback leaves "previous" to Decide: what is current may change until then.
func (h *Comments) rollback(ctx context.Context, r *request, c command.Command) (pipeline.Intent, error) {
	in := pipeline.Intent{Kind: pipeline.IntentRollback, Stage: c.Stages[0]}
	switch c.Freight.Kind {
	case command.FreightDefault, command.FreightPrevious:
		return in, nil
	case command.FreightLatest:
		return in, &pipeline.UserError{Message: "the latest Freight is nothing to go back to", Hint: "/promote " + c.Stages[0]}
	default:
		stage := r.stage(c.Stages[0])
		var err error
		in.Freight, err = h.freight(ctx, r, c.Freight, stage)
		return in, err
	}
}

// approve counts for the pull request as it is now. With a bypass it is about
// Freight: what is named, else that of the pull request, else the newest.
func (h *Comments) approve(ctx context.Context, r *request, c command.Command) (pipeline.Intent, error) {
	stage := r.stage(c.Stages[0])
	in := pipeline.Intent{Kind: pipeline.IntentApprove, Stage: stage.Name, Bypass: c.Bypass}
	var err error
	if c.Bypass || c.Freight.Kind != command.FreightDefault {
		if in.Freight, err = h.freight(ctx, r, c.Freight, stage); err != nil {
			return in, err
		}
	}
	if c.Bypass {
		if in.Freight == "" {
			in.Freight = r.barred(stage, h.Now())
		}
		return in, nil
	}
	p, err := h.waiting(ctx, r, stage.Name)
	if in.Freight != "" && in.Freight != p.Freight.ID {
		// Decide says what runs instead.
		p, _ = r.snap.Last(stage.Name, in.Freight)
	}
	if p.ID != "" {
		in.Promotion, in.Freight, in.Head = p.ID, p.Freight.ID, p.Pull().Head
	}
	return in, err
}

// waiting returns the Promotion into a Stage whose turn it is to be judged: that of
// the pull request commented on if it is into this Stage, else the one that runs.
// The zero Promotion means that there is none.
func (h *Comments) waiting(ctx context.Context, r *request, stage string) (pipeline.Promotion, error) {
	own, _, err := h.pullOf(ctx, r)
	if err != nil {
		return pipeline.Promotion{}, err
	}
	if own != nil && own.Stage.Name == stage {
		return *own, nil
	}
	p, _ := r.snap.Active(stage)
	return p, nil
}

// barred returns the newest Freight among the newest of every origin that may not
// enter a Stage, "" when there is none.
func (r *request) barred(stage pipeline.Stage, now time.Time) string {
	k, p := r.snap.Facts(), r.pipelineOf(stage.Name)
	var newest pipeline.Freight
	for _, req := range stage.Requests {
		f, ok := k.Newest(req.Origin)
		if ok && !k.Explain(p, stage, f, now).Available() && (newest.ID == "" || f.DiscoveredAt.After(newest.DiscoveredAt)) {
			newest = f
		}
	}
	return newest.ID
}

// newest returns the newest Freight that a Stage asks for, available or not.
func (r *request) newest(stage pipeline.Stage) pipeline.Freight {
	var newest pipeline.Freight
	for _, f := range r.takenBy(stage).Freight {
		if newest.ID == "" || f.DiscoveredAt.After(newest.DiscoveredAt) {
			newest = f
		}
	}
	return newest
}

func (h *Comments) alias(ctx context.Context, r *request, c command.Command) (pipeline.Intent, error) {
	in := pipeline.Intent{Kind: pipeline.IntentAlias, Alias: c.Name}
	if slices.Contains(r.stageNames(), c.Name) {
		return in, &pipeline.UserError{Message: fmt.Sprintf("%q is the name of a Stage, and commands would take it for that", c.Name)}
	}
	f, err := h.named(ctx, r, c.Freight)
	in.Freight = f.ID
	return in, err
}

package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kargo-app/kargo/handlers/bind"
	"github.com/kargo-app/kargo/handlers/command"
	"github.com/kargo-app/kargo/pipeline"
)

// person is what is known of somebody's authority: what the scenario says or, when
// it names nobody, everything.
func (w *world) person(login string) pipeline.Actor {
	if len(w.sc.People) == 0 {
		return pipeline.Actor{Login: login, Role: "admin"}
	}
	p, ok := w.sc.People[login]
	if !ok {
		return pipeline.Actor{Login: login, Role: "none"}
	}
	return pipeline.Actor{Login: login, Role: p.Role, Teams: p.Teams}
}

// someone says what nobody is named for.
const someone = "ana"

func orSomeone(login string) string {
	if login == "" {
		return someone
	}
	return login
}

// scene is what one more comment is bound to; on names the Promotion whose pull
// request it is made on.
func (w *world) scene(on string) *bind.Scene {
	w.comments++
	s := &bind.Scene{
		Pipelines: []pipeline.Pipeline{w.p}, Snapshot: w.s, Comment: int64(w.comments), Received: w.now, Now: w.now,
		Pull: func(context.Context) (*pipeline.Promotion, string, error) { return w.promotion(on), "", nil },
	}
	if p := w.promotion(on); p != nil {
		s.Number = p.Pull().Number
	}
	return s
}

// comment stores what a comment asks for; one that cannot be understood is refused
// at once.
func (w *world) comment(c Comment) error {
	parsed := command.Parse(c.Text)
	if err := parsed.Err(); err != nil {
		w.log.refuse(err.Error())
		return nil
	}
	if len(parsed.Commands) == 0 {
		return fmt.Errorf("the comment %q holds no command", cut(c.Text))
	}
	scene := w.scene(c.On)
	var all []pipeline.Intent
	for _, cmd := range parsed.Commands {
		more, err := w.understand(scene, cmd)
		var refusal *pipeline.UserError
		switch {
		case errors.As(err, &refusal):
			w.log.refuse(err.Error())
			return nil
		case err != nil:
			return err
		}
		all = append(all, more...)
	}
	w.ask(w.person(orSomeone(c.By)), all...)
	return nil
}

// understand binds a command to the state as it is now.
func (w *world) understand(scene *bind.Scene, c command.Command) ([]pipeline.Intent, error) {
	c, err := scene.Resolve(w.inIDs(c))
	if err != nil {
		return nil, err
	}
	switch c.Verb {
	case command.VerbHelp, command.VerbStatus, command.VerbWhere, command.VerbWhy, command.VerbDiff, command.VerbFreight:
		return nil, fmt.Errorf("%s only looks, and a scenario has expectations for that", c.Verb)
	case command.VerbRefresh:
		names, err := scene.Refreshed(c)
		for _, name := range names {
			w.stale[name] = true
		}
		return nil, err
	}
	if c.DryRun {
		return nil, fmt.Errorf("a scenario has no use for --dry-run")
	}
	return scene.Bind(context.Background(), c)
}

// inIDs puts the Freight's id where a command has the scenario's name of it.
func (w *world) inIDs(c command.Command) command.Command {
	if id, ok := w.names[c.Freight.Text]; ok {
		c.Freight = command.ParseFreight(id)
	}
	if last := len(c.Stages) - 1; last > 0 {
		if id, ok := w.names[c.Stages[last]]; ok && !slices.Contains(w.p.StageNames(), c.Stages[last]) {
			c.Freight, c.Stages = command.ParseFreight(id), c.Stages[:last]
		}
	}
	return c
}

// ask stores requests of a person.
func (w *world) ask(by pipeline.Actor, intents ...pipeline.Intent) {
	for i := range intents {
		intents[i].Actor = by
	}
	w.s.Intents = append(slices.Clone(w.s.Intents), intents...)
	w.log.asked += len(intents)
}

// intent stores a request as the scenario spells it out.
func (w *world) intent(e Intent) error {
	scene := w.scene(e.On)
	in := pipeline.Intent{
		ID: fmt.Sprintf("%d:1", scene.Comment), Number: scene.Number, Comment: scene.Comment, ReceivedAt: w.now,
		Kind: pipeline.IntentKind(e.Kind), Stage: e.Stage, Promotion: e.Promotion, Batch: e.Batch, Reason: e.Reason, Alias: e.Alias,
		FromStart: e.FromStart, Bypass: e.Bypass,
	}
	if e.Freight != "" {
		f, ok := w.freight(e.Freight)
		in.Freight = f.ID
		if !ok {
			in.Freight = e.Freight
		}
	}
	if e.Until != nil {
		in.Until = e.Until.time(w.now)
	}
	if e.New != nil {
		f := w.describe(*e.New, w.now)
		id := f.ID
		f.ID, f.Alias = "", ""
		w.names[e.New.Name] = id
		in.New = &f
	}
	if pr := w.promotion(in.Promotion); pr != nil && in.Kind == pipeline.IntentApprove {
		in.Head = pr.Pull().Head
	}
	w.ask(w.person(orSomeone(e.By)), in)
	return nil
}

package simulate

import (
	"fmt"
	"slices"

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

// asking is one comment that becomes requests.
type asking struct {
	w     *world
	by    pipeline.Actor
	on    *pipeline.Promotion
	batch string
	n     int
}

func (w *world) asking(by, on string) *asking {
	w.comments++
	return &asking{w: w, by: w.person(orSomeone(by)), on: w.promotion(on), batch: fmt.Sprintf("comment-%d", w.comments)}
}

// request completes an intent.
func (a *asking) request(in pipeline.Intent) pipeline.Intent {
	a.n++
	in.ID, in.Actor, in.ReceivedAt = fmt.Sprintf("%s:%d", a.batch, a.n), a.by, a.w.now
	in.Comment = int64(a.w.comments)
	if a.on != nil {
		in.Number = a.on.Pull().Number
	}
	return in
}

// comment stores what a comment asks for; one that cannot be understood is refused
// at once.
func (w *world) comment(c Comment) error {
	a := w.asking(c.By, c.On)
	parsed := command.Parse(c.Text)
	if err := parsed.Err(); err != nil {
		w.log.refuse(err.Error())
		return nil
	}
	if len(parsed.Commands) == 0 {
		return fmt.Errorf("the comment %q holds no command", cut(c.Text))
	}
	var all []pipeline.Intent
	for _, cmd := range parsed.Commands {
		cmd, err := cmd.NamingFreight(w.p.StageNames(), w.isFreight).Resolve(w.p.StageNames())
		if err == nil {
			var more []pipeline.Intent
			if more, err = a.understand(cmd); err == nil {
				all = append(all, more...)
				continue
			}
		}
		w.log.refuse(err.Error())
		return nil
	}
	if len(all) > 1 {
		for i := range all {
			all[i].Batch = a.batch
		}
	}
	w.ask(all...)
	return nil
}

func (w *world) isFreight(word string) bool {
	_, ok := w.freight(word)
	return ok
}

func (w *world) ask(intents ...pipeline.Intent) {
	w.s.Intents = append(slices.Clone(w.s.Intents), intents...)
	w.log.asked += len(intents)
}

// understand binds a command to the state as it is now.
func (a *asking) understand(c command.Command) ([]pipeline.Intent, error) {
	stage := ""
	if len(c.Stages) > 0 {
		stage = c.Stages[0]
	}
	target, _ := a.w.p.Stage(stage)
	in := pipeline.Intent{Stage: stage, Reason: c.Reason}
	var err error
	switch c.Verb {
	case command.VerbRefresh:
		for _, wh := range a.w.p.Warehouses {
			a.w.stale[wh.Name] = a.w.stale[wh.Name] || c.Warehouse == "" || c.Warehouse == wh.Name
		}
		return nil, nil
	case command.VerbPromote:
		return a.promote(c)
	case command.VerbRollback:
		in.Kind = pipeline.IntentRollback
		if c.Freight.Kind != command.FreightDefault && c.Freight.Kind != command.FreightPrevious {
			in.Freight, err = a.freight(c.Freight, target)
		}
	case command.VerbAbort:
		in.Kind, in.Promotion = pipeline.IntentAbort, c.Promotion
		if _, isStage := a.w.p.Stage(c.Promotion); isStage {
			in.Stage, in.Promotion = c.Promotion, ""
		}
	case command.VerbRetry:
		in.Kind, in.Promotion, in.FromStart = pipeline.IntentRetry, c.Promotion, c.FromStart
		if in.Promotion == "" && a.on != nil {
			in.Promotion = a.on.ID
		}
		if _, isStage := a.w.p.Stage(c.Promotion); isStage {
			in.Stage, in.Promotion = c.Promotion, a.newest(c.Promotion)
		}
	case command.VerbApprove:
		return a.approve(c, in)
	case command.VerbReject:
		in.Kind = pipeline.IntentReject
		if active, ok := a.w.s.Active(stage); ok {
			in.Promotion = active.ID
		}
	case command.VerbAnswer:
		in.Kind, in.Values = pipeline.IntentAnswer, c.Values
		if active, ok := a.w.s.Active(stage); ok {
			in.Promotion = active.ID
		}
	case command.VerbVerify:
		in.Kind = pipeline.IntentVerify
		if c.Stop {
			in.Kind = pipeline.IntentStopVerify
		}
	case command.VerbHold:
		in.Kind = pipeline.IntentHold
	case command.VerbResume:
		in.Kind = pipeline.IntentResume
	case command.VerbFreeze:
		in.Kind = pipeline.IntentFreeze
		if c.Until > 0 {
			in.Until = a.w.now.Add(c.Until)
		}
	case command.VerbThaw:
		in.Kind = pipeline.IntentThaw
	case command.VerbAlias:
		in.Kind, in.Alias = pipeline.IntentAlias, c.Name
		in.Freight, err = a.freight(c.Freight, target)
	case command.VerbDelete:
		in.Kind = pipeline.IntentDelete
		in.Freight, err = a.freight(c.Freight, target)
	default:
		return nil, fmt.Errorf("a scenario cannot carry out %s: use intent", c.Verb)
	}
	if err != nil {
		return nil, err
	}
	return []pipeline.Intent{a.request(in)}, nil
}

// newest is the id of the newest Promotion of a Stage that ended.
func (a *asking) newest(stage string) string {
	id, seq := "", 0
	for i := range a.w.s.Promotions {
		if pr := &a.w.s.Promotions[i]; pr.Stage.Name == stage && pr.Phase.Terminal() && pr.Seq > seq {
			id, seq = pr.ID, pr.Seq
		}
	}
	return id
}

// freight is the id of what a command means for a Stage; empty is the candidate.
func (a *asking) freight(ref command.FreightRef, stage pipeline.Stage) (string, error) {
	switch ref.Kind {
	case command.FreightLatest:
		return "", nil
	case command.FreightPrevious:
		f, ok := a.w.s.Facts().Previous(stage)
		if !ok {
			return "", fmt.Errorf("no Freight was verified in %s before what is current there", stage.Name)
		}
		return f.ID, nil
	case command.FreightDefault, command.FreightThis:
		if a.on != nil {
			return a.on.Freight.ID, nil
		}
		return "", nil
	case command.FreightAlias, command.FreightID, command.FreightArtifact: // a name, below
	}
	if f, ok := a.w.freight(ref.Text); ok {
		return f.ID, nil
	}
	f, refusal := a.w.s.ResolveFreight(ref.Text)
	if refusal != nil {
		return "", refusal
	}
	return f.ID, nil
}

func (a *asking) promote(c command.Command) ([]pipeline.Intent, error) {
	var out []pipeline.Intent
	add := func(stage, id string) {
		out = append(out, a.request(pipeline.Intent{Kind: pipeline.IntentPromote, Stage: stage, Freight: id, Reason: c.Reason}))
	}
	for _, name := range c.Stages {
		stage, _ := a.w.p.Stage(name)
		id, err := a.freight(c.Freight, stage)
		if err != nil {
			return nil, err
		}
		if !c.Downstream {
			add(name, id)
			continue
		}
		moves, refusal := a.w.p.Downstream(a.w.s, stage, id, c.Freight.Kind == command.FreightLatest)
		if refusal != nil {
			return nil, refusal
		}
		for _, m := range moves {
			if !slices.ContainsFunc(out, func(in pipeline.Intent) bool { return in.Stage == m.Stage && in.Freight == m.Freight }) {
				add(m.Stage, m.Freight)
			}
		}
	}
	return out, nil
}

func (a *asking) approve(c command.Command, in pipeline.Intent) ([]pipeline.Intent, error) {
	in.Kind, in.Bypass = pipeline.IntentApprove, c.Bypass
	var err error
	stage, _ := a.w.p.Stage(in.Stage)
	if in.Freight, err = a.freight(c.Freight, stage); err != nil {
		return nil, err
	}
	active, ok := a.w.s.Active(in.Stage)
	if in.Freight != "" {
		active, ok = a.w.s.Last(in.Stage, in.Freight)
	}
	if ok && !c.Bypass && !active.Phase.Terminal() {
		in.Promotion, in.Freight, in.Head = active.ID, active.Freight.ID, active.Pull().Head
	}
	return []pipeline.Intent{a.request(in)}, nil
}

// intent stores a request as the scenario spells it out.
func (w *world) intent(e Intent) error {
	a := w.asking(e.By, e.On)
	in := pipeline.Intent{
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
	w.ask(a.request(in))
	return nil
}

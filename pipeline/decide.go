package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is something that should happen now. The set is closed.
type Action interface{ action() }

// CreateFreight stores new Freight.
type CreateFreight struct{ Freight Freight }

// AdoptFreight makes Freight current in a Stage whose files already hold it.
type AdoptFreight struct{ Stage, Freight string }

// MarkVerified records that Freight is verified in a Stage.
type MarkVerified struct{ Stage, Freight string }

// StartPromotion queues a Promotion. Its ID and Seq are given by the store.
type StartPromotion struct {
	Promotion Promotion
	// Intent is the request it answers, empty for auto-promotion.
	Intent string
}

// AbortPromotion ends a Promotion.
type AbortPromotion struct {
	Promotion string
	Reason    string
	// Intent is the request it answers, empty when the rules demand it.
	Intent string
}

// RefuseIntent answers a request with the reason why it is not granted.
type RefuseIntent struct {
	Intent string
	Err    *UserError
}

// Wake asks to decide again at a time although nothing may have happened.
type Wake struct{ At time.Time }

func (CreateFreight) action()  {}
func (AdoptFreight) action()   {}
func (MarkVerified) action()   {}
func (StartPromotion) action() {}
func (AbortPromotion) action() {}
func (RefuseIntent) action()   {}
func (Wake) action()           {}

// Decide says what should happen now. It is pure: same inputs, same actions.
// Applying its actions and deciding again with nothing new yields nothing but
// [Wake].
func Decide(p Pipeline, s Snapshot, now time.Time) []Action {
	d := decision{p: p, s: s, now: now, ended: map[string]bool{}, queued: map[string]bool{}}
	for _, pr := range s.Promotions {
		d.ended[pr.ID] = pr.AbortRequested != ""
	}
	d.freight()
	d.orphans()
	d.verified()
	d.adopt()
	d.intents()
	d.promote()
	if !d.wake.IsZero() {
		d.actions = append(d.actions, Wake{At: d.wake})
	}
	return d.actions
}

type decision struct {
	p       Pipeline
	s       Snapshot
	now     time.Time
	wake    time.Time
	actions []Action
	// ended holds the Promotions that are or will be asked to abort.
	ended map[string]bool
	// queued holds "stage freight" pairs that this decision starts.
	queued map[string]bool
}

func (d *decision) add(a Action) { d.actions = append(d.actions, a) }

// freight creates Freight from the newest discovery of every automatic
// Warehouse, unless Freight with that content exists.
func (d *decision) freight() {
	taken := func(alias string) bool {
		return slices.ContainsFunc(d.s.Freight, func(f Freight) bool { return f.Alias == alias })
	}
	for _, w := range d.p.Warehouses {
		if w.FreightCreationPolicy == CreateManually {
			continue
		}
		f, ok := d.s.Discoveries[w.Name].Freight()
		if !ok {
			continue
		}
		if _, exists := d.s.FreightByID(f.ID); exists {
			continue
		}
		f.Alias = Alias(f.ID, taken)
		f.DiscoveredAt = d.now
		d.s.Freight = append(slices.Clip(d.s.Freight), f)
		d.add(CreateFreight{Freight: f})
	}
}

// orphans aborts Promotions whose Stage is gone from the file.
func (d *decision) orphans() {
	for i := range d.s.Promotions {
		pr := &d.s.Promotions[i]
		if pr.Phase.Terminal() || d.ended[pr.ID] {
			continue
		}
		if _, ok := d.p.Stage(pr.Stage.Name); !ok {
			d.abort(pr.ID, fmt.Sprintf("Stage %q is no longer in .kargo.yaml", pr.Stage.Name), "")
		}
	}
}

func (d *decision) abort(id, reason, intent string) {
	d.ended[id] = true
	d.add(AbortPromotion{Promotion: id, Reason: reason, Intent: intent})
}

// verified marks Freight verified: in a control-flow Stage everything that is
// available, elsewhere what is current, since a Stage without verification
// verifies on success.
func (d *decision) verified() {
	for _, stage := range d.p.Stages {
		for _, f := range d.s.Freight {
			m := d.s.Mark(stage.Name, f.ID)
			if !m.VerifiedAt.IsZero() {
				continue
			}
			reached := !m.CurrentSince.IsZero()
			if stage.ControlFlow() {
				v := Explain(d.p, d.s, stage, f, d.now)
				reached = v.Available()
				d.wake = earliest(d.wake, v.Next())
			}
			if reached {
				d.setMark(stage.Name, f.ID, func(m *Mark) { m.VerifiedAt = d.now })
				d.add(MarkVerified{Stage: stage.Name, Freight: f.ID})
			}
		}
	}
}

// setMark keeps the snapshot in step with the actions, so that what follows in
// the same decision builds on them.
func (d *decision) setMark(stage, freight string, change func(*Mark)) {
	d.s.Marks = slices.Clone(d.s.Marks)
	for i := range d.s.Marks {
		if d.s.Marks[i].Stage == stage && d.s.Marks[i].Freight == freight {
			change(&d.s.Marks[i])
			return
		}
	}
	m := Mark{Stage: stage, Freight: freight}
	change(&m)
	d.s.Marks = append(d.s.Marks, m)
}

// adopt makes Freight current in Stages that never had any and whose files
// already hold it.
func (d *decision) adopt() {
	for _, stage := range d.p.Stages {
		id, ok := d.s.Matches[stage.Name]
		if !ok || stage.ControlFlow() {
			continue
		}
		f, ok := d.s.FreightByID(id)
		if !ok {
			continue
		}
		if _, has := d.s.Current(stage.Name, f.Warehouse); has {
			continue
		}
		if _, busy := d.active(stage.Name); busy {
			continue
		}
		d.setMark(stage.Name, id, func(m *Mark) { m.CurrentSince, m.VerifiedAt = d.now, d.now })
		d.add(AdoptFreight{Stage: stage.Name, Freight: id})
		d.add(MarkVerified{Stage: stage.Name, Freight: id})
	}
}

func (d *decision) active(stage string) (Promotion, bool) {
	pr, ok := d.s.Active(stage)
	return pr, ok && !d.ended[pr.ID]
}

// intents answers what people asked for.
func (d *decision) intents() {
	for _, in := range d.s.Intents {
		switch in.Kind {
		case IntentAbort:
			d.abortIntent(in)
		case IntentPromote:
			d.promoteIntent(in)
		default:
			d.refuse(in, &UserError{Message: fmt.Sprintf("%q is not something that can be asked for", in.Kind)})
		}
	}
}

func (d *decision) refuse(in Intent, err *UserError) {
	d.add(RefuseIntent{Intent: in.ID, Err: err})
}

func (d *decision) abortIntent(in Intent) {
	var target *Promotion
	for i := range d.s.Promotions {
		pr := &d.s.Promotions[i]
		switch {
		case pr.Phase.Terminal() || d.ended[pr.ID]:
			continue
		case in.Promotion != "" && pr.ID != in.Promotion:
			continue
		case in.Stage != "" && pr.Stage.Name != in.Stage:
			continue
		case in.Promotion == "" && in.Stage == "" && pr.Pull().Number != in.Number:
			continue
		}
		if target == nil || pr.Phase == Running {
			target = pr
		}
	}
	if target == nil {
		what := "no Promotion is running for this pull request"
		if in.Promotion != "" || in.Stage != "" {
			what = fmt.Sprintf("no Promotion %s is queued or running", in.Promotion+in.Stage)
		}
		d.refuse(in, &UserError{Message: what, Hint: "/kargo status"})
		return
	}
	if err := d.p.Authorize(VerbAbort, target.Stage, in.Actor); err != nil {
		d.refuse(in, asUserError(err))
		return
	}
	d.abort(target.ID, "aborted by "+in.Actor.Login, in.ID)
}

func (d *decision) promoteIntent(in Intent) {
	stage, ok := d.p.Stage(in.Stage)
	if !ok {
		d.refuse(in, UnknownStage(d.p, in.Stage))
		return
	}
	if err := d.p.Authorize(VerbPromote, stage, in.Actor); err != nil {
		d.refuse(in, asUserError(err))
		return
	}
	if stage.ControlFlow() {
		d.refuse(in, &UserError{Message: fmt.Sprintf("Stage %q only routes Freight, nothing is promoted to it", stage.Name)})
		return
	}
	f, err := d.wanted(in, stage)
	if err != nil {
		d.refuse(in, err)
		return
	}
	v := Explain(d.p, d.s, stage, f, d.now)
	if !v.Available() {
		d.refuse(in, notAvailable(stage, f, v))
		return
	}
	if pr, busy := d.s.Last(stage.Name, f.ID); busy && !pr.Phase.Terminal() && !d.ended[pr.ID] {
		d.refuse(in, &UserError{
			Message: fmt.Sprintf("%s is already on its way to %s as %s", f.Headline(), stage.Name, pr.ID),
			Hint:    "/kargo status " + stage.Name,
		})
		return
	}
	if cur, ok := d.s.Current(stage.Name, f.Warehouse); ok && cur.ID == f.ID {
		if _, busy := d.active(stage.Name); !busy {
			d.refuse(in, &UserError{Message: fmt.Sprintf("%s is already current in %s", f.Headline(), stage.Name)})
			return
		}
	}
	d.start(stage, f, in.ID, func(pr *Promotion) {
		pr.Actor, pr.Source = in.Actor.Login, in.Number
		pr.Reason = "asked for by " + in.Actor.Login
		if d.p.AutoPromotion(stage) {
			pr.HoldIntent = SetHold
			req, _ := stage.Request(f.Warehouse)
			if c, ok := Candidate(d.p, d.s, stage, req, d.now); ok && c.ID == f.ID {
				pr.HoldIntent = ClearHold
			}
		}
	})
}

// wanted returns the Freight an intent asks for: the one it names, else the
// newest available one, else the newest one at all so that the refusal can name
// its gates.
func (d *decision) wanted(in Intent, stage Stage) (Freight, *UserError) {
	if in.Freight != "" {
		f, ok := d.s.FreightByID(in.Freight)
		if !ok {
			return Freight{}, &UserError{Message: fmt.Sprintf("Freight %s is unknown", Short(in.Freight)), Hint: "/kargo status"}
		}
		return f, nil
	}
	var best, newest Freight
	for _, req := range stage.Requests {
		if f, ok := Candidate(d.p, d.s, stage, req, d.now); ok && (best.ID == "" || newerFirst(f, best) < 0) {
			if cur, has := d.s.Current(stage.Name, req.Origin); !has || cur.ID != f.ID || best.ID == "" {
				best = f
			}
		}
		for _, f := range d.s.Freight {
			if f.Warehouse == req.Origin && (newest.ID == "" || newerFirst(f, newest) < 0) {
				newest = f
			}
		}
	}
	switch {
	case best.ID != "":
		return best, nil
	case newest.ID != "":
		return newest, nil
	}
	return Freight{}, &UserError{
		Message: fmt.Sprintf("there is no Freight yet for Stage %q", stage.Name),
		Hint:    "Freight appears when " + strings.Join(origins(stage), ", ") + " discovers artifacts; /kargo status shows what was seen",
	}
}

// promote starts auto-promotions.
func (d *decision) promote() {
	for _, stage := range d.p.Stages {
		if stage.ControlFlow() {
			continue
		}
		auto := d.p.AutoPromotion(stage)
		for _, req := range stage.Requests {
			if auto {
				d.autoPromote(stage, req)
			}
			d.wakeFor(stage, req)
		}
	}
}

// autoPromote applies Kargo's conditions for one origin: not held, a candidate
// exists, it is neither current nor on its way, and the newest finished
// Promotion of it did not fail (no automatic retry, not even of an abort).
func (d *decision) autoPromote(stage Stage, req FreightRequest) {
	if _, held := d.s.Held(stage.Name, req.Origin); held {
		return
	}
	f, ok := Candidate(d.p, d.s, stage, req, d.now)
	if !ok || d.queued[stage.Name+" "+f.ID] {
		return
	}
	if cur, ok := d.s.Current(stage.Name, req.Origin); ok && cur.ID == f.ID {
		return
	}
	if last, ok := d.s.Last(stage.Name, f.ID); ok && last.Phase != Succeeded {
		return
	}
	d.start(stage, f, "", func(pr *Promotion) {
		pr.Reason = fmt.Sprintf("auto-promotion: newest Freight available to %s", stage.Name)
	})
}

// wakeFor asks to be woken when the newest Freight of the origin becomes
// available by time alone.
func (d *decision) wakeFor(stage Stage, req FreightRequest) {
	if req.RequiredSoakTime == 0 {
		return
	}
	for _, f := range d.s.Freight {
		if f.Warehouse != req.Origin {
			continue
		}
		if v := Explain(d.p, d.s, stage, f, d.now); !v.Available() {
			d.wake = earliest(d.wake, v.Next())
		}
	}
}

func (d *decision) start(stage Stage, f Freight, intent string, fill func(*Promotion)) {
	pr := Promotion{
		Repo: d.s.Repo, Pipeline: d.p.Name, ConfigSHA: d.s.ConfigSHA,
		Stage: stage, Vars: d.p.Vars, Freight: f, CreatedAt: d.now,
		Collection: []Freight{f},
	}
	for _, req := range stage.Requests {
		if req.Origin == f.Warehouse {
			continue
		}
		if other, ok := d.s.Current(stage.Name, req.Origin); ok {
			pr.Collection = append(pr.Collection, other)
		}
	}
	fill(&pr)
	d.queued[stage.Name+" "+f.ID] = true
	d.add(StartPromotion{Promotion: NewPromotion(pr), Intent: intent})
}

// UnknownStage is the refusal for a Stage name that the pipeline does not have.
func UnknownStage(p Pipeline, got string) *UserError {
	names := p.StageNames()
	err := &UserError{
		Message: fmt.Sprintf("there is no Stage %q", got),
		Hint:    "Stages: " + strings.Join(names, ", "),
	}
	if s := DidYouMean(got, names); s != "" {
		err.Hint = fmt.Sprintf("did you mean %q? Stages: %s", s, strings.Join(names, ", "))
	}
	return err
}

func notAvailable(stage Stage, f Freight, v Verdict) *UserError {
	err := &UserError{
		Message: fmt.Sprintf("%s cannot enter %s yet: %s", f.Headline(), stage.Name, strings.Join(v.Unmet(), "; ")),
		Hint:    "/kargo why " + stage.Name,
	}
	if req, ok := stage.Request(f.Warehouse); ok && len(req.Stages) > 0 && v.Next().IsZero() {
		err.Hint = fmt.Sprintf("/promote %s, or /kargo why %s", req.Stages[0], stage.Name)
	}
	return err
}

func asUserError(err error) *UserError {
	if u, ok := err.(*UserError); ok { //nolint:errorlint // Authorize returns it bare
		return u
	}
	return &UserError{Message: err.Error(), Err: err}
}

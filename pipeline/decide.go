package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Decide says what should happen now. It is pure: same inputs, same actions.
// Applying its actions and deciding again with nothing new yields nothing but
// [Wake].
func Decide(p Pipeline, s Snapshot, now time.Time) []Action {
	d := newDecision(p, s, now)
	d.orphans()
	d.adopt()
	d.verified()
	d.intents()
	d.promote()
	if !d.wake.IsZero() {
		d.add(Wake{At: d.wake})
	}
	return d.actions
}

type decision struct {
	p       Pipeline
	s       Snapshot
	now     time.Time
	wake    time.Time
	actions []Action
	// known is what the Snapshot says and what the actions add to it, so that
	// each step of a decision builds on those before.
	known *Facts
	// stages and auto answer for a Stage's name.
	stages map[string]*Stage
	auto   map[string]bool
	// ended holds the Promotions that are or will be asked to abort.
	ended map[string]bool
}

// newDecision also creates the Freight that the rest is about.
func newDecision(p Pipeline, s Snapshot, now time.Time) *decision {
	d := &decision{
		p: p, s: s, now: now,
		stages: make(map[string]*Stage, len(p.Stages)),
		auto:   make(map[string]bool, len(p.Stages)),
		ended:  map[string]bool{},
	}
	selected := compilePolicies(p.Policies)
	for i := range p.Stages {
		stage := &p.Stages[i]
		policy := selected(stage)
		d.stages[stage.Name], d.auto[stage.Name] = stage, policy != nil && policy.AutoPromotionEnabled
	}
	for i := range s.Promotions {
		if s.Promotions[i].AbortRequested != "" {
			d.ended[s.Promotions[i].ID] = true
		}
	}
	d.freight()
	d.known = d.s.Facts()
	return d
}

func (d *decision) add(a Action) { d.actions = append(d.actions, a) }

// freight creates Freight from the newest discovery of every automatic
// Warehouse, unless Freight with that content exists.
func (d *decision) freight() {
	taken := func(alias string) bool {
		return slices.ContainsFunc(d.s.Freight, func(f Freight) bool { return f.Alias == alias })
	}
	for i := range d.p.Warehouses {
		w := &d.p.Warehouses[i]
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
		for _, old := range d.s.Freight {
			// What is found last is newest, even when the clock was set back.
			if old.Warehouse == f.Warehouse && !f.DiscoveredAt.After(old.DiscoveredAt) {
				f.DiscoveredAt = old.DiscoveredAt.Add(time.Microsecond)
			}
		}
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
		if _, ok := d.stages[pr.Stage.Name]; !ok {
			d.abort(pr.ID, fmt.Sprintf("Stage %q is no longer in .kargo.yaml", pr.Stage.Name), "")
		}
	}
}

func (d *decision) abort(id, reason, intent string) {
	d.ended[id] = true
	d.add(AbortPromotion{Promotion: id, Reason: reason, Intent: intent})
}

// adopt makes Freight current in Stages that never had any of its origin and
// whose files already hold it.
func (d *decision) adopt() {
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		n, ok := d.known.numbers[d.s.Matches[stage.Name]]
		if !ok || stage.ControlFlow() {
			continue
		}
		f := &d.known.freight[n]
		k := d.known.stage(stage.Name)
		if _, asked := stage.Request(f.Warehouse); !asked || d.known.currentOf(k, f.Warehouse) >= 0 || len(k.open) > 0 {
			continue
		}
		d.mark(k, stage.Name, n, func(m *Mark) {
			m.CurrentSince = d.now
			if m.VerifiedAt.IsZero() {
				m.VerifiedAt = d.now
			}
		})
		d.add(AdoptFreight{Stage: stage.Name, Freight: f.ID})
		d.add(MarkVerified{Stage: stage.Name, Freight: f.ID})
	}
}

// mark changes what is known of a Freight in a Stage; the Snapshot stays as it
// is.
func (d *decision) mark(k *stageFacts, stage string, n int, change func(*Mark)) {
	m := Mark{Stage: stage, Freight: d.known.freight[n].ID}
	if old := k.markOf(n); old != nil {
		m = *old
	}
	change(&m)
	d.known.setMark(k, n, &m)
}

// verified marks Freight verified: in a control-flow Stage everything that is
// available, elsewhere what is current, since a Stage without verification
// verifies on success.
func (d *decision) verified() {
	for _, stage := range d.upstreamFirst() {
		k := d.known.stage(stage.Name)
		if !stage.ControlFlow() {
			for _, n := range k.current {
				d.verify(k, stage.Name, n)
			}
			continue
		}
		for i := range stage.Requests {
			req := &stage.Requests[i]
			ups := d.known.lookAll(req.Stages)
			for _, n := range d.known.byOrigin[req.Origin] {
				if k.verified(n) {
					continue
				}
				ok, at := available(k, ups, req, n, d.now)
				if ok {
					d.verify(k, stage.Name, n)
				}
				d.wake = earliest(d.wake, at)
			}
		}
	}
}

func (d *decision) verify(k *stageFacts, stage string, n int) {
	if k.verified(n) {
		return
	}
	d.mark(k, stage, n, func(m *Mark) { m.VerifiedAt = d.now })
	d.add(MarkVerified{Stage: stage, Freight: d.known.freight[n].ID})
}

// upstreamFirst orders Stages so that one decision carries Freight through any
// chain of control-flow Stages. Cycles, which validation rejects, are broken
// anywhere.
func (d *decision) upstreamFirst() []*Stage {
	out := make([]*Stage, 0, len(d.p.Stages))
	seen := make(map[string]bool, len(d.p.Stages))
	var visit func(*Stage)
	visit = func(s *Stage) {
		if seen[s.Name] {
			return
		}
		seen[s.Name] = true
		for i := range s.Requests {
			for _, up := range s.Requests[i].Stages {
				if u, ok := d.stages[up]; ok {
					visit(u)
				}
			}
		}
		out = append(out, s)
	}
	for i := range d.p.Stages {
		visit(&d.p.Stages[i])
	}
	return out
}

// promote starts auto-promotions.
func (d *decision) promote() {
	for i := range d.p.Stages {
		stage := &d.p.Stages[i]
		if stage.ControlFlow() || !d.auto[stage.Name] {
			continue
		}
		for j := range stage.Requests {
			d.autoPromote(stage, &stage.Requests[j])
		}
	}
}

// autoPromote applies Kargo's conditions for one origin: not held, a candidate
// exists, it is neither current nor on its way, and the newest Promotion of it
// succeeded if there was one (no automatic retry, not even of an abort).
func (d *decision) autoPromote(stage *Stage, req *FreightRequest) {
	k := d.known.look(stage.Name)
	if _, held := k.held(stage.Name, req.Origin); held {
		return
	}
	n, at := d.known.candidate(stage, req, d.now)
	d.wake = earliest(d.wake, at)
	if n < 0 || k.isCurrent(n) {
		return
	}
	if last := k.lastOf(n); last != nil && last.Phase != Succeeded {
		return
	}
	d.start(stage, n, "", func(pr *Promotion) {
		pr.Reason = fmt.Sprintf("auto-promotion: newest Freight available to %s", stage.Name)
	})
}

// start queues a Promotion, which what follows in the same decision takes into
// account: a hold bites when it is asked for.
func (d *decision) start(stage *Stage, n int, intent string, fill func(*Promotion)) {
	f := d.known.freight[n]
	k := d.known.stage(stage.Name)
	pr := Promotion{
		Repo: d.s.Repo, Pipeline: d.p.Name, ConfigSHA: d.s.ConfigSHA,
		Stage: *stage, Vars: d.p.Vars, Freight: f, CreatedAt: d.now,
		Collection: []Freight{f},
	}
	for _, req := range stage.Requests {
		if req.Origin == f.Warehouse {
			continue
		}
		if other := d.known.currentOf(k, req.Origin); other >= 0 {
			pr.Collection = append(pr.Collection, d.known.freight[other])
		}
	}
	fill(&pr)
	pr = NewPromotion(pr)
	d.add(StartPromotion{Promotion: pr, Intent: intent})
	pr.Seq = k.seq + 1
	d.known.addPromotion(&pr)
}

// UnknownStage is the refusal for a Stage name that the pipeline does not have.
func UnknownStage(p Pipeline, got string) *UserError { return UnknownStageName(p.StageNames(), got) }

// UnknownStageName is UnknownStage for those who know only the names there are.
func UnknownStageName(names []string, got string) *UserError {
	err := &UserError{Message: fmt.Sprintf("there is no Stage %q", got)}
	if len(names) == 0 {
		err.Hint = "no Stage is declared in .kargo.yaml"
		return err
	}
	err.Hint = "Stages: " + strings.Join(names, ", ")
	if s := DidYouMean(got, names); s != "" {
		err.Hint = fmt.Sprintf("did you mean %q? %s", s, err.Hint)
	}
	return err
}

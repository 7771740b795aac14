package simulate

import (
	"context"
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// happen puts an event into the world. What follows from it is for settle.
func (w *world) happen(e Event) error {
	for _, part := range []func(Event) error{w.change, w.artifacts, w.talk, w.pull, w.work} {
		if err := part(e); err != nil {
			return err
		}
	}
	return nil
}

// change is about the rules.
func (w *world) change(e Event) error {
	if e.Script != nil {
		w.answers.replace(*e.Script)
		w.touchHealth(*e.Script)
	}
	if e.Pipeline != nil {
		w.p = w.sc.pipelines[e.Pipeline.node]
	}
	if e.Policies != nil {
		w.p.Policies = w.sc.policies[e.Policies.node]
	}
	if e.Pipeline != nil || e.Policies != nil {
		w.touchAll()
	}
	return nil
}

func (w *world) artifacts(e Event) error {
	for _, i := range e.Images {
		w.sources.pushImage(i)
	}
	for _, c := range e.Charts {
		w.sources.pushChart(c)
	}
	for _, c := range e.Commits {
		w.sources.pushCommit(c)
	}
	for _, t := range e.Tags {
		if err := w.sources.pushTag(t); err != nil {
			return err
		}
	}
	for url, fault := range e.Fault {
		w.sources.fault(url, fault)
	}
	for _, name := range e.Refresh {
		w.stale[name] = true
	}
	for _, f := range e.Freight {
		at := w.now
		if newest, ok := w.s.Facts().Newest(w.describe(f, at).Warehouse); ok && !at.After(newest.DiscoveredAt) {
			at = newest.DiscoveredAt.Add(1000)
		}
		if err := w.addFreight(f, at); err != nil {
			return err
		}
		w.log.notef(w.now, "Freight %s appears", f.Name)
	}
	w.files(e.Files)
	return nil
}

// files lets Stages be seen to hold Freight.
func (w *world) files(seen map[string]string) {
	for stage, name := range seen {
		if f, ok := w.freight(name); ok {
			w.s.Matches[stage] = f.ID
		}
	}
}

func (w *world) talk(e Event) error {
	if e.Comment != nil {
		if err := w.comment(*e.Comment); err != nil {
			return err
		}
	}
	for _, in := range e.Intents {
		if err := w.intent(in); err != nil {
			return err
		}
	}
	return nil
}

// pull is about pull requests.
func (w *world) pull(e Event) error {
	for _, r := range e.Review {
		p := w.host.ofPromotion(r.On)
		if p == nil {
			return fmt.Errorf("there is no pull request of Promotion %q to review", r.On)
		}
		p.reviews[orSomeone(r.By)] = r.State != "dismiss"
		w.host.changed(p)
	}
	for _, c := range e.Checks {
		if c.On == "" {
			w.host.required = append(w.host.required, c.Name)
			continue
		}
		p := w.host.ofPromotion(c.On)
		if p == nil {
			return fmt.Errorf("there is no pull request of Promotion %q to check", c.On)
		}
		p.checks[c.Name] = c.State
		w.host.changed(p)
	}
	for _, is := range []struct {
		event *PullEvent
		do    func(*pull)
	}{
		{e.Draft, func(p *pull) { p.Draft = true }},
		{e.Ready, func(p *pull) { p.Draft = false }},
		{e.Merge, func(p *pull) { w.host.merge(p) }},
		{e.Close, func(p *pull) { p.Open = false }},
	} {
		if is.event == nil {
			continue
		}
		p := w.host.ofPromotion(is.event.Promotion)
		if p == nil || !p.Open {
			return fmt.Errorf("there is no open pull request of Promotion %q", is.event.Promotion)
		}
		is.do(p)
		w.host.changed(p)
	}
	return nil
}

// work is about steps and verifications that are under way.
func (w *world) work(e Event) error {
	for _, s := range e.Step {
		pr := w.promotion(s.Promotion)
		if pr == nil || pr.Phase != pipeline.Running || pr.Next() < 0 {
			return fmt.Errorf("no Promotion %q is running", s.Promotion)
		}
		alias := pr.Stage.Steps[pr.Next()].As
		if s.Step != "" && s.Step != alias {
			return fmt.Errorf("the step of %s is %s, not %s", pr.ID, alias, s.Step)
		}
		w.answers.now[pr.ID+" "+alias] = *s.Answer
		w.touched[pr.Stage.Name] = true
	}
	for _, r := range e.Run {
		if _, ok := w.s.Verifying(r.Stage); !ok {
			return fmt.Errorf("no verification is under way in %s", r.Stage)
		}
		w.answers.runs[r.Stage] = *r.Answer
		w.touched[r.Stage] = true
	}
	for _, key := range e.Signal {
		w.signal(key)
	}
	if e.Restart {
		w.dead = false
		w.touchAll()
		for i := range w.s.Verifications {
			if run := &w.s.Verifications[i]; !run.Phase.Terminal() {
				w.touched[run.Stage.Name] = true
			}
		}
	}
	return nil
}

// play runs one entry of the timeline.
func (w *world) play(ctx context.Context, e *Entry) error {
	w.log.begin()
	to := w.now
	if e.After != nil {
		to = to.Add(durationOf(e.After))
	}
	if e.At != nil {
		to = e.At.time(w.now)
	}
	if e.After != nil || e.At != nil {
		if err := w.advance(ctx, to); err != nil {
			return err
		}
	}
	if !e.happens() {
		return nil
	}
	for _, event := range append([]Event{e.Event}, e.Together...) {
		if err := w.happen(event); err != nil {
			return err
		}
	}
	return w.settle(ctx)
}

// happens reports whether an entry is more than the clock and expectations.
func (e *Entry) happens() bool {
	v := e.Event
	return v.Script != nil || v.Policies != nil || v.Pipeline != nil || v.Images != nil || v.Charts != nil || v.Commits != nil ||
		v.Tags != nil || v.Fault != nil || v.Refresh != nil || v.Files != nil || v.Freight != nil || v.Comment != nil || v.Intents != nil || v.Review != nil || v.Checks != nil ||
		v.Merge != nil || v.Close != nil || v.Draft != nil || v.Ready != nil || v.Step != nil || v.Run != nil || v.Signal != nil ||
		v.Reconcile || v.Restart || e.Together != nil
}

package simulate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// begin puts what the scenario starts with into the world. References in it were
// checked when it was loaded.
func (w *world) begin() error {
	st := w.sc.Start
	for _, i := range st.Images {
		w.sources.pushImage(i)
	}
	for _, c := range st.Charts {
		w.sources.pushChart(c)
	}
	for _, c := range st.Commits {
		w.sources.pushCommit(c)
	}
	for _, t := range st.Tags {
		if err := w.sources.pushTag(t); err != nil {
			return &beginError{t.Place, err}
		}
	}
	for n, f := range st.Freight {
		at := w.now.Add(-time.Duration(len(st.Freight)-n) * time.Minute)
		if err := w.addFreight(f, at); err != nil {
			return &beginError{f.Place, err}
		}
	}
	w.files(st.Files)
	for _, pr := range st.Promotions {
		w.addPromotion(pr)
	}
	for _, v := range st.Verifications {
		w.addRun(v)
	}
	for _, h := range st.Holds {
		w.addHold(h)
	}
	if f := st.Freeze; f != nil {
		freeze := &pipeline.Freeze{Reason: f.Reason, Actor: orSomeone(f.Actor), Since: w.now}
		if f.Since != nil {
			freeze.Since = f.Since.past(w.now)
		}
		if f.Until != nil {
			freeze.Until = f.Until.time(w.now)
		}
		w.s.Freeze = freeze
	}
	return nil
}

// beginError is what is wrong with what a scenario begins with, and where.
type beginError struct {
	Place
	err error
}

// Error implements error.
func (e *beginError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *beginError) Unwrap() error { return e.err }

// describe is the Freight that a scenario means.
func (w *world) describe(f Freight, at time.Time) pipeline.Freight {
	out := pipeline.Freight{ID: f.ID, Alias: f.Alias, Warehouse: f.Warehouse, DiscoveredAt: at, Metadata: f.Metadata}
	if out.Warehouse == "" && len(w.p.Warehouses) > 0 {
		out.Warehouse = w.p.Warehouses[0].Name
	}
	if f.DiscoveredAt != nil {
		out.DiscoveredAt = f.DiscoveredAt.past(w.now)
	}
	for _, i := range f.Images {
		out.Images = append(out.Images, i.artifact(w.now))
	}
	for _, c := range f.Charts {
		out.Charts = append(out.Charts, c.artifact())
	}
	for _, c := range f.Commits {
		out.Commits = append(out.Commits, c.artifact(w.repoURL(), w.now))
	}
	if len(out.Images)+len(out.Charts)+len(out.Commits) == 0 {
		w.imagine(&out, f.Name)
	}
	if out.ID == "" {
		out.ID = pipeline.FreightID(out)
	}
	if out.Alias == "" {
		out.Alias = f.Name
	}
	return out
}

// imagine fills in one artifact for every Subscription.
func (w *world) imagine(f *pipeline.Freight, name string) {
	wh, _ := w.p.Warehouse(f.Warehouse)
	for _, sub := range wh.Subscriptions {
		switch {
		case sub.Image != nil:
			i := Image{RepoURL: sub.Image.RepoURL, Tag: name, Subscription: sub.Name}
			f.Images = append(f.Images, i.artifact(w.now))
		case sub.Chart != nil:
			f.Charts = append(f.Charts, pipeline.Chart{RepoURL: sub.Chart.RepoURL, Name: sub.Chart.Name, Version: name, Subscription: sub.Name})
		case sub.Git != nil:
			c := Commit{RepoURL: sub.Git.RepoURL, Branch: sub.Git.Branch, Message: name, Subscription: sub.Name}
			f.Commits = append(f.Commits, c.artifact(w.repoURL(), w.now))
		}
	}
}

func (w *world) addFreight(f Freight, at time.Time) error {
	made := w.describe(f, at)
	if _, twice := w.s.FreightByID(made.ID); twice {
		return fmt.Errorf("the Freight %s has the same Warehouse and artifacts, and so the same id, as %s", f.Name, w.name(made.ID))
	}
	w.s.Freight = append(w.s.Freight, made)
	w.call(f.Name, made.ID)
	for _, stage := range slices.Sorted(maps.Keys(f.VerifiedIn)) {
		v := f.VerifiedIn[stage]
		w.mark(stage, made.ID, func(m *pipeline.Mark) {
			m.VerifiedAt = w.now
			if v.VerifiedAt != nil {
				m.VerifiedAt = v.VerifiedAt.past(w.now)
			}
			if v.LongestSoak != nil {
				m.LongestSoak = durationOf(v.LongestSoak)
			}
		})
	}
	for _, stage := range slices.Sorted(maps.Keys(f.ApprovedFor)) {
		a := f.ApprovedFor[stage]
		w.mark(stage, made.ID, func(m *pipeline.Mark) {
			m.ApprovedAt = w.now
			if a.ApprovedAt != nil {
				m.ApprovedAt = a.ApprovedAt.past(w.now)
			}
		})
	}
	for _, stage := range slices.Sorted(maps.Keys(f.CurrentlyIn)) {
		c := f.CurrentlyIn[stage]
		w.mark(stage, made.ID, func(m *pipeline.Mark) {
			m.CurrentSince = w.now
			if c.Since != nil {
				m.CurrentSince = c.Since.past(w.now)
			}
		})
	}
	for _, stage := range slices.Sorted(maps.Keys(f.WasIn)) {
		c := f.WasIn[stage]
		w.mark(stage, made.ID, func(m *pipeline.Mark) {
			m.LeftAt = w.now
			if c.LeftAt != nil {
				m.LeftAt = c.LeftAt.past(w.now)
			}
		})
	}
	return nil
}

func durationOf(s *Span) time.Duration { return time.Duration(*s) }

// mark changes what the world begins with.
func (w *world) mark(stage, freight string, change func(*pipeline.Mark)) {
	for i := range w.s.Marks {
		if w.s.Marks[i].Stage == stage && w.s.Marks[i].Freight == freight {
			change(&w.s.Marks[i])
			return
		}
	}
	m := pipeline.Mark{Stage: stage, Freight: freight}
	change(&m)
	w.s.Marks = append(w.s.Marks, m)
}

func (w *world) addPromotion(p Promotion) {
	stage, _ := w.p.Stage(p.Stage)
	f, _ := w.freight(p.Freight)
	pr := pipeline.NewPromotion(pipeline.Promotion{
		ID: p.ID, Repo: w.s.Repo, Pipeline: w.p.Name, ConfigSHA: w.s.ConfigSHA, Stage: stage, Vars: w.p.Vars, Freight: f,
		Collection: []pipeline.Freight{f}, Reason: p.Reason, Actor: p.Actor, HoldIntent: p.Hold, Rollback: p.Rollback,
		CreatedAt: w.now, AbortRequested: p.Abort, Retries: p.Retries,
	})
	for i := range w.s.Promotions {
		if w.s.Promotions[i].Stage.Name == p.Stage {
			pr.Seq = max(pr.Seq, w.s.Promotions[i].Seq)
		}
	}
	pr.Seq++
	if pr.ID == "" {
		pr.ID = fmt.Sprintf("%s-%d", p.Stage, pr.Seq)
	}
	if p.Phase == "" {
		p.Phase = pipeline.Succeeded
	}
	pr.Phase, pr.Message = p.Phase, p.Message
	set := func(t *time.Time, v *When, otherwise time.Time) {
		*t = otherwise
		if v != nil {
			*t = v.past(w.now)
		}
	}
	set(&pr.CreatedAt, p.CreatedAt, w.now)
	if pr.Phase != pipeline.Pending {
		set(&pr.StartedAt, p.StartedAt, pr.CreatedAt)
	}
	if pr.Phase.Terminal() {
		set(&pr.FinishedAt, p.FinishedAt, w.now)
		w.reported[pr.ID] = true
	}
	if prev, ok := w.freight(p.Previous); ok && p.Previous != "" {
		pr.Previous = &prev
	}
	for i := range pr.Steps {
		s := &pr.Steps[i]
		switch pr.Phase {
		case pipeline.Succeeded:
			s.Phase, s.Attempts = pipeline.Succeeded, 1
		case pipeline.Failed, pipeline.Errored, pipeline.Aborted:
			s.Phase, s.Attempts, s.Message = pr.Phase, 1, pr.Message
		case pipeline.Pending, pipeline.Running, pipeline.Skipped: // nothing is known of its steps
		}
		if i < len(p.Steps) {
			w.beginStep(s, p.Steps[i])
		}
	}
	w.s.Promotions = append(w.s.Promotions, pr)
	if !pr.Phase.Terminal() {
		w.touched[p.Stage] = true
	}
}

func (w *world) beginStep(s *pipeline.StepState, from stepStart) {
	*s = pipeline.StepState{Phase: from.Phase, Message: from.Message, Attempts: from.Attempts, Errors: from.Errors}
	if s.Phase != "" && s.Phase != pipeline.Skipped {
		s.Attempts = max(1, s.Attempts)
		s.StartedAt = w.now
	}
	if from.StartedAt != nil {
		s.StartedAt = from.StartedAt.past(w.now)
	}
	if from.WakeAt != nil {
		s.WakeAt = from.WakeAt.time(w.now)
	}
	if from.Output != nil {
		if raw, err := json.Marshal(from.Output); err == nil {
			s.Output = raw
		}
	}
}

func (w *world) addRun(v Verification) {
	stage, _ := w.p.Stage(v.Stage)
	run := pipeline.VerificationRun{
		Repo: w.s.Repo, Pipeline: w.p.Name, Stage: stage, Vars: w.p.Vars, Promotion: v.Promotion, Again: v.Again, Actor: v.Actor,
		CreatedAt: w.now,
	}
	for _, name := range v.Freight {
		if f, ok := w.freight(name); ok {
			run.Collection = append(run.Collection, f)
		}
	}
	run = pipeline.NewVerificationRun(run)
	for i := range w.s.Verifications {
		if w.s.Verifications[i].Stage.Name == v.Stage {
			run.Seq = max(run.Seq, w.s.Verifications[i].Seq)
		}
	}
	run.Seq++
	run.ID = fmt.Sprintf("%s-v%d", v.Stage, run.Seq)
	if v.CreatedAt != nil {
		run.CreatedAt = v.CreatedAt.past(w.now)
	}
	if v.Phase != "" {
		run.Phase = v.Phase
	}
	run.Message = v.Message
	if run.Phase != pipeline.VerificationPending {
		run.StartedAt = run.CreatedAt
	}
	if run.Phase.Terminal() {
		run.FinishedAt = run.CreatedAt
		if v.FinishedAt != nil {
			run.FinishedAt = v.FinishedAt.past(w.now)
		}
	} else {
		w.touched[v.Stage] = true
	}
	w.s.Verifications = append(w.s.Verifications, run)
}

func (w *world) addHold(h Hold) {
	hold := pipeline.Hold{
		Stage: h.Stage, Warehouse: h.Warehouse, Promotion: h.Promotion, Actor: orSomeone(h.Actor), Reason: h.Reason, CreatedAt: w.now,
	}
	if f, ok := w.freight(h.Freight); ok && h.Freight != "" {
		hold.Freight = f.ID
		if hold.Warehouse == "" {
			hold.Warehouse = f.Warehouse
		}
	}
	if hold.Warehouse == "" {
		if stage, ok := w.p.Stage(h.Stage); ok && len(stage.Requests) > 0 {
			hold.Warehouse = stage.Requests[0].Origin
		}
	}
	if h.CreatedAt != nil {
		hold.CreatedAt = h.CreatedAt.past(w.now)
	}
	w.s.Holds = append(w.s.Holds, hold)
}

package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

// pageView is what the template shows. Texts are plain unless they are
// template.HTML.
type pageView struct {
	Version          int
	Repo, CloneURL   string
	Image, NextTag   string
	Latest           string
	Coach            coachView
	Warehouses       []warehouseView
	Stages           []stageView
	Freight          []freightView
	Promotions       []promotionView
	Facts            []factView
	Pulls            []pullRow
	Pull             *pullView
	People           []personView
	Refusal, Comment string
}

type personView struct {
	person
	Selected bool
}

type warehouseView struct {
	Name, Image, State, Waiting string
	Newest                      string
	Rejected                    []string
}

type stageView struct {
	report.Row
	Name, Mode string
	Pull       int
}

type freightView struct {
	Headline, Alias, ID string
	At                  stamp
	Now, Verified       []string
}

type promotionView struct {
	ID, State, Change, Reason, Message string
	Pull                               int
	Open                               bool
	At                                 stamp
	Steps                              []stepView
}

type stepView struct{ State, Name, Message, Took string }

type factView struct {
	fact
	When stamp
}

// stamp is a time for people and machines.
type stamp struct{ Text, Machine string }

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return stamp{}
	}
	return stamp{Text: t.Local().Format(time.TimeOnly), Machine: t.UTC().Format(time.RFC3339)}
}

// selection is what the address of the page chooses.
type selection struct {
	pull      int
	promotion string
	login     string
}

// choose fills in what the address left open: the newest open pull request, else
// the newest.
func (s selection) choose(m moment) selection {
	if _, ok := m.pull(s.pull); !ok {
		s.pull = 0
		for _, p := range m.Pulls {
			if chosen, _ := m.pull(s.pull); s.pull == 0 || p.State == "open" || chosen.State != "open" {
				s.pull = p.Number
			}
		}
	}
	if _, ok := personBy(s.login); !ok {
		s.login = people[0].Login
	}
	return s
}

// view describes a moment.
func (p *page) view(m moment, chosen selection) (pageView, error) {
	chosen = chosen.choose(m)
	_, version := p.observer.now()
	v := pageView{
		Version: version, Repo: configRepo, CloneURL: p.world.github.CloneURL(configRepo), Image: p.world.image,
		NextTag: proposal(m), Coach: coach(m), Stages: stageViews(m), Warehouses: warehouseViews(m),
		Freight: freightViews(m), Promotions: promotionViews(m, chosen.promotion),
	}
	for _, f := range p.observer.recent(30) {
		v.Facts = append(v.Facts, factView{fact: f, When: stampOf(f.At)})
	}
	if len(v.Facts) > 0 {
		f := v.Facts[0]
		v.Latest = strings.Join([]string{f.Mark, f.Subject, f.Change, f.Text}, " ")
	}
	for _, who := range people {
		v.People = append(v.People, personView{person: who, Selected: who.Login == chosen.login})
	}
	for _, pr := range slices.Backward(m.Pulls) {
		v.Pulls = append(v.Pulls, pullRow{Number: pr.Number, Title: pr.Title, State: pullState(pr), Selected: pr.Number == chosen.pull})
	}
	if pr, ok := m.pull(chosen.pull); ok {
		var err error
		if v.Pull, err = p.pullView(m, pr); err != nil {
			return pageView{}, err
		}
	}
	return v, nil
}

func warehouseViews(m moment) []warehouseView {
	if m.Pipeline == nil {
		return nil
	}
	var views []warehouseView
	for _, w := range m.Pipeline.Warehouses {
		v := warehouseView{Name: w.Name, State: "○ Pending", Waiting: "not looked at yet"}
		for _, s := range w.Subscriptions {
			v.Image = s.RepoURL()
		}
		state := m.Warehouses[w.Name]
		if d, ok := m.Snapshot.Discoveries[w.Name]; ok {
			v.State, v.Waiting = "✓ Watching", ""
			for _, s := range d.Subscriptions {
				if len(s.Images) > 0 {
					v.Newest = s.Images[0].Tag
				}
				for _, r := range s.Rejected {
					v.Rejected = append(v.Rejected, r.Ref+": "+r.Reason)
				}
			}
		}
		if state.Error != "" {
			v.State, v.Waiting = "! Errored", state.Error
		}
		views = append(views, v)
	}
	return views
}

func stageViews(m moment) []stageView {
	if m.Pipeline == nil {
		return nil
	}
	var views []stageView
	for _, s := range m.Pipeline.Stages {
		v := stageView{Row: report.StageRow(*m.Pipeline, m.Snapshot, s, m.At), Name: s.Name, Mode: "on request"}
		if m.Pipeline.AutoPromotion(s) {
			v.Mode = "automatic"
		}
		if n := s.Approvals.Required; n > 0 {
			v.Mode += fmt.Sprintf(", %d approval needed", n)
			if n > 1 {
				v.Mode = strings.Replace(v.Mode, "approval", "approvals", 1)
			}
		}
		if active, ok := m.Snapshot.Active(s.Name); ok {
			v.Pull = active.Pull().Number
		}
		views = append(views, v)
	}
	return views
}

// shownFreight is how many Freight the page lists.
const shownFreight = 12

func freightViews(m moment) []freightView {
	freight := slices.Clone(m.Snapshot.Freight)
	slices.SortFunc(freight, func(a, b pipeline.Freight) int { return b.DiscoveredAt.Compare(a.DiscoveredAt) })
	var views []freightView
	for _, f := range freight[:min(len(freight), shownFreight)] {
		v := freightView{Headline: f.Headline(), Alias: f.Alias, ID: pipeline.Short(f.ID), At: stampOf(f.DiscoveredAt)}
		if m.Pipeline != nil {
			for _, s := range m.Pipeline.Stages {
				mark := m.Snapshot.Mark(s.Name, f.ID)
				if !mark.CurrentSince.IsZero() {
					v.Now = append(v.Now, s.Name)
				}
				if !mark.VerifiedAt.IsZero() {
					v.Verified = append(v.Verified, s.Name)
				}
			}
		}
		views = append(views, v)
	}
	return views
}

func promotionViews(m moment, chosen string) []promotionView {
	promotions := slices.Clone(m.Snapshot.Promotions)
	slices.SortStableFunc(promotions, func(a, b pipeline.Promotion) int { return b.CreatedAt.Compare(a.CreatedAt) })
	var views []promotionView
	for i := range promotions {
		p := &promotions[i]
		v := promotionView{
			ID: p.ID, State: report.Word(p.Phase, p.WaitingOn() != ""), Change: change(p), Reason: p.Reason, Message: p.Message,
			Pull: p.Pull().Number, At: stampOf(p.CreatedAt), Open: p.ID == chosen || p.Phase == pipeline.Running,
		}
		for j, s := range p.Steps {
			v.Steps = append(v.Steps, stepOf(p.Stage.Steps[j], s))
		}
		views = append(views, v)
	}
	return views
}

func stepOf(spec pipeline.StepSpec, s pipeline.StepState) stepView {
	v := stepView{State: report.Word(s.Phase, !s.WakeAt.IsZero() && !s.Phase.Terminal()), Name: spec.Uses, Message: s.Message}
	if spec.As != "" && spec.As != spec.Uses {
		v.Name = spec.As + " (" + spec.Uses + ")"
	}
	if !s.EndedAt.IsZero() && !s.StartedAt.IsZero() {
		v.Took = s.EndedAt.Sub(s.StartedAt).Round(time.Millisecond).String()
	}
	return v
}

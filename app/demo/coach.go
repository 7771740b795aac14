package demo

import (
	"fmt"

	"github.com/kargo-app/kargo/pipeline"
)

// coachView is the one line that says what to do next.
type coachView struct {
	Text string
	// Pull is where to do it, 0 for nowhere in particular; As is who does it.
	Pull int
	As   string
}

// coach looks for the first thing that waits for a person, else for what moves.
func coach(m moment) coachView {
	switch {
	case m.Pipeline == nil && len(m.Problems) > 0:
		return coachView{Text: "The .kargo.yaml is not valid; the check kargo / config on its commit says where."}
	case m.Pipeline == nil:
		return coachView{Text: "Starting: the server is reading .kargo.yaml."}
	case len(m.Snapshot.Freight) == 0:
		return coachView{Text: "Starting: the Warehouse is looking for images."}
	}
	var moving *pipeline.Promotion
	for i := range m.Snapshot.Promotions {
		p := &m.Snapshot.Promotions[i]
		if p.Phase.Terminal() {
			continue
		}
		moving = p
		pr, ok := m.pull(p.Pull().Number)
		switch {
		case !ok:
		case pr.Draft:
			return coachView{Text: fmt.Sprintf("%s is held because its pull request is a draft. Press Mark ready to go on.", p.ID), Pull: pr.Number, As: "ana"}
		case p.Stage.Approvals.Required > 0 && len(pr.Reviews) == 0:
			return coachView{Text: fmt.Sprintf("%s waits for an approval. Act as ben and press Approve.", p.ID), Pull: pr.Number, As: "ben"}
		}
	}
	if moving != nil {
		text := fmt.Sprintf("%s is bringing %s to %s.", moving.ID, moving.Freight.Headline(), moving.Stage.Name)
		return coachView{Text: text, Pull: moving.Pull().Number}
	}
	for _, stage := range m.Pipeline.Stages {
		if stage.ControlFlow() || m.Pipeline.AutoPromotion(stage) {
			continue
		}
		for _, req := range stage.Requests {
			f, ok := pipeline.Candidate(*m.Pipeline, m.Snapshot, stage, req, m.At)
			current, _ := m.Snapshot.Current(stage.Name, req.Origin)
			if !ok || f.ID == current.ID {
				continue
			}
			view := coachView{Text: fmt.Sprintf("%s may enter %s. Act as ana and press /promote %s.", f.Headline(), stage.Name, stage.Name), As: "ana"}
			for _, up := range req.Stages {
				if last, ok := m.Snapshot.Last(up, f.ID); ok {
					view.Pull = last.Pull().Number
				}
			}
			return view
		}
	}
	return coachView{Text: "Everything is up to date. Publish a version to set the next change moving."}
}

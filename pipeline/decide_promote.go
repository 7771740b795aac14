package pipeline

import "fmt"

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
// succeeded if there was one (no automatic retry, not even of an abort). In a
// Stage that is closed nothing starts before it opens.
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
	if d.closed(stage) {
		return
	}
	d.start(stage, n, "", func(pr *Promotion) {
		pr.Reason = fmt.Sprintf("auto-promotion: newest Freight available to %s", stage.Name)
	})
}

// start queues a Promotion, which what follows in the same decision takes into
// account under the ID that it will get: a hold bites when it is asked for.
func (d *decision) start(stage *Stage, n int, intent string, fill func(*Promotion)) {
	f := d.known.freight[n]
	k := d.known.stage(stage.Name)
	pr := Promotion{
		Repo: d.s.Repo, Pipeline: d.p.Name, ConfigSHA: d.s.ConfigSHA,
		Stage: *stage, Vars: d.p.Vars, Channels: d.p.Channels, Freight: f, CreatedAt: d.now,
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
	if pr.Seq = 1; k.newest != nil {
		pr.Seq = k.newest.Seq + 1
	}
	pr.ID = fmt.Sprintf("%s-%d", stage.Name, pr.Seq)
	d.known.addPromotion(&pr)
}

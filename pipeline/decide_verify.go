package pipeline

import (
	"slices"
	"time"
)

// verified marks Freight verified: in a control-flow Stage everything that is
// available, elsewhere what is current and has passed, or needs no, Verification.
// Verifications that are due are started.
func (d *decision) verified() {
	for _, stage := range d.upstreamFirst() {
		k := d.known.stage(stage.Name)
		if !stage.ControlFlow() {
			d.verifyCurrent(stage, k)
			continue
		}
		for i := range stage.Requests {
			req := &stage.Requests[i]
			ups := d.known.lookAll(req.Stages)
			revoking := slices.ContainsFunc(ups, func(up *stageFacts) bool { return up.revoking })
			for _, n := range d.known.byOrigin[req.Origin] {
				if k.verified(n) {
					if revoking {
						d.revoke(stage, k, ups, req, n)
					}
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

// verifyCurrent decides about what is current in a Stage. The newest run of the
// collection says what is known of it. While one is under way in the Stage,
// nothing is decided, nor before it is healthy, nor is a run started while a Promotion
// replaces what is current.
func (d *decision) verifyCurrent(stage *Stage, k *stageFacts) {
	if len(k.current) == 0 || k.verifying() != nil || !d.known.sound(k) {
		return
	}
	run, p := d.known.latestRun(k), d.known.outcome(k)
	if d.passed(stage, run, p) {
		for _, n := range k.current {
			d.verify(k, stage.Name, n)
		}
	}
	if stage.Verification == nil || k.running() {
		return
	}
	// What succeeded while the Stage had no Verification was verified by that.
	implied := p == nil || p.Stage.Verification == nil
	if implied && k.allVerified() {
		return
	}
	if next := followUp(stage, p, run, d.known.collection(k), d.now); next != nil {
		d.startRun(*next, "")
	}
}

// passed reports whether what is current counts as verified: the newest run of it
// was successful, or no run is asked for and none has said otherwise since it was
// brought.
func (d *decision) passed(stage *Stage, run *VerificationRun, p *Promotion) bool {
	switch {
	case run != nil && run.Phase == VerificationSuccessful:
		return true
	case stage.Verification != nil:
		return false
	}
	return run == nil || (p != nil && p.Stage.Verification == nil && run.Promotion != p.ID)
}

// startRun starts a VerificationRun, which what follows in the same decision takes
// into account.
func (d *decision) startRun(run VerificationRun, intent string) {
	run.Repo, run.Pipeline, run.Vars = d.s.Repo, d.p.Name, d.p.Vars
	d.add(StartVerification{Run: run, Intent: intent})
	k := d.known.stage(run.Stage.Name)
	if len(k.runs) > 0 {
		run.Seq = k.runs[len(k.runs)-1].Seq
	}
	run.Seq++
	d.known.addRun(&run)
}

func (d *decision) verify(k *stageFacts, stage string, n int) {
	if k.verified(n) {
		return
	}
	d.mark(k, stage, n, func(m *Mark) { m.VerifiedAt = d.now })
	d.add(MarkVerified{Stage: stage, Freight: d.known.freight[n].ID})
}

// revoke takes Freight's mark in a control-flow Stage back if what let it pass was
// revoked upstream and nothing else lets it pass. That it had soaked is not asked
// again.
func (d *decision) revoke(stage *Stage, k *stageFacts, ups []*stageFacts, req *FreightRequest, n int) {
	if !slices.ContainsFunc(ups, func(up *stageFacts) bool { return d.known.revoked(up, n) }) {
		return
	}
	ask := *req
	ask.RequiredSoakTime = 0
	if ok, _ := available(k, ups, &ask, n, d.now); ok {
		return
	}
	d.mark(k, stage.Name, n, func(m *Mark) { m.VerifiedAt = time.Time{} })
	d.add(RevokeVerified{Stage: stage.Name, Freight: d.known.freight[n].ID})
	if k.taken == nil {
		k.taken = map[int]bool{}
	}
	k.revoking, k.taken[n] = true, true
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

package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// startAgain is when the start of a Promotion is tried again whose task of another
// repository could not be used.
const startAgain = 5 * time.Minute

// starts makes the Promotions among actions ready to be created and takes out what
// cannot be carried out for want of a task. Who asked is told why; what nobody
// asked for, and what a fault keeps away, is tried again later; again is when.
func (t *tasks) starts(ctx context.Context, snap pipeline.Snapshot, actions []pipeline.Action) (ready []pipeline.Action, again time.Time, err error) {
	cut := newCut(snap)
	for i, a := range actions {
		start, ok := a.(pipeline.StartPromotion)
		if !ok {
			continue
		}
		err := t.inflate(ctx, &start.Promotion)
		if ctx.Err() != nil {
			return nil, time.Time{}, fmt.Errorf("read tasks of %s: %w", start.Promotion.Stage.Name, ctx.Err())
		}
		if err == nil {
			actions[i] = start
			continue
		}
		if start.Intent == "" {
			t.unstarted[start.Promotion.Stage.Name] = err.Error()
		}
		t.r.Log.WarnContext(ctx, "promotion not started", "repo", t.rec.Repo.String(), "stage", start.Promotion.Stage.Name,
			"freight", start.Promotion.Freight.ID, "err", err)
		after, _ := pipeline.IsTransient(err)
		again = earlier(again, t.r.Now().Add(max(after, startAgain)))
		cut.start(start, err)
	}
	return cut.apply(actions), again, nil
}

// cut is what is taken out of a decision.
type cut struct {
	// batch leads from an intent to all that are granted with it or not at all.
	batch map[string][]string
	// refused and postponed are intents, stages those without an automatic start.
	refused   map[string]*pipeline.UserError
	postponed map[string]bool
	stages    map[string]bool
}

func newCut(snap pipeline.Snapshot) *cut {
	c := &cut{
		batch: map[string][]string{}, refused: map[string]*pipeline.UserError{},
		postponed: map[string]bool{}, stages: map[string]bool{},
	}
	members := map[string][]string{}
	for _, in := range snap.Intents {
		if in.Batch != "" {
			members[in.Batch] = append(members[in.Batch], in.ID)
		}
	}
	for _, in := range snap.Intents {
		c.batch[in.ID] = []string{in.ID}
		if in.Batch != "" {
			c.batch[in.ID] = members[in.Batch]
		}
	}
	return c
}

// start takes out the start of a Promotion and all that is bound to it.
func (c *cut) start(s pipeline.StartPromotion, err error) {
	c.stages[s.Promotion.Stage.Name] = true
	if s.Intent == "" {
		return
	}
	why := refusal(err)
	bound := c.batch[s.Intent]
	if bound == nil {
		bound = []string{s.Intent}
	}
	for _, id := range bound {
		if why == nil {
			c.postponed[id] = true
		} else if c.refused[id] == nil {
			c.refused[id] = why
		}
	}
}

// apply returns the actions that are left, with the refusals.
func (c *cut) apply(actions []pipeline.Action) []pipeline.Action {
	if len(c.stages) == 0 {
		return actions
	}
	ready := make([]pipeline.Action, 0, len(actions))
	told := map[string]bool{}
	for _, a := range actions {
		id := pipeline.IntentOf(a)
		why := c.refused[id]
		switch {
		case id != "" && c.postponed[id]:
		case id != "" && why != nil:
			if !told[id] {
				told[id] = true
				ready = append(ready, pipeline.RefuseIntent{Intent: id, Err: why})
			}
		case id == "" && c.dropped(a):
		default:
			ready = append(ready, a)
		}
	}
	return ready
}

// dropped reports whether an action is a start that nobody asked for and that
// cannot be made ready.
func (c *cut) dropped(a pipeline.Action) bool {
	start, ok := a.(pipeline.StartPromotion)
	return ok && c.stages[start.Promotion.Stage.Name] && remote(start.Promotion.Stage)
}

package promotion_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// TestStageMetadataIsReadAfterItWasNoted: what one step notes about a Stage later steps
// read.
func TestStageMetadataIsReadAfterItWasNoted(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	c.world.Notes.Stages["prod"] = map[string]any{"ticket": "OPS-7"}
	c.queue(prod(
		use("set-metadata", config{"updates": []any{config{"kind": "Stage", "name": "${{ ctx.stage }}", "values": config{"region": "eu"}}}}),
		use("compose-output", config{"is": `${{ stageMetadata("prod").ticket }} ${{ stageMetadata(ctx.stage).region }}`}),
	), freight("1.0.1"))
	c.must()
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	if got, want := string(p.Steps[1].Output), `{"is":"OPS-7 eu"}`; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
}

// TestFreightStatusIsAskedForWhenItIsNamed: what becomes of Freight is looked up for the
// expressions that ask, as it is then, and a database that does not answer fails nothing.
func TestFreightStatusIsAskedForWhenItIsNamed(t *testing.T) {
	t.Parallel()
	c := newTown(t)
	f := freight("1.0.1")
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.world.Notes.Marks = map[string][]pipeline.Mark{
		f.ID: {{Stage: "test", VerifiedAt: since, CurrentSince: since, LongestSoak: 90 * time.Minute}, {Stage: "uat", ApprovedAt: since}},
	}
	asked := 0
	c.world.Fault = func(op string, _ bool) error {
		if op != "freight-status" {
			return nil
		}
		if asked++; asked == 1 || asked == 3 { // for the condition, and for the config
			return errors.New("the database is locked")
		}
		return nil
	}
	said := pipeline.StepSpec{Uses: "compose-output", As: "said", If: `${{ 'test' in freightStatus(ctx.targetFreight.name).verifiedIn }}`, Config: config{
		"soak":     `${{ freightStatus(ctx.targetFreight.name).verifiedIn.test.longestSoak }}`,
		"since":    `${{ quote(freightStatus(ctx.targetFreight.name).currentlyIn.test.since) }}`,
		"approved": `${{ keys(freightStatus(ctx.targetFreight.name).approvedFor) }}`,
		"ticket":   `${{ freightStatus(ctx.targetFreight.name).metadata?.ticket ?? 'none' }}`,
		"nobody":   `${{ freightStatus('0123')?.verifiedIn ?? 'nobody' }}`,
	}}
	silent := use("compose-output", config{"a": 1})
	silent.As = "silent"
	c.queue(prod(said, silent), f)
	for range 8 {
		if _, err := c.advance(); err != nil && !strings.Contains(err.Error(), "the database is locked") {
			t.Fatal(err)
		}
		c.world.Now = c.world.Now.Add(time.Minute)
	}
	p := c.wantPhase("prod-1", pipeline.Succeeded)
	if got, want := string(p.Steps[0].Output), `{"approved":["uat"],"nobody":"nobody","since":"2026-01-01T00:00:00Z","soak":"1h30m0s","ticket":"none"}`; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
	// Twice for the condition, and for the config once in vain and once for each name; never
	// for the step that asks about nothing.
	if asked != 5 {
		t.Errorf("asked %d times", asked)
	}
}

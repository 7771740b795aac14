package promotion_test

import (
	"testing"

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

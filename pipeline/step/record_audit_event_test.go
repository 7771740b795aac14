package step_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestAuditEventIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("record-audit-event", config{"message": "it happened", "data": config{"ticket": "CHG-7"}}))
	b.want(0, pipeline.Succeeded)
	want := map[string]step.AuditEvent{"prod-142 record-audit-event": {
		Promotion: "prod-142", Step: "record-audit-event", Type: "recorded", Actor: "ana", Message: "it happened", Data: map[string]any{"ticket": "CHG-7"},
	}}
	if diff := cmp.Diff(want, b.world.Events); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

package pipeline_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
)

func TestFactsOfAStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, checked(stage("prod", direct("web"), direct("api"))))
	k := w.s.Facts()
	if _, ok := k.Verification("prod"); ok || k.Collection("prod") != nil || len(k.Queue("prod")) > 0 {
		t.Error("something is known of a Stage of which nothing is")
	}
	web, api := w.freight("1"), w.freightOf("api", "7")
	w.occupy("prod", web)
	w.verification("prod", pipeline.VerificationFailed)
	w.occupy("prod", api)
	if _, ok := w.s.Facts().Verification("prod"); ok {
		t.Error("the run of another collection counts")
	}
	w.verification("prod", pipeline.VerificationSuccessful)
	last := w.verification("prod", pipeline.VerificationRunning).ID
	w.promotion("prod", web, pipeline.Pending)
	w.promotion("prod", api, pipeline.Pending)
	w.s.Promotions[0], w.s.Promotions[1] = w.s.Promotions[1], w.s.Promotions[0]
	k = w.s.Facts()
	if run, ok := k.Verification("prod"); !ok || run.ID != last {
		t.Errorf("the run that counts is %q, want %q", run.ID, last)
	}
	if run, ok := k.Verifying("prod"); !ok || run.ID != last {
		t.Errorf("the run under way is %q, want %q", run.ID, last)
	}
	if got := pipeline.CollectionKey(k.Collection("prod")); got != pipeline.CollectionKey([]pipeline.Freight{api, web}) {
		t.Errorf("current is %s", got)
	}
	var queue []string
	for _, p := range k.Queue("prod") {
		queue = append(queue, p.ID)
	}
	if diff := cmp.Diff([]string{"prod-1", "prod-2"}, queue); diff != "" {
		t.Errorf("queue (-want +got):\n%s", diff)
	}
}

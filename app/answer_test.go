package app

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestRequestsOfOneCommentAreAnsweredTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.app.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	rec, err := w.app.db.RepoByName(t.Context(), "acme", "gitops")
	if err != nil {
		t.Fatal(err)
	}
	number, err := w.OpenIssue(gitops, "ana", "Ship it", "")
	if err != nil {
		t.Fatal(err)
	}
	said, err := w.CommentOn(gitops, number, "ana", "hello")
	if err != nil {
		t.Fatal(err)
	}
	var intents []pipeline.Intent
	var actions []pipeline.Action
	for _, id := range []string{"1:eu", "1:us", "2:shop/eu"} {
		_, stage, _ := strings.Cut(id, ":")
		intents = append(intents, pipeline.Intent{ID: id, Kind: pipeline.IntentPromote, Stage: stage, Number: number, Comment: said, ReceivedAt: w.clock.Now()})
		actions = append(actions, pipeline.RefuseIntent{Intent: id, Err: &pipeline.UserError{Message: "no " + stage}})
	}
	if err := w.app.db.PutIntents(t.Context(), rec.ID, intents, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.app.db.Apply(t.Context(), rec.ID, actions, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	resolved, err := w.app.db.ResolvedIntents(t.Context(), rec.ID)
	if err != nil || len(resolved) != 3 {
		t.Fatalf("resolved = %+v, %v", resolved, err)
	}
	for range 2 { // the second time there is nothing left to say
		for _, in := range resolved {
			if err := w.app.reconciler.Voice.Answer(t.Context(), rec, in); err != nil {
				t.Fatal(err)
			}
		}
	}
	issues, err := w.Issues(gitops)
	if err != nil || len(issues) != 1 {
		t.Fatalf("issues = %+v, %v", issues, err)
	}
	var replies []string
	for _, c := range issues[0].Comments {
		if c.Author != "ana" {
			replies = append(replies, c.Body)
		}
	}
	if len(replies) != 2 || !strings.Contains(replies[0], "no eu") || !strings.Contains(replies[0], "no us") || !strings.Contains(replies[1], "no shop/eu") {
		t.Errorf("replies %q, want one for each pipeline", replies)
	}
	if left, err := w.app.db.ResolvedIntents(t.Context(), rec.ID); err != nil || len(left) != 0 {
		t.Errorf("unanswered: %+v, %v", left, err)
	}
}

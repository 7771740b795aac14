package handlers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

func comment(id int, login, body string) map[string]any {
	return event(map[string]any{
		"action": "created",
		"issue":  map[string]any{"number": 5, "pull_request": map[string]any{}},
		"comment": map[string]any{
			"id": id, "body": body, "user": map[string]any{"login": login, "type": "User"},
		},
		"sender": map[string]any{"login": login, "type": "User"},
	})
}

// withFreight adds one Freight that the Stage test may take.
func withFreight(t *testing.T, w *world) pipeline.Freight {
	t.Helper()
	watching(t, w)
	f := pipeline.Freight{
		Warehouse: "web", Alias: "swift-otter", DiscoveredAt: w.now(),
		Images: []pipeline.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.2.3", Digest: "sha256:aa"}},
	}
	f.ID = pipeline.FreightID(f)
	if _, err := w.db.Apply(t.Context(), 1, []pipeline.Action{pipeline.CreateFreight{Freight: f}}, w.now()); err != nil {
		t.Fatal(err)
	}
	return f
}

func reply(w *world, id string) string { return w.people.replies["<!-- kargo:v1 reply="+id+" -->"] }

func answer(w *world, intent string) string {
	comment, _, _ := strings.Cut(intent, ":")
	return w.people.replies["<!-- kargo:v1 reply="+comment+" intent="+intent+" -->"]
}

func TestPromoteCommandBecomesAnIntentBoundToWhatItMeantThen(t *testing.T) {
	t.Parallel()
	for _, ref := range []string{"swift-otter", "web@1.2.3", "ID"} {
		t.Run(ref, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			f := withFreight(t, w)
			w.people.roles["ana"] = "write"
			w.send("issue_comment", comment(9, "ana", "Ship it.\n\n/promote test "+strings.Replace(ref, "ID", f.ID[:9], 1)))
			snap, err := w.db.Snapshot(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(snap.Intents) != 1 {
				t.Fatalf("%d intents, want 1; reply %q", len(snap.Intents), reply(w, "9"))
			}
			in := snap.Intents[0]
			want := pipeline.Actor{Login: "ana", Role: "write"}
			if diff := cmp.Diff(want, in.Actor); diff != "" {
				t.Errorf("actor (-want +got):\n%s", diff)
			}
			if in.Kind != pipeline.IntentPromote || in.Stage != "test" || in.Freight != f.ID || in.Number != 5 || in.Comment != 9 {
				t.Errorf("intent = %+v", in)
			}
			if diff := cmp.Diff([]string{"eyes"}, w.people.reactions[9]); diff != "" {
				t.Errorf("reactions before the decision (-want +got):\n%s", diff)
			}
			if got := w.due(store.WorkReconcile); len(got) != 1 {
				t.Errorf("reconcile due: %v", got)
			}
		})
	}
}

func TestCommentHandledTwiceAsksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withFreight(t, w)
	for range 2 {
		w.send("issue_comment", comment(9, "ana", "/promote test"))
	}
	snap, err := w.db.Snapshot(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Intents) != 1 {
		t.Errorf("%d intents, want 1", len(snap.Intents))
	}
}

func TestPromoteOnPullRequestMeansTheFreightThatHoldsItsChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withFreight(t, w)
	older := pipeline.Freight{
		Warehouse: "web", Alias: "calm-heron", DiscoveredAt: w.now().Add(-1),
		Images: []pipeline.Image{{
			RepoURL: "ghcr.io/acme/web", Tag: "1.2.2", Digest: "sha256:bb",
			Annotations: map[string]string{"org.opencontainers.image.revision": "feedface"},
		}},
	}
	older.ID = pipeline.FreightID(older)
	if _, err := w.db.Apply(t.Context(), 1, []pipeline.Action{pipeline.CreateFreight{Freight: older}}, w.now()); err != nil {
		t.Fatal(err)
	}
	w.people.merged[5] = "feedface"
	w.send("issue_comment", comment(9, "ana", "/promote test"))
	snap, err := w.db.Snapshot(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Intents) != 1 || snap.Intents[0].Freight != older.ID {
		t.Errorf("intents = %+v, want one for %s", snap.Intents, older.ID)
	}
}

func TestRefusedCommandsSayWhyAndLeaveNothing(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"unknown Stage", "/promote tst", "test"},
		{"unknown verb", "/kargo statsu", "status"},
		{"unknown Freight", "/promote test swift-oter", "swift-otter"},
		{"one bad line voids the good one", "/promote test\n/promote nowhere", "nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			withFreight(t, w)
			w.send("issue_comment", comment(9, "ana", tt.body))
			snap, err := w.db.Snapshot(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(snap.Intents) != 0 {
				t.Errorf("intents = %+v, want none", snap.Intents)
			}
			if diff := cmp.Diff([]string{"eyes", "confused"}, w.people.reactions[9]); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := strings.ReplaceAll(reply(w, "9"), `\`, ""); !strings.Contains(got, tt.want) {
				t.Errorf("reply %q does not name %q", got, tt.want)
			}
		})
	}
}

func TestReadCommandsAnswer(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"status", "/kargo status", "swift"},
		{"why", "/kargo why test", "Warehouse web"},
		{"help", "/kargo help", "/promote"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			withFreight(t, w)
			w.send("issue_comment", comment(9, "carl", tt.body))
			if diff := cmp.Diff([]string{"eyes", "rocket"}, w.people.reactions[9]); diff != "" {
				t.Errorf("reactions (-want +got):\n%s", diff)
			}
			if got := reply(w, "9"); !strings.Contains(got, tt.want) {
				t.Errorf("reply %q does not contain %q", got, tt.want)
			}
		})
	}
}

func TestCommentsThatAreNotCommandsAreLeftAlone(t *testing.T) {
	t.Parallel()
	bot := comment(9, "kargo[bot]", "/promote test")
	edited := comment(9, "ana", "/promote test")
	edited["action"] = "edited"
	onBehalf := comment(9, "ana", "/promote test")
	onBehalf["sender"] = map[string]any{"login": "ben", "type": "User"}
	for name, payload := range map[string]map[string]any{
		"a bot's": bot, "an edited one": edited, "sent by somebody else": onBehalf,
		"a quotation": comment(9, "ana", "> /promote test"), "small talk": comment(9, "ana", "nice"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			withFreight(t, w)
			w.send("issue_comment", payload)
			if len(w.people.reactions) != 0 || len(w.people.replies) != 0 {
				t.Errorf("reactions %v, replies %v; want none", w.people.reactions, w.people.replies)
			}
		})
	}
}

func TestCommandBeforeTheConfigurationIsReadWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next, err := w.try("issue_comment", comment(9, "ana", "/kargo status"))
	if err != nil || next.IsZero() {
		t.Errorf("Dispatch = %v, %v; want another try", next, err)
	}
	if got := w.due(store.WorkReconcile); len(got) != 1 {
		t.Errorf("reconcile due: %v", got)
	}
}

func TestDecisionIsToldToWhoAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	withFreight(t, w)
	w.people.roles["carl"] = "read"
	w.send("issue_comment", comment(9, "carl", "/promote test"))
	snap, err := w.db.Snapshot(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := w.db.Repo(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	actions := pipeline.Decide(*rec.Config.Pipeline, snap, w.now())
	if _, err := w.db.Apply(t.Context(), 1, actions, w.now()); err != nil {
		t.Fatal(err)
	}
	resolved, err := w.db.ResolvedIntents(t.Context(), 1)
	if err != nil || len(resolved) != 1 {
		t.Fatalf("resolved = %v, %v", resolved, err)
	}
	if err := w.comments.Answer(t.Context(), rec, resolved); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"eyes", "confused"}, w.people.reactions[9]); diff != "" {
		t.Errorf("reactions (-want +got):\n%s", diff)
	}
	if got := answer(w, "9:1:test"); !strings.Contains(got, "write permission") {
		t.Errorf("reply %q does not say who may", got)
	}
}

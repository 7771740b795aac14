package app

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/store"
)

// lose makes something happen of which the App never hears.
func (w *world) lose(t *testing.T, title string) forge.Delivery {
	t.Helper()
	w.InjectDelivery(forge.DeliveryFault{Event: "issues", Kind: forge.DropDelivery})
	w.InjectDelivery(forge.DeliveryFault{Event: "issue_comment", Kind: forge.DropDelivery})
	number, err := w.OpenIssue(gitops, "ana", title, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.CommentOn(gitops, number, "ana", "/kargo help"); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitDelivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := w.Deliveries()
	last := all[len(all)-1]
	if last.Event != "issue_comment" || last.StatusCode == http.StatusAccepted {
		t.Fatalf("last delivery = %s with %d, want a lost comment", last.Event, last.StatusCode)
	}
	return last
}

// dispatch runs all deliveries that wait and returns their GUIDs.
func (w *world) dispatch(t *testing.T) []string {
	t.Helper()
	var done []string
	for {
		j, ok, err := w.app.db.Claim(t.Context(), []store.WorkKind{store.WorkDelivery}, w.clock.Now(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return done
		}
		next, err := w.app.dispatcher.Dispatch(t.Context(), j.Key)
		if err != nil {
			t.Fatalf("dispatch %s: %v", j.Key, err)
		}
		if err := w.app.db.Finish(t.Context(), j, next); err != nil {
			t.Fatal(err)
		}
		done = append(done, j.Key)
	}
}

func TestSweepProcessesALostDeliveryExactlyOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.app.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	lost := w.lose(t, "lost")
	for range 2 {
		if err := w.app.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.dispatch(t); !slices.Contains(got, lost.GUID) {
		t.Fatalf("processed %v, want %s among them", got, lost.GUID)
	}
	stored, err := w.app.db.Delivery(t.Context(), lost.GUID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Event != "issue_comment" || stored.DoneAt.IsZero() {
		t.Errorf("delivery = %s done at %s, want a comment that is done", stored.Event, stored.DoneAt)
	}
	if diff := cmp.Diff(string(lost.Payload), string(stored.Body)); diff != "" {
		t.Errorf("payload (-GitHub's, +stored):\n%s", diff)
	}
	if err := w.app.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.dispatch(t); len(got) > 0 {
		t.Errorf("processed again: %v", got)
	}
}

func TestSweepLeavesArrivedDeliveriesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := make(chan error, 1)
	go func() { inbox <- w.app.main.server.Serve(w.app.main.Listener) }()
	if _, err := w.OpenIssue(gitops, "ana", "arrives", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitDelivered(t.Context()); err != nil {
		t.Fatal(err)
	}
	arrived := w.dispatch(t)
	if err := w.app.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.dispatch(t); len(arrived) == 0 || len(got) > 0 {
		t.Errorf("arrived %v, swept %v, want something and nothing", arrived, got)
	}
	if err := w.app.main.server.Close(); err != nil {
		t.Fatal(err)
	}
	<-inbox
}

func TestSweepLooksBackThreeDaysOrToTheSweepBefore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// age is that of the lost delivery, swept that of the last sweep.
		age, swept time.Duration
		found      bool
	}{
		{"the first sweep looks back three days", deliveryMemory - time.Hour, 0, true},
		{"and no further", deliveryMemory + time.Hour, 0, false},
		{"what failed just before a sweep may be listed only after it", sweepOverlap - time.Minute, time.Second, true},
		{"what is older was seen by the sweep before", sweepOverlap + time.Minute, time.Second, false},
		{"a server that was down looks back to its last sweep", 20 * time.Hour, 24 * time.Hour, true},
		{"but three days at most", deliveryMemory + time.Hour, 2 * deliveryMemory, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var lost forge.Delivery
			w.clock.During(-tt.age, func() { lost = w.lose(t, "lost") })
			if tt.swept != 0 {
				at := w.clock.Now().Add(-tt.swept).Unix()
				if err := w.app.db.PutSetting(t.Context(), sweptUntil, strconv.FormatInt(at, 10)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.app.sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.dispatch(t); slices.Contains(got, lost.GUID) != tt.found {
				t.Errorf("processed %v, want %s among them: %v", got, lost.GUID, tt.found)
			}
		})
	}
}

func TestSweepRemembersNothingWhenItFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var lost forge.Delivery
	w.clock.During(-2*sweepOverlap, func() { lost = w.lose(t, "lost") })
	w.Inject(forge.Fault{Method: http.MethodGet, Path: "/app/hook/deliveries/*", Status: http.StatusForbidden, Times: 2})
	if err := w.app.sweep(t.Context()); err == nil {
		t.Fatal("a payload that could not be read is no error")
	}
	w.ClearFaults()
	if err := w.app.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.dispatch(t); !slices.Contains(got, lost.GUID) {
		t.Errorf("processed %v, want %s", got, lost.GUID)
	}
}

func TestSweepGoesOnBehindAPayloadThatGitHubForgot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forgotten := w.lose(t, "forgotten")
	lost := w.lose(t, "lost")
	w.Inject(forge.Fault{Method: http.MethodGet, Path: "/app/hook/deliveries/" + strconv.FormatInt(forgotten.ID, 10), Status: http.StatusNotFound, Times: 10})
	if err := w.app.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.dispatch(t); !slices.Contains(got, lost.GUID) || slices.Contains(got, forgotten.GUID) {
		t.Errorf("processed %v, want %s and not %s", got, lost.GUID, forgotten.GUID)
	}
}

// served are the names of the repositories that the App knows that it serves.
func (w *world) served(t *testing.T) []string {
	t.Helper()
	repos, err := w.app.db.Repos(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, r := range repos {
		names = append(names, r.String())
	}
	return names
}

// due are how many repositories wait to be reconciled; they are then done.
func (w *world) due(t *testing.T) int {
	t.Helper()
	for n := 0; ; n++ {
		j, ok, err := w.app.db.Claim(t.Context(), []store.WorkKind{store.WorkReconcile}, w.clock.Now(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return n
		}
		id, err := store.ParseRepoKey(j.Key)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.app.db.SaveConfig(t.Context(), id, store.Config{SeenSHA: "c0ffee"}, nil, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if err := w.app.db.Finish(t.Context(), j, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefreshFollowsWhatTheAppServes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	expect := func(fresh int, names ...string) {
		t.Helper()
		w.clock.Advance(time.Second)
		if err := w.app.refresh(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, w.served(t)); diff != "" {
			t.Errorf("served (-want +got):\n%s", diff)
		}
		if got := w.due(t); got != fresh {
			t.Errorf("%d repositories are looked at, want %d", got, fresh)
		}
	}
	expect(1, gitops)
	expect(0, gitops) // what is known is not looked at again
	if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: "app", Files: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	expect(1, gitops, "acme/app")
	if err := w.RemoveFromInstallation(w.install, gitops); err != nil {
		t.Fatal(err)
	}
	expect(0, "acme/app")
	if err := w.AddToInstallation(w.install, gitops); err != nil {
		t.Fatal(err)
	}
	expect(1, gitops, "acme/app") // one that is back is looked at again
	if err := w.Suspend(w.install, true); err != nil {
		t.Fatal(err)
	}
	expect(0, []string{}...)
}

func TestRefreshRemovesNothingThatItCouldNotAskAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.CreateOrg("other", "ana")
	if err := w.CreateRepo(forge.RepoOptions{Owner: "other", Name: "gitops", Files: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	second, err := w.Install("other")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.app.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	w.app.github.InstallationChanged(second) // so that its token is asked for again
	w.Inject(forge.Fault{Method: http.MethodPost, Path: "/app/installations/" + strconv.FormatInt(second, 10) + "/access_tokens", Status: http.StatusForbidden, Times: 10})
	if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: "app", Files: map[string]string{"a": "b"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.app.refresh(t.Context(), 0); err == nil {
		t.Fatal("an installation that cannot be read is no error")
	}
	if diff := cmp.Diff([]string{gitops, "other/gitops", "acme/app"}, w.served(t)); diff != "" {
		t.Errorf("served (-want +got):\n%s", diff)
	}

	// One installation says nothing about another.
	if err := w.app.refresh(t.Context(), w.install); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{gitops, "other/gitops", "acme/app"}, w.served(t)); diff != "" {
		t.Errorf("served (-want +got):\n%s", diff)
	}
}

package handlers_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers"
)

// woken remembers the events that were told.
type woken struct {
	handlers.Hints
	events []string
}

func (w *woken) Wake(_ context.Context, events []string, _ time.Time) (int, error) {
	w.events = append(w.events, events...)
	return 0, nil
}

func TestEventsThatVerificationsWaitFor(t *testing.T) {
	t.Parallel()
	deployment := func(state, sha string) map[string]any {
		return map[string]any{"deployment_status": map[string]any{"state": state}, "deployment": map[string]any{"sha": sha}}
	}
	for name, tt := range map[string]struct {
		event, action string
		payload       any
		want          []string
	}{
		"the end of a workflow run is news":           {"workflow_run", "completed", map[string]any{"workflow_run": map[string]any{"id": 42}}, []string{"workflow-run/42"}},
		"its beginning is not":                        {"workflow_run", "requested", map[string]any{"workflow_run": map[string]any{"id": 42}}, nil},
		"a run without a number is nobody's":          {"workflow_run", "completed", map[string]any{}, nil},
		"a payload of another form is ignored":        {"workflow_run", "completed", map[string]any{"workflow_run": 5}, nil},
		"a successful deployment is news":             {"deployment_status", "created", deployment("success", "abc"), []string{"deployment/abc"}},
		"a failed one is":                             {"deployment_status", "created", deployment("failure", "abc"), []string{"deployment/abc"}},
		"one with an error is":                        {"deployment_status", "created", deployment("error", "abc"), []string{"deployment/abc"}},
		"one in progress is not":                      {"deployment_status", "created", deployment("in_progress", "abc"), nil},
		"one of no commit is not":                     {"deployment_status", "created", deployment("success", ""), nil},
		"a deployment of another form is ignored too": {"deployment_status", "created", map[string]any{"deployment": []int{1}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hints := &woken{}
			pulls := &handlers.Pulls{Sources: &handlers.Sources{Hints: hints, Now: time.Now, Log: slog.New(slog.DiscardHandler)}}
			body, err := json.Marshal(tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			handle := map[string]handlers.Handler{"workflow_run": pulls.WorkflowRun, "deployment_status": pulls.DeploymentStatus}[tt.event]
			if err := handle(t.Context(), handlers.Event{Name: tt.event, Body: body, Envelope: handlers.Envelope{Action: tt.action}}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, hints.events); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

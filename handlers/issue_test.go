package handlers_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers"
)

func TestChangesOfIssuesAreNews(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		action, body string
		want         []string
	}{
		"one that is closed":        {"closed", `{"issue": {"number": 7}}`, []string{"issue/acme/gitops/7"}},
		"one that gets a label":     {"labeled", `{"issue": {"number": 7}}`, []string{"issue/acme/gitops/7"}},
		"a new one is not":          {"opened", `{"issue": {"number": 7}}`, nil},
		"one without a number":      {"closed", `{}`, nil},
		"a payload of another form": {"closed", `{"issue": []}`, nil},
	} {
		hints := &woken{}
		pulls := &handlers.Pulls{Sources: &handlers.Sources{Hints: hints, Now: time.Now, Log: slog.New(slog.DiscardHandler)}}
		e := handlers.Event{Name: "issues", Body: []byte(tt.body), Envelope: handlers.Envelope{
			Action: tt.action, Repository: &handlers.Repository{ID: 1, FullName: "Acme/gitops"},
			Installation: &struct {
				ID int64 `json:"id"`
			}{1},
		}}
		if err := pulls.Issue(t.Context(), e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, hints.events); diff != "" {
			t.Errorf("%s: woken (-want +got):\n%s", name, diff)
		}
	}
}

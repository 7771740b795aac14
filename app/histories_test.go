package app

import (
	"testing"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/pipeline/report"
)

func TestHistoryIsToldWhereItMayBeSeen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, private := range map[string]bool{"open": false, "secret": true, "vault": true} {
		if err := w.CreateRepo(forge.RepoOptions{Owner: "acme", Name: name, Private: private, Files: map[string]string{"a": "1\n"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.app.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	span := func(name string) report.Span {
		refs, err := w.Refs("acme/" + name)
		if err != nil {
			t.Fatal(err)
		}
		head, err := w.Push("acme/"+name, "main", "ana", "Raise the limit (#12)", map[string]*string{"a": forge.Text("2\n")})
		if err != nil {
			t.Fatal(err)
		}
		return report.Span{RepoURL: w.app.cfg.GitHubURL + "/acme/" + name, Base: refs["refs/heads/main"], Head: head}
	}
	spans := map[string]report.Span{"open": span("open"), "secret": span("secret")}
	unknown := spans["open"]
	unknown.RepoURL = w.app.cfg.GitHubURL + "/acme/elsewhere"
	spans["elsewhere"] = unknown
	h := histories{db: w.app.db, github: w.app.github}
	for _, tt := range []struct {
		name, source, shown string
		told                bool
	}{
		{"of a public repository in a public one", "open", "gitops", true},
		{"of a public repository in a private one", "open", "vault", true},
		{"of a private repository in a private one", "secret", "vault", true},
		{"of a private repository in a public one", "secret", "gitops", false},
		{"of a repository that the App does not serve", "elsewhere", "gitops", false},
	} {
		shown, err := w.app.db.RepoByName(t.Context(), "acme", tt.shown)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.Compare(t.Context(), shown.Repo, spans[tt.source])
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if told := len(got.Commits) > 0; told != tt.told {
			t.Errorf("%s: told %t, want %t", tt.name, told, tt.told)
		}
	}
}

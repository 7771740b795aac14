package app

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/gitrepo"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func TestPreviewShowsTheChangeAndMakesNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.app.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := w.app.db.RepoByName(t.Context(), "acme", "gitops")
	if err != nil {
		t.Fatal(err)
	}
	v := previewer{matcher{
		repos: gitrepo.New(w.app.github.ReaderOptions(gitrepo.Options{})), steps: steps, server: w.app.cfg.GitHubURL,
		cloneURL: w.app.cloneURL, now: w.clock.Now, log: slog.New(slog.DiscardHandler),
	}}
	spec := func(uses string, config map[string]any) pipeline.StepSpec {
		return pipeline.StepSpec{Uses: uses, As: uses, Config: config}
	}
	promotion := func(file string) pipeline.Promotion {
		url := w.app.cloneURL(rec.Repo)
		return pipeline.NewPromotion(pipeline.Promotion{
			ID: "prod-0", Repo: rec.Repo, Freight: pipeline.Freight{Alias: "bold-otter", Warehouse: "web"},
			Stage: pipeline.Stage{Name: "prod", Requests: []pipeline.FreightRequest{{Origin: "web"}}, Steps: []pipeline.StepSpec{
				spec("git-clone", map[string]any{"repoURL": url, "checkout": []any{map[string]any{"branch": "main", "path": "src"}}}),
				spec("copy", map[string]any{"inPath": "src/" + file, "outPath": "src/copy.md"}),
				spec("git-commit", map[string]any{"path": "src", "message": "copy"}),
				spec("git-push", map[string]any{"path": "src"}),
			}},
		})
	}
	refs, err := w.Refs(gitops)
	if err != nil {
		t.Fatal(err)
	}
	effect, err := v.Preview(t.Context(), rec, promotion("README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if len(effect.Files) != 1 || effect.Files[0].Path != "copy.md" || !strings.Contains(effect.Diff, "+hello") {
		t.Errorf("effect = %+v", effect)
	}
	var refusal *pipeline.UserError
	if _, err := v.Preview(t.Context(), rec, promotion("absent.md")); !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "step 2 (copy): ") {
		t.Errorf("a step that fails: %v, want its own words", err)
	}
	after, err := w.Refs(gitops)
	if err != nil || after["refs/heads/main"] != refs["refs/heads/main"] || len(after) != len(refs) {
		t.Errorf("a preview moved refs from %v to %v, %v", refs, after, err)
	}
}

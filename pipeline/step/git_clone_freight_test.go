package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// withCommits gives the Promotion's Freight one commit of the repository, and that of
// another Warehouse a second one.
func withCommits(b *bench, ids ...string) {
	b.p.Collection = nil
	for i, id := range ids {
		f := pipeline.Freight{ID: strings.Repeat(string(rune('a'+i)), 40), Warehouse: []string{"web", "config"}[i], Commits: []pipeline.Commit{
			{RepoURL: "https://github.com/other/repo", ID: strings.Repeat("9", 40)},
			{RepoURL: strings.TrimSuffix(strings.ToUpper(repoURL[:20]), "") + strings.TrimSuffix(repoURL[20:], ".git"), ID: id},
		}}
		if i == 0 {
			b.p.Freight = f
		}
		b.p.Collection = append(b.p.Collection, f)
	}
}

func cloneFreight(origin string) pipeline.StepSpec {
	checkout := config{"path": "src", "fromFreight": true}
	if origin != "" {
		checkout["fromOrigin"] = config{"kind": "Warehouse", "name": origin}
	}
	return use("git-clone", config{"repoURL": repoURL, "checkout": []any{checkout}})
}

func TestGitCloneOpensTheCommitOfTheFreight(t *testing.T) {
	t.Parallel()
	b := newBench(t, cloneFreight(""))
	old := b.world.Tip(repoURL, "main")
	b.world.Write(repoURL, "main", "newer", map[string]string{"README.md": "newer\n"})
	withCommits(b, old)
	b.want(0, pipeline.Succeeded)
	if got := b.files("src")["src/README.md"]; got != "hello\n" {
		t.Errorf("the checkout holds %q", got)
	}
	if out := output[step.CloneOutput](b, 0); out.Commits["src"] != old || out.Branches["src"] != "" {
		t.Errorf("output %+v", out)
	}
}

func TestGitCloneOfTwoWarehousesNeedsAnOrigin(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{"": "set fromOrigin", "config": "", "nobody": "holds no commit"} {
		t.Run(origin, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, cloneFreight(origin))
			first := b.world.Tip(repoURL, "main")
			second := b.world.Write(repoURL, "main", "newer", map[string]string{"README.md": "newer\n"})
			withCommits(b, first, second)
			res := b.run(0)
			if want != "" {
				if res.Phase != pipeline.Errored || !res.Terminal || !strings.Contains(res.Message, want) {
					t.Errorf("%s, terminal %v: %s", res.Phase, res.Terminal, res.Message)
				}
				return
			}
			if got := output[step.CloneOutput](b, 0).Commits["src"]; got != second {
				t.Errorf("opened %s, want that of the other Warehouse: %s", got, second)
			}
		})
	}
}

func TestGitCloneOfOneBranchTwiceIsAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"path": "a"}, config{"path": "b", "branch": "main"}}}))
	if res := b.want(0, pipeline.Errored); !strings.Contains(res.Message, "branch main is checked out at a already") {
		t.Error(res.Message)
	}
}

func TestGitCloneStartsABranchOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, use("git-clone", config{"repoURL": repoURL, "checkout": []any{config{"path": "out", "branch": "env/prod", "create": true}}}))
	if _, err := b.try(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	first := b.world.Tip(repoURL, "env/prod")
	b.crash(0)
	b.want(0, pipeline.Succeeded)
	if now := b.world.Tip(repoURL, "env/prod"); now != first {
		t.Errorf("the branch went from %s to %s", first, now)
	}
}

func TestAuthorOfTheCloneIsThatOfItsCommits(t *testing.T) {
	t.Parallel()
	ana, ben := config{"name": "Ana", "email": "ana@example.com"}, config{"name": "Ben", "email": "ben@example.com"}
	for name, tt := range map[string]struct {
		clone, commit any
		want          string
	}{
		"nobody":                 {nil, nil, "kargo[bot] <bot@example.com>"},
		"of the clone":           {ana, nil, "Ana <ana@example.com>"},
		"of the commit":          {ana, ben, "Ben <ben@example.com>"},
		"of the commit, nowhere": {nil, ben, "Ben <ben@example.com>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			specs := promotion()
			if tt.clone != nil {
				specs[cloneStep].Config["author"] = tt.clone
			}
			if tt.commit != nil {
				specs[commitStep].Config["author"] = tt.commit
			}
			b := newBench(t, specs...)
			b.upTo(pushStep)
			b.crash(pushStep)
			b.want(pushStep, pipeline.Succeeded)
			if got := b.world.Author(repoURL, "kargo/prod/prod-142"); got != tt.want {
				t.Errorf("authored by %s, want %s", got, tt.want)
			}
		})
	}
}

package discover_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

const (
	own    = "https://github.com/acme/gitops"
	bot    = "kargo[bot]"
	botSig = "kargo[bot] <123+kargo[bot]@users.noreply.github.com>"
)

func git(f *fakeGit) *discover.Discoverer {
	return &discover.Discoverer{Commits: f, RepoURL: own, Bot: bot}
}

// last is Freight with one commit of the pipeline's own repository.
func last(id string) discover.Previous {
	return discover.Previous{Freight: &pipeline.Freight{Commits: []pipeline.Commit{{RepoURL: own, ID: id}}}}
}

// seen adds what the only Subscription gave last time.
func seen(p discover.Previous, found pipeline.DiscoveredSubscription) discover.Previous {
	p.Discovery = &pipeline.Discovery{Subscriptions: []pipeline.DiscoveredSubscription{found}}
	return p
}

func TestBranch(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "c1", "first", []string{"a"})
	f.commit("main", "c2", "fix: "+strings.Repeat("é", 100)+"\n\nbody", []string{"b"})
	f.commit("dev", "d1", "dev", []string{"x"})

	got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{}), discover.Previous{})
	want := pipeline.DiscoveredSubscription{
		Kind: pipeline.GitArtifact, RepoURL: own, Seen: "c2",
		Commits: []pipeline.Commit{
			{
				RepoURL: own, ID: "c2", Message: "fix: " + strings.Repeat("é", 75), Author: ana, Committer: ana,
				CreatedAt: noon.Add(time.Minute),
			},
			{RepoURL: own, ID: "c1", Message: "first", Author: ana, Committer: ana, CreatedAt: noon},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the default branch leaves branch empty (-want +got):\n%s", diff)
	}
	got = find(t, git(f), gitWarehouse(pipeline.GitSubscription{Branch: "dev"}), discover.Previous{})
	if c := got.Commits[0]; c.Branch != "dev" || c.ID != "d1" {
		t.Errorf("branch dev: %+v", c)
	}
	got = find(t, git(f), gitWarehouse(pipeline.GitSubscription{Branch: "gone"}), discover.Previous{})
	if diff := cmp.Diff(map[string]string{"gone": "does not exist"}, reasons(got)); diff != "" || !got.Empty() {
		t.Errorf("a branch that does not exist (-want +got):\n%s", diff)
	}
}

func TestUnmovedBranchCostsOneRequest(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "c1", "first", []string{"a"})
	f.commit("main", "c2", "second", []string{"a"})
	f.commit("main", "c3", "third", []string{"b"})
	w := gitWarehouse(pipeline.GitSubscription{IncludePaths: []string{"a"}})
	first := find(t, git(f), w, discover.Previous{})
	f.reset()
	again := find(t, git(f), w, seen(last("c2"), first))
	if diff := cmp.Diff(first, again); diff != "" || len(again.Commits) != 2 {
		t.Errorf("what was found stays (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"Head": 1}, f.reset()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMovedBranchKeepsWhatWasFoundBeneath(t *testing.T) {
	t.Parallel()
	f := newGit()
	for i := range 9 {
		f.commit("main", fmt.Sprintf("c%d", i), "", []string{"a"})
	}
	w := gitWarehouse(pipeline.GitSubscription{IncludePaths: []string{"a"}, DiscoveryLimit: 5})
	first := find(t, git(f), w, discover.Previous{})
	f.commit("main", "d1", "", []string{"b"})
	f.commit("main", "d2", "", []string{"a"})
	f.reset()
	got := find(t, git(f), w, seen(last("c8"), first))
	if diff := cmp.Diff([]string{"d2", "c8", "c7", "c6", "c5"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := f.reset()["Changed"]; n != 3 { // the whole range, and each of the two
		t.Errorf("compared %d times", n)
	}
	if r := reasons(got)["d1"]; r != "changes no included path" {
		t.Errorf("reason %q", r)
	}
	f.commit("main", "e1", "", []string{"b"})
	f.reset()
	quiet := find(t, git(f), w, seen(last("d2"), got))
	if diff := cmp.Diff(refs(got), refs(quiet)); diff != "" {
		t.Errorf("a commit that touches nothing included (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"d1": "changes no included path", "e1": "changes no included path since d2"}, reasons(quiet)); diff != "" {
		t.Errorf("what was rejected stays (-want +got):\n%s", diff)
	}
	if n := f.reset()["Changed"]; n != 1 {
		t.Errorf("compared %d times", n)
	}
}

func TestSearchForMoreThanOneIsCutShort(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "old", "", []string{"a"})
	for i := range 100 {
		f.commit("main", fmt.Sprintf("c%d", i), "", []string{"b"})
	}
	f.commit("main", "new", "", []string{"a"})
	w := gitWarehouse(pipeline.GitSubscription{IncludePaths: []string{"a"}})
	if diff := cmp.Diff([]string{"new"}, refs(find(t, git(f), w, discover.Previous{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := f.reset()["Changed"]; n != 50 {
		t.Errorf("compared %d commits", n)
	}
	d := git(f)
	d.Detail = true
	if diff := cmp.Diff([]string{"new", "old"}, refs(find(t, d, w, discover.Previous{}))); diff != "" {
		t.Errorf("but not for people who ask (-want +got):\n%s", diff)
	}
}

func TestSince(t *testing.T) {
	t.Parallel()
	// Commits are a minute apart, c0 at noon.
	tests := map[string]struct {
		since string
		want  []string
	}{
		"a time":                     {"2025-06-01T12:02:00Z", []string{"c3", "c2"}},
		"a time in another zone":     {"2025-06-01T14:03:00+02:00", []string{"c3"}},
		"a date begins at midnight":  {"2025-06-01", []string{"c3", "c2", "c1", "c0"}},
		"a date in the future":       {"2025-06-02", []string{}},
		"a duration counts from now": {"2m", []string{"c3", "c2", "c1"}},
		"no bound":                   {"", []string{"c3", "c2", "c1", "c0"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGit()
			for i := range 4 {
				f.commit("main", fmt.Sprintf("c%d", i), "", []string{"a"})
			}
			d := git(f)
			d.Now = func() time.Time { return noon.Add(3 * time.Minute) }
			got := find(t, d, gitWarehouse(pipeline.GitSubscription{Since: tt.since}), discover.Previous{})
			if diff := cmp.Diff(tt.want, refs(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(tt.want) == 3 && reasons(got)["c0"] != "is older than since: "+tt.since+", and so is what came before it" {
				t.Errorf("reasons %v", reasons(got))
			}
		})
	}
	f := newGit()
	f.commit("main", "c1", "", []string{"a"})
	f.tag("v1.0.0", "c1")
	got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{CommitSelectionStrategy: pipeline.NewestTag, Since: "2030-01-01"}), discover.Previous{})
	if got.Empty() {
		t.Error("since affects a tag")
	}
	d := git(f)
	d.Now = func() time.Time { return noon }
	if _, err := d.Discover(t.Context(), gitWarehouse(pipeline.GitSubscription{Since: "yesterday"}), discover.Previous{}); err == nil {
		t.Error("since: yesterday is accepted")
	}
}

func TestPathFiltersOfABranch(t *testing.T) {
	t.Parallel()
	include := pipeline.GitSubscription{IncludePaths: []string{"src"}, ExcludePaths: []string{"src/docs"}}
	tests := map[string]struct {
		history func(f *fakeGit)
		last    string
		want    string // the first artifact; empty for none
	}{
		"at first, the newest commit that touches an included path": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a"})
				f.commit("main", "c2", "", []string{"src/b"})
				f.commit("main", "c3", "", []string{"readme", "src/docs/x"})
			}, "", "c2",
		},
		"at first, nothing if no commit touches one": {
			func(f *fakeGit) { f.commit("main", "c1", "", []string{"readme"}) }, "", "",
		},
		"the last Freight's commit stays while nothing included changes": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"readme"})
				f.commit("main", "c2", "", []string{"src/docs/x"})
			}, "c1", "c1",
		},
		"a change beneath newer commits is not missed": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a"})
				f.commit("main", "c2", "", []string{"src/a"})
				f.commit("main", "c3", "", []string{"readme"})
			}, "c1", "c2",
		},
		"a change that was reverted since is none": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a=1"})
				f.commit("main", "c2", "", []string{"src/a=2"})
				f.commit("main", "c3", "", []string{"src/a=1"})
			}, "c1", "c1",
		},
		"a merge brings in what was merged": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a"})
				f.branches["side"] = "c1"
				f.commit("side", "s1", "", []string{"src/b"})
				f.commit("main", "c2", "", []string{"readme"})
				f.commit("main", "c3", "", nil, "s1")
			}, "c2", "c3",
		},
		// The branch was merged the other way round and pushed: seen from the merge's
		// first parent only the readme changed, and s1 does not contain c2.
		"a merge does not hide a change": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a"})
				f.branches["side"] = "c1"
				f.commit("side", "s1", "", []string{"src/b"})
				f.commit("main", "c2", "", []string{"readme"})
				f.commit("side", "m", "", nil, "c2")
				f.branches["main"] = "m"
			}, "c2", "m",
		},
		"a force push to other content is a change": {
			func(f *fakeGit) {
				f.commit("old", "c1", "", []string{"src/a"})
				f.commit("main", "n1", "", []string{"src/z"})
				f.commit("main", "n2", "", []string{"readme"})
			}, "c1", "n2",
		},
		"a last commit that no longer exists is as none": {
			func(f *fakeGit) {
				f.commit("main", "c1", "", []string{"src/a"})
				f.commit("main", "c2", "", []string{"readme"})
			}, "gone", "c1",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGit()
			tt.history(f)
			since := discover.Previous{}
			if tt.last != "" {
				since = last(tt.last)
			}
			got := refs(find(t, git(f), gitWarehouse(include), since))
			if len(got) == 0 {
				got = []string{""}
			}
			if got[0] != tt.want {
				t.Errorf("chose %q, want %q", got[0], tt.want)
			}
		})
	}
}

func TestSearchForAnIncludedPathIsBounded(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "wanted", "", []string{"src/a"})
	for i := range 300 {
		f.commit("main", fmt.Sprintf("c%d", i), "", []string{"readme"})
	}
	got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{IncludePaths: []string{"src"}}), discover.Previous{})
	if n := f.reset()["Changed"]; n != 200 || !got.Empty() {
		t.Errorf("compared %d commits, found %v", n, refs(got))
	}
	if r := reasons(got)["the default branch"]; r != "none of its newest 200 commits qualifies" {
		t.Errorf("reason %q", r)
	}
}

func TestOwnCommits(t *testing.T) {
	t.Parallel()
	const message = "promote(prod): web 1.2.3\n\nKargo-Freight: abc\nKargo-Promotion: prod-142"
	tests := map[string]struct {
		history func(f *fakeGit)
		include bool
		want    string
	}{
		"a commit that a Promotion made is none": {
			func(f *fakeGit) { f.commit("main", "p", message, []string{"env"}); f.by("p", botSig) }, false, "c1",
		},
		"unless the Subscription includes them": {
			func(f *fakeGit) { f.commit("main", "p", message, []string{"env"}); f.by("p", botSig) }, true, "p",
		},
		"a squash merge that appended to the message is one": {
			func(f *fakeGit) {
				f.commit("main", "p", message+"\n\nCo-authored-by: "+ana, []string{"env"})
				f.by("p", botSig)
			}, false, "c1",
		},
		"the trailer in somebody else's commit proves nothing": {
			func(f *fakeGit) { f.commit("main", "p", message, []string{"env"}) }, false, "p",
		},
		"the App without the trailer proves nothing": {
			func(f *fakeGit) { f.commit("main", "p", "config", []string{"env"}); f.by("p", botSig) }, false, "p",
		},
		"a Promotion that somebody merged by hand is one": {
			func(f *fakeGit) {
				f.branches["kargo/prod/prod-142"] = "c1"
				f.commit("kargo/prod/prod-142", "p", message, []string{"env"})
				f.by("p", botSig)
				f.commit("main", "m", "Merge pull request #7 from acme/kargo/prod/prod-142", nil, "p")
			}, false, "c1",
		},
		"a branch named like one is not": {
			func(f *fakeGit) {
				f.branches["kargo/x"] = "c1"
				f.commit("kargo/x", "x", "mine", []string{"src"})
				f.commit("main", "m", "Merge pull request #7 from acme/kargo/x", nil, "x")
			}, false, "m",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGit()
			f.commit("main", "c1", "first", []string{"src"})
			tt.history(f)
			got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{IncludeOwnCommits: tt.include}), last("c1"))
			if first := refs(got)[0]; first != tt.want {
				t.Errorf("chose %s, want %s", first, tt.want)
			}
			if tt.want == "c1" {
				for _, id := range []string{"p", "m"} {
					if r, ok := reasons(got)[id]; ok && r != "was made by Promotion prod-142" {
						t.Errorf("%s: %s", id, r)
					}
				}
			}
		})
	}
	t.Run("without a known login the trailer decides", func(t *testing.T) {
		t.Parallel()
		f := newGit()
		f.commit("main", "c1", "first", []string{"src"})
		f.commit("main", "p", message, []string{"env"})
		d := git(f)
		d.Bot = ""
		if got := refs(find(t, d, gitWarehouse(pipeline.GitSubscription{}), discover.Previous{})); got[0] != "c1" {
			t.Errorf("chose %s", got[0])
		}
	})
}

func TestExpressionFilterOfABranch(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "c1", "feat: x", []string{"a"})
	f.commit("main", "c2", "chore: y", []string{"a"})
	tests := map[string][]string{
		`subject startsWith "feat"`:                         {"c1"},
		`id == "c2" && author == committer`:                 {"c2"},
		`commitDate > date("2025-06-01T12:00:30Z")`:         {"c2"},
		`author contains "ana@example.com" ? "true" : "no"`: {"c2", "c1"},
	}
	for filter, want := range tests {
		got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{ExpressionFilter: filter}), discover.Previous{})
		if diff := cmp.Diff(want, refs(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
	d := git(f)
	_, err := d.Discover(t.Context(), gitWarehouse(pipeline.GitSubscription{ExpressionFilter: "subject"}), discover.Previous{})
	if err == nil || !strings.Contains(err.Error(), "expressionFilter on c2") {
		t.Errorf("a filter that gives no bool: %v", err)
	}
}

func TestLongHistoryIsReadInPages(t *testing.T) {
	t.Parallel()
	f := newGit()
	f.commit("main", "feat", "feat: old", []string{"a"})
	for i := range 400 {
		f.commit("main", fmt.Sprintf("c%d", i), "chore", []string{"a"})
	}
	got := find(t, git(f), gitWarehouse(pipeline.GitSubscription{ExpressionFilter: `subject startsWith "feat"`}), discover.Previous{})
	if diff := cmp.Diff([]string{"feat"}, refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := f.reset()["Log"]; n != 5 { // 20, 40, 80, 160, 320
		t.Errorf("%d pages", n)
	}
}

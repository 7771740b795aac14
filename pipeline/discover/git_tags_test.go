package discover_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/discover"
)

func releases() *fakeGit {
	f := newGit()
	f.commit("main", "c1", "one", []string{"src/a"})
	f.commit("main", "c2", "two", []string{"docs/a"})
	f.commit("main", "c3", "three", []string{"src/b"})
	f.tag("v1.0.0", "c1")
	f.tag("v1.10.0", "c2")
	f.tag("v1.9.0", "c3")
	f.tag("nightly", "c3")
	f.tags = append(f.tags, discover.Tag{
		Name: "v0.1.0", ID: "c1", CreatedAt: noon.Add(time.Hour), Tagger: "Bo <bo@example.com>", Annotation: "late",
	}, discover.Tag{Name: "blob", ID: "not a commit"})
	return f
}

func TestTagStrategies(t *testing.T) {
	t.Parallel()
	type sub = pipeline.GitSubscription
	tests := map[string]struct {
		sub  sub
		want []string
	}{
		"SemVer compares versions": {
			sub{CommitSelectionStrategy: pipeline.CommitSemVer, StrictSemvers: true}, []string{"v1.10.0", "v1.9.0", "v1.0.0", "v0.1.0"},
		},
		"SemVer keeps to the constraint": {
			sub{CommitSelectionStrategy: pipeline.CommitSemVer, SemverConstraint: "<1.10.0"}, []string{"v1.9.0", "v1.0.0", "v0.1.0"},
		},
		"Lexical compares bytes": {
			sub{CommitSelectionStrategy: pipeline.CommitLexical, IgnoreTagsRegexes: []string{"^v0"}},
			[]string{"v1.9.0", "v1.10.0", "v1.0.0", "nightly"},
		},
		"NewestTag goes by creation, ties ascending by name": {
			sub{CommitSelectionStrategy: pipeline.NewestTag}, []string{"v0.1.0", "nightly", "v1.9.0", "v1.10.0", "v1.0.0"},
		},
		"a path filter looks at the tagged commit's own change, and stops at the limit": {
			sub{CommitSelectionStrategy: pipeline.CommitSemVer, IncludePaths: []string{"src"}, DiscoveryLimit: 2}, []string{"v1.9.0", "v1.0.0"},
		},
		"an expression sees the tag": {
			sub{CommitSelectionStrategy: pipeline.NewestTag, ExpressionFilter: `tagger contains "bo@" && annotation == "late" && tag == "v0.1.0"`},
			[]string{"v0.1.0"},
		},
		"an expression sees the tagged commit": {
			sub{CommitSelectionStrategy: pipeline.NewestTag, ExpressionFilter: `id == "c2" && subject == "two" && creatorDate < date("2026-01-01")`},
			[]string{"v1.10.0"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := find(t, git(releases()), gitWarehouse(tt.sub), discover.Previous{})
			if diff := cmp.Diff(tt.want, refs(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTaggedCommit(t *testing.T) {
	t.Parallel()
	f := releases()
	w := gitWarehouse(pipeline.GitSubscription{CommitSelectionStrategy: pipeline.CommitSemVer, Branch: "main", DiscoveryLimit: 1})
	got := find(t, git(f), w, discover.Previous{})
	want := []pipeline.Commit{{
		RepoURL: own, ID: "c2", Tag: "v1.10.0", Message: "two", Author: ana, Committer: ana, CreatedAt: noon.Add(time.Minute),
	}}
	if diff := cmp.Diff(want, got.Commits); diff != "" {
		t.Errorf("belongs to no branch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"Tags": 1, "Describe": 1}, f.reset()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := find(t, git(f), w, seen(discover.Previous{}, got))
	if diff := cmp.Diff(want, again.Commits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"Tags": 1}, f.reset()); diff != "" {
		t.Errorf("an unmoved tag costs one request (-want +got):\n%s", diff)
	}
	f.tags[1].ID = "c3"
	if moved := find(t, git(f), w, seen(discover.Previous{}, got)); moved.Commits[0].ID != "c3" {
		t.Errorf("a tag that moved stands for %s", moved.Commits[0].ID)
	}
}

func TestTagsThatQualifiedAreNotComparedAgain(t *testing.T) {
	t.Parallel()
	f := releases()
	w := gitWarehouse(pipeline.GitSubscription{CommitSelectionStrategy: pipeline.CommitSemVer, IncludePaths: []string{"src"}})
	first := find(t, git(f), w, discover.Previous{})
	f.commit("main", "c4", "four", []string{"src/c"})
	f.tag("v2.0.0", "c4")
	f.reset()
	got := find(t, git(f), w, seen(discover.Previous{}, first))
	if diff := cmp.Diff(append([]string{"v2.0.0"}, refs(first)...), refs(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := f.reset()["Changed"]; n != 2 { // v2.0.0 is new, v1.10.0 did not qualify
		t.Errorf("compared %d commits", n)
	}
}

func TestTagOfSomethingElseIsRejected(t *testing.T) {
	t.Parallel()
	got := find(t, git(releases()), gitWarehouse(pipeline.GitSubscription{CommitSelectionStrategy: pipeline.NewestTag}), discover.Previous{})
	if r := reasons(got)["blob"]; r != "is not the tag of a commit" {
		t.Errorf("reason %q", r)
	}
}

package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// servedRepos are the repositories that the App serves, by name.
type servedRepos map[string]store.RepoRecord

func (s servedRepos) RepoByName(_ context.Context, owner, name string) (store.RepoRecord, error) {
	r, ok := s[owner+"/"+name]
	if !ok {
		return r, store.ErrNotFound
	}
	return r, nil
}

func TestTaskOfAnotherRepository(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	old := c.commit(t, "First", map[string]string{"tasks/promote.yaml": "old"})
	c.git(t, "tag", "-a", "-m", "First", "v1")
	head := c.commit(t, "Second", map[string]string{"tasks/promote.yaml": "new", "big.yaml": strings.Repeat("x", maxTaskSize+1)})
	c.git(t, "branch", "release/2")
	from := tasks{repos: c, cloneURL: func(pipeline.Repo) string { return "" }, known: servedRepos{
		"acme/ours":   {Installation: 1, Private: true},
		"acme/public": {Installation: 2},
		"other/own":   {Installation: 2, Private: true},
	}}
	for _, tt := range []struct{ ref, data, commit, refused string }{
		{ref: "acme/tasks//tasks/promote.yaml@main", data: "new", commit: head},
		{ref: "acme/tasks//tasks/promote.yaml@release/2", data: "new", commit: head},
		{ref: "acme/tasks//tasks/promote.yaml@v1", data: "old", commit: old},
		{ref: "acme/tasks//tasks/promote.yaml@" + old, data: "old", commit: old},
		{ref: "acme/ours//tasks/promote.yaml@v1", data: "old", commit: old},
		{ref: "acme/public//tasks/promote.yaml@v1", data: "old", commit: old},
		{ref: "other/own//tasks/promote.yaml@v1", refused: "other/own cannot be read from here"},
		{ref: "acme/tasks//tasks/other.yaml@main", refused: "acme/tasks has no file tasks/other.yaml at main"},
		{ref: "acme/tasks//big.yaml@main", refused: "big.yaml of acme/tasks is larger than a task may be"},
		{ref: "acme/tasks//tasks/promote.yaml@nowhere", refused: `acme/tasks has no branch, tag or commit "nowhere"`},
		{ref: "acme/tasks//tasks/promote.yaml@" + strings.Repeat("0123", 10), refused: `acme/tasks has no branch, tag or commit "` + strings.Repeat("0123", 10) + `"`},
		{ref: "acme/tasks//../secret@main", refused: `"acme/tasks//../secret@main" is not the place of a task`},
		{ref: "acme/tasks/promote.yaml@main", refused: `"acme/tasks/promote.yaml@main" is not the place of a task`},
		{ref: "acme/tasks//promote.yaml", refused: `"acme/tasks//promote.yaml" is not the place of a task`},
	} {
		data, commit, err := from.Task(t.Context(), store.RepoRecord{Installation: 1}, tt.ref)
		var u *pipeline.UserError
		switch {
		case tt.refused == "":
			if err != nil || string(data) != tt.data || commit != tt.commit {
				t.Errorf("%s: %q at %s, %v, want %q at %s", tt.ref, data, commit, err, tt.data, tt.commit)
			}
		case !errors.As(err, &u) || u.Message != tt.refused:
			t.Errorf("%s: %v, want %s", tt.ref, err, tt.refused)
		}
	}
}

package step

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/tree"
)

const (
	// maxPatchChanges bounds how many changes the output tells of, maxPatchLines how
	// many the commit message does.
	maxPatchChanges = 100
	maxPatchLines   = 30
)

// describe says what was written.
func (r *patching) describe() {
	var written []*patchUnit
	for _, item := range r.items {
		for _, u := range item.units {
			if !u.kept && u.work != u.want {
				written = append(written, u)
			}
		}
	}
	renamed := renames(written)
	gone := map[*patchUnit]bool{}
	for _, old := range renamed {
		gone[old] = true
	}
	var changes []PatchChange
	for _, u := range written {
		if !gone[u] {
			changes = append(changes, u.describe(renamed[u]))
		}
	}
	r.out.CommitMessage = r.message(changes)
	if extra := len(changes) - maxPatchChanges; extra > 0 {
		r.out.ChangesOmitted = extra
		changes = changes[:maxPatchChanges]
	}
	r.out.Changes = changes
}

// renames pairs deleted files with added ones that have the same content. It returns, by
// the added unit, the deleted one.
func renames(units []*patchUnit) map[*patchUnit]*patchUnit {
	gone := map[tree.Hash][]*patchUnit{}
	for _, u := range units {
		if u.key == "" && u.want == "" {
			gone[u.change.Old] = append(gone[u.change.Old], u)
		}
	}
	out := map[*patchUnit]*patchUnit{}
	for _, u := range units {
		if u.key != "" || u.work != "" || u.want == "" {
			continue
		}
		if olds := gone[u.change.New]; len(olds) > 0 {
			out[u], gone[u.change.New] = olds[0], olds[1:]
		}
	}
	return out
}

func (u *patchUnit) describe(renamedFrom *patchUnit) PatchChange {
	c := PatchChange{Change: "modified", Path: u.path, Key: u.key, From: u.source()}
	switch {
	case u.key != "":
		c.Change, c.Old, c.New = "set", u.work.value(), u.want.value()
	case renamedFrom != nil:
		c.Change, c.Old = "renamed", renamedFrom.path
	case u.work == "":
		c.Change = "added"
	case u.want == "":
		c.Change = "deleted"
	}
	return c
}

// message is a commit message.
func (r *patching) message(changes []PatchChange) string {
	m := changeList{title: "Promoted configuration"}
	if len(r.items) == 1 {
		m.title = r.items[0].title()
	}
	for i, c := range changes {
		if i == maxPatchLines {
			m.add("and %d more", len(changes)-i+r.out.ChangesOmitted)
			break
		}
		m.add("%s", c.line())
	}
	for i, d := range r.out.Drift {
		if i == maxPatchLines {
			break
		}
		m.add("%s", d.outcome())
	}
	return m.output().CommitMessage
}

func (p *patchItem) title() string {
	from, to := p.from.label(p.to), p.to.label(p.from)
	if p.String != nil {
		return fmt.Sprintf("Promoted %s from %s to %s", p.String.Key, from, to)
	}
	return fmt.Sprintf("Promoted %s to %s", from, to)
}

// label names a place by what tells it from another one.
func (p patchPlace) label(other patchPlace) string {
	if p.checkout == nil || other.checkout == nil || p.checkout == other.checkout {
		return p.Path
	}
	repo := repoName(p.checkout.RepoURL)
	if !strings.EqualFold(repo, repoName(other.checkout.RepoURL)) {
		return strings.TrimSuffix(repo+"/"+p.Path, "/.")
	}
	ref := p.checkout.Branch
	if ref == "" {
		ref = pipeline.Short(p.checkout.Head.String())
	}
	if p.Path == "." {
		return ref
	}
	return p.Path + " of " + ref
}

func (c PatchChange) line() string {
	switch c.Change {
	case "set":
		return fmt.Sprintf("%s %s: %s -> %s", c.Path, c.Key, orNothing(c.Old), orNothing(c.New))
	case "renamed":
		return fmt.Sprintf("renamed %s to %s", c.Old, c.Path)
	}
	return c.Change + " " + c.Path
}

// outcome says what became of an edit.
func (d PatchDrift) outcome() string {
	verb := "overwrote"
	if d.Action == driftAdopt {
		verb = "kept"
	}
	text := fmt.Sprintf("%s what was edited by hand in %s", verb, d.name())
	if len(d.Commits) > 0 {
		text += fmt.Sprintf(" (%s)", pipeline.Short(d.Commits[0].ID))
	}
	return text
}

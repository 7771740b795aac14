package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// write prints the plan for people: the Freight, a line for every Stage, then
// the diffs.
func (r planResult) write(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Freight {
		fmt.Fprintf(&b, "Freight %s (%s) from Warehouse %s\n", printable(f.artifacts()), f.Alias, f.Warehouse)
	}
	for _, wh := range r.Withheld {
		fmt.Fprintf(&b, "no Freight from Warehouse %s: %s\n", wh.Warehouse, printable(wh.Reason))
	}
	for _, s := range r.Stages {
		fmt.Fprintf(&b, "  %s\t%s\t%s\t%s\t%s\n", s.Name, s.Mode, s.what(), s.size(), s.why())
	}
	b.WriteString(r.foretold())
	if err := align(w, b.String()); err != nil {
		return err
	}
	var diffs strings.Builder
	for _, s := range r.Stages {
		if s.Diff != "" {
			fmt.Fprintf(&diffs, "\n# %s\n%s", s.Name, printableText(s.Diff))
		}
	}
	_, err := fmt.Fprintf(w, "%s\nNothing was changed.\n", diffs.String())
	return err
}

// what is the action in words.
func (s stageJSON) what() string {
	switch s.Action {
	case actionPromote:
		return s.verb
	case actionWait:
		return "would wait"
	case actionUnchanged:
		return "up to date"
	case actionFail:
		return "would fail"
	case actionPass:
		return "passes on"
	}
	return "nothing to do"
}

func (s stageJSON) size() string {
	if len(s.Files) == 0 {
		return ""
	}
	added, deleted := 0, 0
	for _, f := range s.Files {
		added, deleted = added+f.Added, deleted+f.Deleted
	}
	return fmt.Sprintf("%s +%d −%d", count(len(s.Files), "file"), added, deleted)
}

// why is all reasons on one line.
func (s stageJSON) why() string {
	reasons := slices.Clone(s.Reasons)
	for _, n := range s.MergeNeeds {
		reasons = append(reasons, n+" before the merge")
	}
	return printable(strings.ReplaceAll(strings.Join(reasons, "; "), "\n", "; "))
}

// artifacts names everything in Freight: "web 1.9.3, config 4f2a1c0".
func (f freightJSON) artifacts() string {
	var parts []string
	one := func(f pipeline.Freight) { parts = append(parts, f.Headline()) }
	for _, i := range f.Images {
		one(pipeline.Freight{Images: []pipeline.Image{i}})
	}
	for _, c := range f.Charts {
		one(pipeline.Freight{Charts: []pipeline.Chart{c}})
	}
	for _, c := range f.Commits {
		one(pipeline.Freight{Commits: []pipeline.Commit{c}})
	}
	return strings.Join(parts, ", ")
}

package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// maxIncluded bounds how many files one repository may include.
const maxIncluded = 2000

// include reads the files that the root's includes. One that cannot be used keeps
// the pipeline that it declared last.
func (r *Reconciler) include(ctx context.Context, rec store.RepoRecord, l *look) error {
	if l.root.File == nil {
		return nil
	}
	refs, err := r.includes(ctx, rec, l)
	if err != nil {
		return err
	}
	names, err := r.readIncluded(ctx, rec, l, refs)
	if err != nil {
		return err
	}
	l.replace(l.inForce(rec, names))
	return nil
}

// includes finds the files that the root's includes.
func (r *Reconciler) includes(ctx context.Context, rec store.RepoRecord, l *look) ([]FileRef, error) {
	if l.root.File == nil || len(l.root.File.Include) == 0 {
		return nil, nil
	}
	refs, err := r.Files.List(ctx, rec, l.head, l.root.File.Include)
	if err != nil {
		return nil, fmt.Errorf("list included files: %w", err)
	}
	refs = slices.DeleteFunc(refs, func(f FileRef) bool { return f.Path == rootFile })
	if len(refs) > maxIncluded {
		l.root.Problems = append(slices.Clip(l.root.Problems), kargofile.Problem{
			Line: 1, Column: 1, EndColumn: 1, Severity: kargofile.Error, Path: "include",
			Message: fmt.Sprintf("the globs match %d files", len(refs)), Expected: fmt.Sprintf("at most %d; the others are left out", maxIncluded),
		})
		refs = refs[:maxIncluded]
	}
	return refs, nil
}

// readIncluded reads included files and returns the names that they claim.
func (r *Reconciler) readIncluded(ctx context.Context, rec store.RepoRecord, l *look, refs []FileRef) ([]string, error) {
	names, checked := make([]string, len(refs)), make([]Checked, len(refs))
	var unread []int
	var paths []string
	for i, ref := range refs {
		var known bool
		if checked[i], names[i], known = r.memory.parsed(rec.ID, ref, kargofile.IncludedName(ref.Path)); !known {
			unread, paths = append(unread, i), append(paths, ref.Path)
		}
	}
	if len(paths) > 0 {
		all, err := r.Files.Read(ctx, rec, l.head, paths)
		if err != nil {
			return nil, fmt.Errorf("read included files: %w", err)
		}
		for n, i := range unread {
			checked[i], names[i] = r.file(rec, refs[i], all[n])
		}
	}
	l.included = append(l.included, checked...)
	if l.root.File != nil {
		l.unique()
	}
	return names, nil
}

// file parses an included file and remembers it. name is that of the pipeline that
// it declares, as far as that can be told when it is invalid.
func (r *Reconciler) file(rec store.RepoRecord, ref FileRef, data []byte) (c Checked, name string) {
	fallback := kargofile.IncludedName(ref.Path)
	c = r.parse(rec, ref, fallback, data)
	if c.File != nil {
		name = c.File.Pipeline.Name
	} else {
		name = claimedName(data, fallback)
	}
	r.memory.parse(rec.ID, ref, fallback, c, name)
	return c, name
}

func (r *Reconciler) parse(rec store.RepoRecord, ref FileRef, qualify string, data []byte) Checked {
	file, problems := kargofile.Parse(data, kargofile.Options{Repo: rec.Name, DefaultBranch: rec.DefaultBranch, Qualify: qualify, Steps: r.Steps})
	return Checked{Path: ref.Path, File: file, Problems: problems}
}

// claimedName returns the name that a file which is not valid gives its pipeline.
func claimedName(data []byte, fallback string) string {
	var doc struct {
		Name string `yaml:"name"`
	}
	if yaml.Unmarshal(data, &doc) == nil && doc.Name != "" {
		return doc.Name
	}
	// It may not even be YAML.
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte("name:")); ok {
			if name := strings.Trim(strings.TrimSpace(string(value)), `"'`); name != "" {
				return name
			}
		}
	}
	return fallback
}

// unique refuses pipelines whose name another one has already: that of the root, or
// of a file that comes before by its path.
func (l *look) unique() {
	first := map[string]string{l.root.File.Pipeline.Name: rootFile}
	for i := range l.included {
		c := &l.included[i]
		if c.File == nil {
			continue
		}
		name := c.File.Pipeline.Name
		other, taken := first[name]
		if !taken {
			first[name] = c.Path
			continue
		}
		c.File = nil
		c.Problems = append(slices.Clip(c.Problems), kargofile.Problem{
			Line: 1, Column: 1, EndColumn: 1, Severity: kargofile.Error, Path: "name",
			Message: fmt.Sprintf("a second pipeline named %q, first in %s", name, other), Expected: "another name",
		})
	}
}

// inForce returns the included pipelines that are in force from now on, by name.
// names are those that the files claim.
func (l *look) inForce(rec store.RepoRecord, names []string) []pipeline.Pipeline {
	taken := map[string]bool{l.root.File.Pipeline.Name: true}
	var all []pipeline.Pipeline
	for _, c := range l.included {
		if c.File != nil {
			taken[c.File.Pipeline.Name] = true
			all = append(all, c.File.Pipeline)
		}
	}
	for i, c := range l.included {
		if c.File != nil || taken[names[i]] {
			continue
		}
		if last, ok := declaredIn(rec, names[i]); ok {
			taken[names[i]] = true
			all = append(all, last)
		}
	}
	slices.SortFunc(all, func(a, b pipeline.Pipeline) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// replace puts other included pipelines in force and notes which of them differ
// from those that were, or are gone.
func (l *look) replace(next []pipeline.Pipeline) {
	before := map[string]string{}
	for _, p := range l.cfg.Included {
		before[p.Name] = fingerprint(p)
	}
	for _, p := range next {
		if print := fingerprint(p); print != before[p.Name] {
			l.changed = append(l.changed, p.Name)
		}
		delete(before, p.Name)
	}
	for name := range before {
		l.changed = append(l.changed, name)
	}
	slices.Sort(l.changed)
	if len(l.changed) > 0 {
		l.cfg.Included = next
	}
}

// fingerprint is equal for equal pipelines, read from a file or from the store.
func fingerprint(p pipeline.Pipeline) string {
	raw, err := json.Marshal(p)
	if err != nil {
		return err.Error() // what was read from YAML can be written as JSON
	}
	return string(raw)
}

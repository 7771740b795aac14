package kargofile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// carry is an update item that promotes configuration from one place to another.
type carry struct {
	from   ref
	toKey  string
	ignore []string
	// branch and repo are where the source is; empty for where the target is. freight
	// means the commit of the Freight.
	branch, repo ref
	freight      bool
	onDrift      string
}

// carryFields are the fields of {from, to}, except to and key, which other items have as
// well.
func (d *decoder) carryFields(c *carry) []field {
	kept := func(dst *ref, read func(*string) reader) reader {
		return func(n *yaml.Node, path string) {
			read(&dst.name)(n, path)
			dst.node, dst.path = n, path
		}
	}
	return []field{
		{"from", kept(&c.from, func(s *string) reader { return d.templated(s, expr.AllowOutputs, checkPath) })},
		{"toKey", d.templated(&c.toKey, expr.AllowOutputs)},
		{"ignore", d.texts(&c.ignore)},
		{"fromBranch", kept(&c.branch, func(s *string) reader { return d.templated(s, 0, checkBranch) })},
		{"fromRepo", kept(&c.repo, func(s *string) reader { return d.text(s, checkSlug) })},
		{"fromFreight", d.boolean(&c.freight)},
		{"onDrift", enum(d, &c.onDrift, "ask", "fail", "overwrite", "adopt")},
	}
}

func checkSlug(s string) error {
	owner, name, ok := strings.Cut(s, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(s, ": \t") || strings.Contains(name, "/") {
		return &invalid{message: fmt.Sprintf("%s is no repository", quoted(s)), expected: "OWNER/NAME"}
	}
	return nil
}

// checkCarry completes a {from, to}, or returns nil when it has the wrong fields.
func (d *decoder) checkCarry(c *carry, u *updateItem, to ref, n *yaml.Node, at string, found map[string]*yaml.Node) *carry {
	others := []string{"image", "chart", "kustomize", "file", "value", "copy", "path", "branch", "release", "namespace", "values", "toKey"}
	if found["key"] != nil {
		others[len(others)-1] = "ignore"
	}
	if found["to"] == nil || slices.ContainsFunc(others, func(f string) bool { return found[f] != nil }) {
		d.problem(n, at).message("an update item has the wrong fields").
			expected("{from, to} and perhaps ignore, fromBranch or fromFreight, fromRepo and onDrift; with key, and perhaps toKey, for a value")
		return nil
	}
	if c.freight && c.branch.name != "" {
		d.problem(c.branch.node, c.branch.path).message("fromFreight says which commit it is").expected("no fromBranch beside it")
	}
	if c.from.name == "" || to.name == "" || found["key"] != nil && u.key == "" {
		return nil
	}
	u.to = to.name
	if c.here() && u.key == "" {
		d.checkSeparate(c.from.name, to)
	}
	return c
}

// here reports whether the source is in the checkout that is changed.
func (c *carry) here() bool { return c.branch.name == "" && c.repo.name == "" && !c.freight }

// directory reports whether everything beneath a directory is meant: a path ends in a
// slash, or something in it is ignored.
func (c *carry) directory(to string) bool {
	return len(c.ignore) > 0 || strings.HasSuffix(c.from.name, "/") || strings.HasSuffix(to, "/") || path.Clean(c.from.name) == "."
}

// origins are the checkouts that the sources of a Stage's items are in.
type origins struct {
	d    *decoder
	s    *stage
	dirs map[origin]string
	// here are checkouts of the Stage's own repository, elsewhere steps that open others.
	here      []any
	elsewhere []pipeline.StepSpec
}

// origin is a checkout that sources are in.
type origin struct {
	repo, branch string
	freight      bool
}

func newOrigins(d *decoder, s *stage) *origins {
	return &origins{d: d, s: s, dirs: map[origin]string{}}
}

// of returns the directory that the source of an item is in.
func (o *origins) of(c *carry) string {
	if c.here() {
		return workdir
	}
	key := origin{c.repo.name, c.branch.name, c.freight}
	if dir, ok := o.dirs[key]; ok {
		return dir
	}
	if c.repo.name == "" && !c.freight && c.branch.name == o.s.branch {
		o.d.problem(c.branch.node, c.branch.path).message("branch %s is the one that is changed", quoted(c.branch.name)).expected("another branch, or no fromBranch")
	}
	name := fmt.Sprintf("from-%d", len(o.dirs)+1)
	dir := "./" + name
	o.dirs[key] = dir
	checkout := map[string]any{"path": dir, "as": name}
	switch {
	case c.freight:
		checkout["fromFreight"] = true
	case c.branch.name != "":
		checkout["branch"] = c.branch.name
	}
	if c.repo.name == "" {
		o.here = append(o.here, checkout)
		return dir
	}
	o.elsewhere = append(o.elsewhere, pipeline.StepSpec{
		Uses: "git-clone", As: fmt.Sprintf("clone-%d", len(o.elsewhere)+2),
		Config: map[string]any{"repoURL": "${{ github.serverURL }}/" + c.repo.name + ".git", "checkout": []any{checkout}},
	})
	return dir
}

// patchEntry is an item of a patch step.
func (o *origins) patchEntry(item *updateItem) map[string]any {
	c := item.carry
	what := map[string]any{"from": beneath(o.of(c), c.from.name), "to": inWorkdir(item.to)}
	kind := "file"
	switch {
	case item.key != "":
		kind, what["key"] = "string", item.key
		if c.toKey != "" {
			what["toKey"] = c.toKey
		}
	case c.directory(item.to):
		kind = "directory"
		if len(c.ignore) > 0 {
			list := make([]any, len(c.ignore))
			for i, pattern := range c.ignore {
				list[i] = pattern
			}
			what["ignore"] = list
		}
	}
	entry := map[string]any{kind: what}
	if c.onDrift != "" {
		entry["onDrift"] = c.onDrift
	}
	return entry
}

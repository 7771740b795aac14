package kargofile

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// outdir is where steps put what goes to a branch of rendered manifests.
const outdir = "./out"

// rendering is an update item that renders manifests.
type rendering struct {
	tool      string
	path      string
	to        ref
	branch    ref
	release   string
	namespace string
	values    []string
}

const (
	renderKustomize = "kustomize"
	renderHelm      = "helm"
)

func (d *decoder) renderingFields(r *rendering) []field {
	return []field{
		{"render", enum(d, &r.tool, renderKustomize, renderHelm)},
		{"path", d.templated(&r.path, expr.AllowOutputs, checkPath)},
		{"branch", func(n *yaml.Node, path string) {
			d.templated(&r.branch.name, 0, checkBranch)(n, path)
			r.branch.node, r.branch.path = n, path
		}},
		{"release", d.templated(&r.release, expr.AllowOutputs)},
		{"namespace", d.templated(&r.namespace, expr.AllowOutputs)},
		{"values", d.list(func(n *yaml.Node, path string) {
			var p string
			d.templated(&p, expr.AllowOutputs, checkPath)(n, path)
			r.values = append(r.values, p)
		})},
	}
}

// checkRendering completes a rendering, or returns nil when it has the wrong fields.
func (d *decoder) checkRendering(r *rendering, n *yaml.Node, at string, found map[string]*yaml.Node) *rendering {
	allowed := []string{"render", "path", "branch", "to"}
	expected := "{render: kustomize, path, branch} and perhaps to"
	if r.tool == renderHelm {
		allowed = append(allowed, "release", "namespace", "values")
		expected = "{render: helm, path, branch} and perhaps to, release, namespace and values"
	}
	wrong := found["path"] == nil || found["branch"] == nil
	for f := range found {
		wrong = wrong || !slices.Contains(allowed, f)
	}
	if wrong {
		if r.tool != "" {
			d.problem(n, at).message("an update item has the wrong fields").expected("%s", expected)
		}
		return nil
	}
	if r.tool == renderHelm && r.release == "" {
		r.release = path.Base(r.path)
		if expr.HasExpression(r.path) || r.release == "." {
			d.problem(n, at).message("the release has no name").expected("release")
		}
	}
	return r
}

// renderedBranch returns the branch that a Stage's manifests go to, empty when it
// renders none, and whether that is the one that they are rendered from.
func (d *decoder) renderedBranch(s *stage) (branch string, same bool) {
	for _, item := range s.update {
		if item.rendering == nil {
			continue
		}
		b := item.rendering.branch
		switch {
		case b.name == "":
		case branch != "" && b.name != branch:
			d.problem(b.node, b.path).message("the manifests of a Stage go to %s and to %s", quoted(branch), quoted(b.name)).
				expected("one branch, and to for different directories of it")
		default:
			branch = b.name
			if d.rendersFrom(s, b.name) {
				same = true
				d.checkApart(s, item.rendering)
			}
		}
	}
	return branch, same
}

// rendersFrom reports whether a branch is the one that a Stage works on, as far as
// that is known.
func (d *decoder) rendersFrom(s *stage, branch string) bool {
	switch {
	case s.branch != "":
		return branch == s.branch
	case expr.HasExpression(branch):
		return defaultBranchForm.MatchString(branch)
	}
	return branch == d.opts.DefaultBranch
}

var defaultBranchForm = regexp.MustCompile(`^\$(\{\{ *(?:quote\()? *github\.defaultBranch *\)? *\}\}|\{% *(?:quote\()? *github\.defaultBranch *\)? *%\})$`)

// checkApart refuses to render into what is rendered from: it is emptied first.
func (d *decoder) checkApart(s *stage, r *rendering) {
	if r.to.name == "" {
		d.problem(r.branch.node, r.branch.path).message("branch %s is what is rendered from, and the manifests would replace all of it", quoted(r.branch.name)).
			expected("another branch, or to with a directory for the manifests alone")
		return
	}
	to := known(r.to.name)
	for _, item := range s.update {
		for _, p := range item.paths() {
			if p = known(p); within(p, to) || within(to, p) {
				d.problem(r.to.node, r.to.path).message("the manifests would replace what is in %s, and so %s, which the Stage works on", quoted(r.to.name), quoted(p)).
					expected("a directory for the manifests alone, or another branch")
				return
			}
		}
	}
}

// paths are what an item reads and edits.
func (u *updateItem) paths() []string {
	all := []string{u.kustomize.name, u.file.name, u.from, u.to}
	if r := u.rendering; r != nil {
		all = append(append(all, r.path), r.values...)
	}
	return slices.DeleteFunc(all, func(p string) bool { return p == "" })
}

// known is the part of a path that is known before it is evaluated, all of which
// counts as read or replaced.
func known(p string) string {
	if i := strings.Index(p, "${"); i >= 0 {
		p = p[:strings.LastIndexByte(p[:i], '/')+1]
	}
	return path.Clean(p)
}

// renderings are the steps that empty what the manifests go to, beneath the checkout
// out, and render them again.
func renderings(s *stage, out string) []*edit {
	var edits []*edit
	emptied := map[string]bool{}
	for _, item := range s.update {
		r := item.rendering
		if r == nil {
			continue
		}
		target := beneath(out, r.to.name)
		add := func(uses string, config map[string]any) {
			edits = append(edits, &edit{item: item, StepSpec: pipeline.StepSpec{Uses: uses, Config: config}})
		}
		if !emptied[target] {
			emptied[target] = true
			if target == out {
				add("git-clear", map[string]any{"path": out})
			} else {
				add("delete", map[string]any{"path": target})
			}
		}
		config := map[string]any{"path": inWorkdir(r.path), "outPath": target}
		if r.tool == renderKustomize {
			add("kustomize-build", config)
			continue
		}
		config["releaseName"] = r.release
		if r.namespace != "" {
			config["namespace"] = r.namespace
		}
		if len(r.values) > 0 {
			files := make([]any, len(r.values))
			for i, v := range r.values {
				files[i] = inWorkdir(v)
			}
			config["valuesFiles"] = files
		}
		add("helm-template", config)
	}
	return edits
}

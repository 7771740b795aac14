package kargofile

import (
	"path"
	"slices"

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
	to        string
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
// renders none.
func (d *decoder) renderedBranch(s *stage) string {
	branch := ""
	for _, item := range s.update {
		if item.rendering == nil {
			continue
		}
		b := item.rendering.branch
		switch {
		case b.name == "":
		case b.name == s.branch:
			d.problem(b.node, b.path).message("branch %s is what is rendered from", quoted(b.name)).expected("another branch")
		case branch != "" && b.name != branch:
			d.problem(b.node, b.path).message("the manifests of a Stage go to %s and to %s", quoted(branch), quoted(b.name)).
				expected("one branch, and to for different directories of it")
		default:
			branch = b.name
		}
	}
	return branch
}

// renderings are the steps that empty what the manifests go to and render them again.
func renderings(s *stage) []*edit {
	var out []*edit
	emptied := map[string]bool{}
	for _, item := range s.update {
		r := item.rendering
		if r == nil {
			continue
		}
		target := beneath(outdir, r.to)
		add := func(uses string, config map[string]any) {
			out = append(out, &edit{item: item, StepSpec: pipeline.StepSpec{Uses: uses, Config: config}})
		}
		if !emptied[target] {
			emptied[target] = true
			if target == outdir {
				add("git-clear", map[string]any{"path": outdir})
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
	return out
}

package kargofile

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

const maxIncludes = 50

// IncludedName is the name of the pipeline of an included file that gives none:
// that of the directory of a .kargo.yaml, else that of the file. It is for
// [Options.Qualify].
func IncludedName(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(path.Base(file), ".yaml"), ".yml")
	if name = strings.TrimSuffix(strings.TrimSuffix(name, ".kargo"), "kargo"); name == "" {
		name = path.Base(path.Dir(path.Clean(file)))
	}
	return pipelineName(name)
}

// include reads globs over files of the repository, each of which is a pipeline.
func (d *decoder) include(dst *[]string) reader {
	return func(n *yaml.Node, path string) {
		if d.opts.Qualify != "" {
			d.problem(n, path).message("an included file cannot include others").expected("all globs in the .kargo.yaml at the root")
			return
		}
		d.listUpTo(maxIncludes, func(n *yaml.Node, path string) {
			var s string
			d.text(&s, checkPath, checkGlob, checkInclude)(n, path)
			if contains(*dst, s) {
				d.problem(n, path).message("%s stands twice", quoted(s)).expected("one")
			}
			*dst = append(*dst, s)
		})(n, path)
	}
}

func checkInclude(s string) error {
	if clean := path.Clean(s); clean == ".kargo.yaml" || clean == "." {
		return &invalid{message: quoted(s) + " is not another file", expected: "a glob such as apps/*/.kargo.yaml"}
	}
	return nil
}

// qualified returns a name as others see it, who know several pipelines.
func (d *decoder) qualified(name string) string {
	if d.opts.Qualify == "" || name == "" {
		return name
	}
	return d.pipeline + "/" + name
}

// qualify makes all names in a pipeline qualified. Selectors stay, as they match local
// names.
func (d *decoder) qualify(p *pipeline.Pipeline) {
	if d.opts.Qualify == "" {
		return
	}
	for i := range p.Warehouses {
		p.Warehouses[i].Name = d.qualified(p.Warehouses[i].Name)
	}
	for i := range p.Stages {
		s := &p.Stages[i]
		s.Name = d.qualified(s.Name)
		for j := range s.Requests {
			r := &s.Requests[j]
			r.Origin = d.qualified(r.Origin)
			for k := range r.Stages {
				r.Stages[k] = d.qualified(r.Stages[k])
			}
		}
	}
}

package kargofile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// request is one entry of requestedFreight and where its names stand.
type request struct {
	pipeline.FreightRequest
	node   *yaml.Node
	path   string
	origin ref
	stages []ref
	soak   bool
}

func (d *decoder) request(n *yaml.Node, path string) *request {
	r := &request{node: n, path: path}
	found := d.object(n, path, "a request",
		field{"origin", func(n *yaml.Node, path string) {
			found := d.object(n, path, "origin",
				field{"kind", func(n *yaml.Node, path string) {
					var kind string
					enum(d, &kind, "Warehouse")(n, path)
				}},
				field{"name", d.name(&r.Origin, &r.origin)},
			)
			if found != nil && found["name"] == nil {
				d.missing(n, path, "origin", "name")
			}
		}},
		field{"sources", d.sources(r)},
	)
	if found == nil {
		return r
	}
	if found["origin"] == nil {
		d.missing(n, path, "a request", "origin")
	}
	if found["sources"] == nil {
		d.missing(n, path, "a request", "sources")
	}
	return r
}

func (d *decoder) sources(r *request) reader {
	return func(n *yaml.Node, path string) {
		found := d.object(n, path, "sources",
			field{"direct", d.boolean(&r.Direct)},
			field{"stages", d.listUpTo(maxStages, func(n *yaml.Node, path string) {
				var s ref
				d.name(&s.name, &s)(n, path)
				r.stages = append(r.stages, s)
			})},
			field{"requiredSoakTime", func(n *yaml.Node, path string) {
				d.duration(&r.RequiredSoakTime, 0)(n, path)
				r.soak = true
			}},
			field{"availabilityStrategy", enum(d, &r.AvailabilityStrategy, pipeline.OneOf, pipeline.All)},
			field{"autoPromotionOptions", func(n *yaml.Node, path string) {
				d.object(n, path, "autoPromotionOptions",
					field{"selectionPolicy", enum(d, &r.SelectionPolicy, pipeline.NewestFreight, pipeline.MatchUpstream)})
			}},
		)
		switch {
		case found == nil:
		case !r.Direct && len(r.stages) == 0:
			d.problem(n, path).message("sources names no source").expected("direct: true or stages")
		case r.SelectionPolicy == pipeline.MatchUpstream && (r.Direct || len(r.stages) != 1):
			d.problem(found["autoPromotionOptions"], join(path, "autoPromotionOptions")).
				message("MatchUpstream needs exactly one upstream Stage, and not direct").expected("NewestFreight")
		}
	}
}

// from reads the shorthand: a name or a list of names of Warehouses and Stages, or
// globs over Stages.
func (d *decoder) from(dst *[]ref) reader {
	one := func(n *yaml.Node, path string) {
		var s string
		d.text(&s, func(s string) error {
			if pattern, ok := stageGlob(s); ok {
				return checkGlob(pattern)
			}
			return checkLabel(s)
		})(n, path)
		*dst = append(*dst, ref{s, n, path})
	}
	return func(n *yaml.Node, path string) {
		switch {
		case n.Kind == yaml.ScalarNode:
			one(n, path)
		case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
			d.problem(n, path).message("from is empty").expected("the name of a Warehouse or Stage")
		default:
			d.list(one)(n, path)
		}
	}
}

// stageGlob returns the pattern of an entry of from that is one.
func stageGlob(s string) (pattern string, ok bool) {
	if rest, ok := strings.CutPrefix(s, "glob:"); ok {
		return rest, true
	}
	return s, strings.ContainsAny(s, "*?[{")
}

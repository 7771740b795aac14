package kargofile

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// The interval between two looks at a Warehouse's sources, which an event makes
// unnecessary in most cases.
const (
	defaultInterval = 5 * time.Minute
	minInterval     = time.Minute
)

type warehouse struct {
	pipeline.Warehouse
	ref ref
	// criteria is where the expression stands.
	criteria ref
	// broken means that what it subscribes to is not fully known.
	broken bool
}

func (d *decoder) warehouse(n *yaml.Node, path string) *warehouse {
	w := &warehouse{Warehouse: pipeline.Warehouse{
		Interval:              pipeline.Duration(defaultInterval),
		FreightCreationPolicy: pipeline.CreateAutomatically,
	}}
	before := len(d.problems)
	defer func() { w.broken = d.errorsSince(before) }()
	var subscriptions []*yaml.Node
	found := d.object(n, path, "a Warehouse", append([]field{
		{"name", d.name(&w.Name, &w.ref)},
		{"interval", d.duration(&w.Interval, minInterval)},
		{"freightCreationPolicy", enum(d, &w.FreightCreationPolicy, pipeline.CreateAutomatically, pipeline.CreateManually)},
		{"freightCreationCriteria", func(n *yaml.Node, path string) {
			found := d.object(n, path, "freightCreationCriteria", field{"expression", func(n *yaml.Node, path string) {
				d.bare(&w.FreightCreationCriteria)(n, path)
				w.criteria = ref{w.FreightCreationCriteria, n, path}
			}})
			if found != nil && found["expression"] == nil {
				d.missing(n, path, "freightCreationCriteria", "expression")
			}
		}},
		{"subscriptions", d.list(func(n *yaml.Node, path string) {
			if s, ok := d.subscription(n, path); ok {
				w.Subscriptions = append(w.Subscriptions, s)
				subscriptions = append(subscriptions, n)
			}
		})},
	}, notYet("shard")...)...)
	if found == nil {
		return w
	}
	if found["name"] == nil {
		d.missing(n, path, "a Warehouse", "name")
	}
	switch list := found["subscriptions"]; {
	case list == nil:
		d.missing(n, path, "a Warehouse", "subscriptions")
	case list.Kind == yaml.SequenceNode && len(list.Content) == 0:
		d.problem(list, join(path, "subscriptions")).message("subscriptions is empty").expected("at least one")
	}
	if w.FreightCreationPolicy == pipeline.CreateManually {
		d.noEffect(found, path, "freightCreationPolicy: Manual", "freightCreationCriteria")
	}
	d.distinctSources(w.Subscriptions, subscriptions, join(path, "subscriptions"))
	return w
}

// distinctSources refuses two Subscriptions to one repository, or to one chart of a
// classic repository, between which expressions could not choose, and two of one name.
func (d *decoder) distinctSources(subscriptions []pipeline.Subscription, nodes []*yaml.Node, path string) {
	sources, names := map[string]int{}, map[string]int{}
	for i, s := range subscriptions {
		source := string(s.Kind()) + " "
		switch {
		case s.Image != nil:
			source += pipeline.NormalizeImage(s.Image.RepoURL)
		case s.Git != nil:
			source += pipeline.NormalizeGitURL(s.Git.RepoURL)
		default:
			source += pipeline.NormalizeChartURL(s.Chart.RepoURL) + " " + s.Chart.Name
		}
		if first, twice := sources[source]; twice {
			d.problem(nodes[i], path).message("a second subscription to the same repository, first on line %d", nodes[first].Line).
				expected("one subscription per repository in a Warehouse")
		} else {
			sources[source] = i
		}
		if first, twice := names[s.Name]; twice && s.Name != "" {
			d.problem(nodes[i], path).message("a second subscription named %q, first on line %d", s.Name, nodes[first].Line).
				expected("another name")
		} else {
			names[s.Name] = i
		}
	}
}

// name reads the name of a Warehouse or Stage and remembers where it stands.
func (d *decoder) name(dst *string, at *ref) reader {
	return func(n *yaml.Node, path string) {
		d.text(dst, checkLabel)(n, path)
		*at = ref{*dst, n, path}
	}
}

package kargofile

import (
	"path"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// chartFile is the file that declares the dependencies of a chart.
const chartFile = "Chart.yaml"

// checkChartFile refuses to look for dependencies elsewhere than in a Chart.yaml.
func (d *decoder) checkChartFile(u *updateItem) {
	if u.file.name != "" && path.Base(u.file.name) != chartFile {
		d.problem(u.file.node, u.file.path).message("%s is no %s", quoted(u.file.name), chartFile).
			expected("the %s that declares the dependency; {file, key, value} writes to others", chartFile)
	}
}

// chartCall is the call that finds a chart in Freight.
func chartCall(sub pipeline.ChartSubscription) string {
	call := "chartFrom(" + strconv.Quote(sub.RepoURL)
	if sub.Name != "" {
		call += ", " + strconv.Quote(sub.Name)
	}
	return call + ")"
}

// dependencyEntry is what helm-update-chart is told of a chart: its repository as a
// Chart.yaml has it, which for OCI is what lies above the chart.
func dependencyEntry(sub pipeline.ChartSubscription) map[string]any {
	repository, name := sub.RepoURL, sub.Name
	if strings.HasPrefix(repository, ociScheme) {
		repository, name = repository[:strings.LastIndexByte(repository, '/')], path.Base(repository)
	}
	return map[string]any{"repository": repository, "name": name, "version": "${{ quote(" + chartCall(sub) + ".Version) }}"}
}

// chartSubscription finds the one that a chart comes from, by its address or, if no
// other has it, by its name.
func (g *graph) chartSubscription(d *decoder, s *stage, chart ref) (pipeline.ChartSubscription, bool) {
	var found []pipeline.ChartSubscription
	var all, names, from []string
	broken := false
	for _, origin := range g.originsOf(s.Name) {
		w := g.known[origin]
		if w == nil {
			continue
		}
		broken = broken || w.broken
		for _, sub := range w.Subscriptions {
			if sub.Chart == nil {
				continue
			}
			address := chartAddress(*sub.Chart)
			all, names = append(all, address), append(names, path.Base(address))
			if pipeline.NormalizeChartURL(chart.name) == pipeline.NormalizeChartURL(address) || chart.name == path.Base(address) {
				found, from = append(found, *sub.Chart), append(from, address+" of "+w.Name)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], true
	case len(found) > 1:
		d.problem(chart.node, chart.path).message("%s may be one of several charts: %s", cut(chart.name), strings.Join(from, ", ")).
			expected("the address of one that only one Warehouse subscribes to, or a promotionTemplate that says which")
	case len(g.originsOf(s.Name)) > 0 && !broken && chart.name != "":
		d.problem(chart.node, chart.path).message("no Warehouse of Stage %q subscribes to the chart %s", s.Name, cut(chart.name)).
			expected("%s", oneOf(all)).suggest(d.closest(chart.name, append(all, names...)))
	}
	return pipeline.ChartSubscription{}, false
}

// chartAddress is what names a chart: its repository, with its name where that holds
// many.
func chartAddress(sub pipeline.ChartSubscription) string {
	if sub.Name == "" {
		return sub.RepoURL
	}
	return strings.TrimSuffix(sub.RepoURL, "/") + "/" + sub.Name
}

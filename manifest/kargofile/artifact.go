package kargofile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/expr"
)

// artifactFunctions are the functions of expressions that name a repository, with
// what makes two spellings of one equal.
var artifactFunctions = map[string]func(string) string{
	"imageFrom":  func(s string) string { return s },
	"commitFrom": pipeline.NormalizeGitURL,
	"chartFrom":  pipeline.NormalizeChartURL,
}

// subscribed returns the repositories that a function finds artifacts of in a Stage;
// open means that not all are known.
func (g *graph) subscribed(s *stage, function string) (urls []string, open bool) {
	for _, origin := range g.originsOf(s.Name) {
		w := g.known[origin]
		if w == nil {
			continue
		}
		found, broken := w.repositories(function)
		urls, open = append(urls, found...), open || broken
	}
	return urls, open
}

// ambiguous refuses a call that several Warehouses of a Stage could answer: it would
// be an error as soon as both have Freight.
func (g *graph) ambiguous(m mention, r expr.Reference) *invalid {
	normalize := artifactFunctions[r.Root]
	if !r.Call || normalize == nil || r.Computed || r.Name() == "" || m.stage == nil {
		return nil
	}
	var names []string
	for _, origin := range g.originsOf(m.stage.Name) {
		if w := g.known[origin]; w != nil && w.provides(r, normalize) {
			names = append(names, origin)
		}
	}
	if len(names) < 2 {
		return nil
	}
	slices.Sort(names)
	return &invalid{
		message:  quoted(r.Name()) + " comes from several Warehouses: " + strings.Join(names, ", "),
		expected: "warehouse(" + strconv.Quote(names[0]) + ") or another as the last argument of " + r.Root,
	}
}

// provides reports whether a Warehouse subscribes to what a call asks for.
func (w *warehouse) provides(r expr.Reference, normalize func(string) string) bool {
	if r.Root == "chartFrom" {
		name := ""
		if len(r.Path) > 1 {
			name = r.Path[1]
		}
		return slices.ContainsFunc(w.Subscriptions, func(s pipeline.Subscription) bool {
			return s.Chart != nil && s.Chart.Name == name && normalize(s.Chart.RepoURL) == normalize(r.Name())
		})
	}
	urls, _ := w.repositories(r.Root)
	return among(urls, r.Name(), normalize)
}

// repositories returns the repositories of a Warehouse that a function is about.
// Open means that there are others: the pipeline's own, whose address is not known
// here, or those behind a fault.
func (w *warehouse) repositories(function string) (urls []string, open bool) {
	open = w.broken
	for _, sub := range w.Subscriptions {
		switch {
		case function == "imageFrom" && sub.Image != nil,
			function == "chartFrom" && sub.Chart != nil,
			function == "commitFrom" && sub.Git != nil && sub.Git.RepoURL != "":
			urls = append(urls, sub.RepoURL())
		case function == "commitFrom" && sub.Git != nil:
			open = true
		}
	}
	return urls, open
}

// among reports whether a repository is among others.
func among(urls []string, repo string, normalize func(string) string) bool {
	return slices.ContainsFunc(urls, func(u string) bool { return normalize(u) == normalize(repo) })
}

// criteria warns of repositories in the criteria of a Warehouse to which it does not
// subscribe.
func (g *graph) criteria(d *decoder) {
	for _, w := range g.doc.warehouses {
		if w.FreightCreationCriteria == "" || w.criteria.node == nil {
			continue
		}
		refs, err := expr.ReferencesBare(w.FreightCreationCriteria)
		if err != nil {
			continue // reported when it was read
		}
		for _, r := range refs {
			normalize := artifactFunctions[r.Root]
			if !r.Call || normalize == nil || r.Name() == "" {
				continue
			}
			if r.Root == "imageFrom" {
				normalize = pipeline.NormalizeImage // here, unlike in Stages
			}
			urls, open := w.repositories(r.Root)
			if open || among(urls, r.Name(), normalize) {
				continue
			}
			d.invalid(w.criteria.node, w.criteria.path, &invalid{
				message:  "Warehouse " + quoted(w.Name) + " does not subscribe to " + quoted(r.Name()),
				expected: oneOf(urls), suggestion: d.closest(r.Name(), urls), offset: r.Offset,
			})
			d.problems[len(d.problems)-1].Severity = Warning
		}
	}
}

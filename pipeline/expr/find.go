package expr

import (
	"fmt"
	"slices"
)

// query is what a call of commitFrom and the like asks for.
type query struct {
	name   string // repository URL, or name of a subscription
	chart  string
	origin *Origin
}

// finder turns a search into a function of the language that reads its arguments: a name,
// for charts optionally the chart's, and optionally an origin, in that order.
func finder[T any](find func(*Env, query) (*T, error)) func(*runner) func(args ...any) (any, error) {
	return onEnv(func(e *Env, args ...any) (any, error) {
		var q query
		var err error
		if q.name, err = text(args, 0); err != nil {
			return nil, err
		}
		for i, arg := range args[1:] {
			switch arg := arg.(type) {
			case Origin:
				q.origin = &arg
			case string:
				if i > 0 {
					return nil, fmt.Errorf("argument %d must be warehouse(name), not %s", i+2, describe(arg))
				}
				q.chart = arg
			default:
				return nil, fmt.Errorf("argument %d must be a string or warehouse(name), not %s", i+2, describe(arg))
			}
		}
		found, err := find(e, q)
		if found == nil {
			return nil, err // not a typed nil, which expressions could not tell from a value
		}
		return found, err
	})
}

// commitFrom gives nil when no requested Warehouse subscribes to the repository, or its
// Freight is not there. Repository URLs are compared normalised.
func (e *Env) commitFrom(q query) (*Commit, error) {
	repo := normalizeGit(q.name)
	return find(e, q, "a commit from repository "+repo,
		func(f *Freight) []Commit { return f.Commits },
		func(c Commit) bool { return normalizeGit(c.RepoURL) == repo },
		func(s Subscription) bool { return s.Git != "" && normalizeGit(s.Git) == repo })
}

// imageFrom is like commitFrom. Repository URLs are compared as they are written, except
// among discovered artifacts: as in Kargo.
func (e *Env) imageFrom(q query) (*Image, error) {
	normal := func(url string) string { return url }
	if e.Discovered {
		normal = normalizeImage
	}
	repo := normal(q.name)
	return find(e, q, "an image from repository "+repo,
		func(f *Freight) []Image { return f.Images },
		func(i Image) bool { return normal(i.RepoURL) == repo },
		func(s Subscription) bool { return s.Image != "" && normal(s.Image) == repo })
}

// chartFrom, unlike the others, is an error when no requested Warehouse subscribes to the
// chart. Among discovered artifacts it gives nil then, and no name means any chart.
func (e *Env) chartFrom(q query) (*Chart, error) {
	if e.Discovered {
		repo := normalizeChart(q.name)
		return find(e, q, "",
			func(f *Freight) []Chart { return f.Charts },
			func(c Chart) bool {
				return normalizeChart(c.RepoURL) == repo && (q.chart == "" || c.Name == q.chart)
			}, nil)
	}
	what := "chart from repository " + q.name
	if q.chart != "" {
		what = fmt.Sprintf("chart %q from repository %s", q.chart, q.name)
	}
	provides := func(s Subscription) bool { return s.Chart == q.name && s.ChartName == q.chart && s.Chart != "" }
	charts := func(f *Freight) []Chart { return f.Charts }
	match := func(c Chart) bool { return c.RepoURL == q.name && c.Name == q.chart }
	if q.origin == nil {
		var err error
		if q.origin, err = origin(e, "a "+what, charts, match, provides); err != nil {
			return nil, err
		}
		if q.origin == nil {
			return nil, fmt.Errorf("no %s in the Freight", what)
		}
	}
	return find(e, q, "a "+what, charts, match, provides)
}

// artifactFrom is like commitFrom, by the name of a subscription.
func (e *Env) artifactFrom(q query) (*Artifact, error) {
	return find(e, q, "an artifact from subscription "+q.name,
		func(f *Freight) []Artifact { return f.Artifacts },
		func(a Artifact) bool { return a.SubscriptionName == q.name },
		func(s Subscription) bool {
			return s.Name == q.name && s.Git == "" && s.Image == "" && s.Chart == ""
		})
}

// find returns a copy of the first match in the Freight of the origin asked for, or of
// the only one that can provide it.
func find[T any](
	e *Env, q query, what string,
	items func(*Freight) []T, match func(T) bool, provides func(Subscription) bool,
) (*T, error) {
	if q.origin == nil && !e.Discovered {
		var err error
		if q.origin, err = origin(e, what, items, match, provides); err != nil || q.origin == nil {
			return nil, err
		}
	}
	for i := range e.Freight {
		f := &e.Freight[i]
		if q.origin != nil && f.Origin.Name != q.origin.Name {
			continue
		}
		if at := slices.IndexFunc(items(f), match); at >= 0 {
			found := items(f)[at]
			return &found, nil
		}
	}
	return nil, nil
}

// origin finds the one Warehouse that can provide an artifact; nil when none can, and an
// error when several subscriptions can, whether or not their Freight is there.
func origin[T any](
	e *Env, what string,
	items func(*Freight) []T, match func(T) bool, provides func(Subscription) bool,
) (*Origin, error) {
	var candidates []Origin
	for _, w := range e.Warehouses {
		for _, s := range w.Subscriptions {
			if provides(s) {
				candidates = append(candidates, Origin{Kind: originKind, Name: w.Name})
			}
		}
	}
	if len(e.Warehouses) == 0 {
		for i := range e.Freight {
			f := &e.Freight[i]
			if slices.ContainsFunc(items(f), match) && !slices.Contains(candidates, f.Origin) {
				candidates = append(candidates, f.Origin)
			}
		}
	}
	switch len(candidates) {
	case 0:
		return nil, nil
	case 1:
		return &candidates[0], nil
	}
	return nil, fmt.Errorf("several subscriptions could provide %s (Warehouses %s and %s): add warehouse(name) as the last argument",
		what, candidates[0].Name, candidates[1].Name)
}

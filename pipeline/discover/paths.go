package discover

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// pathFilter passes a change if one of its paths is included (by default all are)
// and not excluded. A change of no path never passes.
type pathFilter struct {
	include, exclude []pathSelector
}

type pathSelector func(path string) bool

func newPathFilter(include, exclude []string) (f pathFilter, err error) {
	if f.include, err = pathSelectors("includePaths", include); err != nil {
		return pathFilter{}, err
	}
	f.exclude, err = pathSelectors("excludePaths", exclude)
	return f, err
}

// none reports whether there is nothing to filter by.
func (f pathFilter) none() bool { return len(f.include)+len(f.exclude) == 0 }

func (f pathFilter) passes(changed []string) bool {
	return slices.ContainsFunc(changed, func(path string) bool {
		return (len(f.include) == 0 || matchesAny(f.include, path)) && !matchesAny(f.exclude, path)
	})
}

func matchesAny(selectors []pathSelector, path string) bool {
	return slices.ContainsFunc(selectors, func(s pathSelector) bool { return s(path) })
}

func pathSelectors(field string, patterns []string) ([]pathSelector, error) {
	out := make([]pathSelector, 0, len(patterns))
	for _, p := range patterns {
		s, err := newPathSelector(p)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", field, p, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// A glob comes from whoever writes the pipeline; every alternative multiplies the
// work of matching one path.
const (
	maxGlob         = 1024
	maxAlternatives = 8
)

// newPathSelector reads glob:PATTERN, regex:PATTERN (also regexp:, not anchored), or
// a plain path, which is the file of that name or everything beneath it.
func newPathSelector(pattern string) (pathSelector, error) {
	kind, rest, _ := strings.Cut(pattern, ":")
	switch kind {
	case "glob":
		if len(rest) > maxGlob || strings.Count(rest, "{") > maxAlternatives {
			return nil, fmt.Errorf("a glob may have %d bytes and %d alternatives in braces", maxGlob, maxAlternatives)
		}
		if !doublestar.ValidatePattern(rest) {
			return nil, doublestar.ErrBadPattern
		}
		return func(path string) bool { return doublestar.MatchUnvalidated(rest, path) }, nil
	case "regex", "regexp":
		re, err := regexp.Compile(rest)
		if err != nil {
			return nil, err
		}
		return re.MatchString, nil
	}
	base := strings.Trim(strings.TrimPrefix(pattern, "./"), "/")
	return func(path string) bool {
		return base == "" || base == "." || path == base || strings.HasPrefix(path, base+"/")
	}, nil
}

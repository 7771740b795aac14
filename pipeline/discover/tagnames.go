package discover

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// nameFilter admits tags by name: one that matches any ignored pattern is out,
// whatever else it matches; if there are allowed patterns it must match one. The
// patterns are not anchored.
type nameFilter struct {
	allow, ignore []*regexp.Regexp
}

func newNameFilter(allow, ignore []string) (f nameFilter, err error) {
	if f.allow, err = compileAll("allowTagsRegexes", allow); err != nil {
		return nameFilter{}, err
	}
	f.ignore, err = compileAll("ignoreTagsRegexes", ignore)
	return f, err
}

func compileAll(field string, patterns []string) ([]*regexp.Regexp, error) {
	out := make([]*regexp.Regexp, 0, len(patterns))
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		out = append(out, re)
	}
	return out, nil
}

// reject returns why the name is not admitted, or nothing.
func (f nameFilter) reject(name string) string {
	for _, re := range f.ignore {
		if re.MatchString(name) {
			return fmt.Sprintf("matches ignoreTagsRegexes %q", re)
		}
	}
	if len(f.allow) == 0 || slices.ContainsFunc(f.allow, func(re *regexp.Regexp) bool { return re.MatchString(name) }) {
		return ""
	}
	if len(f.allow) == 1 {
		return fmt.Sprintf("does not match allowTagsRegexes %q", f.allow[0])
	}
	return fmt.Sprintf("matches none of the %d allowTagsRegexes", len(f.allow))
}

// admit returns the admitted names and records the others.
func (f nameFilter) admit(names []string, rejected *rejections) []string {
	out := make([]string, 0, len(names))
	for _, name := range names {
		if reason := f.reject(name); reason != "" {
			rejected.add(name, reason)
			continue
		}
		out = append(out, name)
	}
	return out
}

// lexicallyDescending orders names by their bytes, the greatest first.
func lexicallyDescending(names []string) []string {
	return slices.SortedFunc(slices.Values(names), func(a, b string) int { return cmp.Compare(b, a) })
}

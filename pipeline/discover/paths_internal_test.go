package discover

import (
	"strings"
	"testing"
)

func TestPathSelectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule, pattern, path string
		want                bool
	}{
		{"a plain path is the file", "a/b.txt", "a/b.txt", true},
		{"a plain path is everything beneath the directory", "a/b", "a/b/c/d", true},
		{"a plain path is no prefix of a name", "a/b", "a/bc", false},
		{"slashes around a plain path do not matter", "./a/", "a/x", true},
		{"the root is everything", ".", "x", true},
		{"a star stays within a directory", "glob:charts/*.yaml", "charts/x/a.yaml", false},
		{"two stars cross directories", "glob:charts/**/*.yaml", "charts/x/y/a.yaml", true},
		{"two stars match no directory too", "glob:charts/**/*.yaml", "charts/a.yaml", true},
		{"a glob has alternatives", "glob:{a,b}/x", "b/x", true},
		{"a glob is anchored", "glob:x", "a/x", false},
		{"a regex is not anchored", "regex:b+", "a/bbb/c", true},
		{"regexp is the same", "regexp:^b", "a/b", false},
		{"another prefix is part of the path", "other:x", "other:x/y", true},
	}
	for _, tt := range tests {
		s, err := newPathSelector(tt.pattern)
		if err != nil {
			t.Fatalf("%s: %v", tt.rule, err)
		}
		if got := s(tt.path); got != tt.want {
			t.Errorf("%s: %q on %q is %v", tt.rule, tt.pattern, tt.path, got)
		}
	}
	for _, pattern := range []string{"glob:[", "regex:(", "glob:" + strings.Repeat("{a,b}", 9), "glob:" + strings.Repeat("a", 2000)} {
		if _, err := newPathSelector(pattern); err == nil {
			t.Errorf("%.20s... is accepted", pattern)
		}
	}
}

func TestPathFilter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		rule             string
		include, exclude []string
		changed          []string
		want             bool
	}{
		{"any included path that is not excluded passes", []string{"src"}, []string{"src/docs"}, []string{"src/docs/a", "src/b"}, true},
		{"a path both included and excluded does not", []string{"src"}, []string{"src/docs"}, []string{"src/docs/a"}, false},
		{"without includes all paths are included", nil, []string{"docs"}, []string{"x"}, true},
		{"no change passes nothing", nil, []string{"docs"}, nil, false},
	}
	for _, tt := range tests {
		f, err := newPathFilter(tt.include, tt.exclude)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.passes(tt.changed); got != tt.want {
			t.Errorf("%s: %v", tt.rule, got)
		}
	}
}

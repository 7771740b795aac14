package pipeline_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	stages := []string{"test", "staging", "prod", "prod-eu"}
	tests := map[string]struct {
		got   string
		valid []string
		want  string
	}{
		"a letter too many":                 {"prodd", stages, "prod"},
		"a letter missing":                  {"stagng", stages, "staging"},
		"a wrong letter":                    {"pros", stages, "prod"},
		"neighbours swapped":                {"tset", stages, "test"},
		"neighbours swapped in a short":     {"wbe", []string{"web"}, "web"},
		"two slips in a long name":          {"stagimgg", stages, "staging"},
		"case alone":                        {"PROD", stages, "prod"},
		"the name itself":                   {"prod-eu", stages, "prod-eu"},
		"the closest wins, not the first":   {"prod-us", []string{"prod-eu1", "prod-uk"}, "prod-uk"},
		"the first of equally close":        {"cat", []string{"bat", "car"}, "bat"},
		"three slips are another word":      {"stgn", stages, ""},
		"two slips are too many in a short": {"pd", stages, ""},
		"something else":                    {"banana", stages, ""},
		"nothing given":                     {"", stages, ""},
		"nothing valid":                     {"prod", nil, ""},
		"characters count, not bytes":       {"ä", []string{"a"}, "a"},
		"a very long name costs nothing":    {strings.Repeat("a", 1<<20), []string{strings.Repeat("b", 1<<10)}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pipeline.DidYouMean(tt.got, tt.valid); got != tt.want {
				t.Errorf("DidYouMean(%.20q, %q) = %q, want %q", tt.got, tt.valid, got, tt.want)
			}
		})
	}
}

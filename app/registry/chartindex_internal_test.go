package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestChartIndex(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		index string
		want  []string
		err   string
	}{
		"lists at the column of their key, as Helm writes them": {
			"entries:\n  web:\n  - version: 1.0.0\n  - version: 1.1.0\n  x:\n  - version: 9.9.9\n", []string{"1.0.0", "1.1.0"}, "",
		},
		"lists that are indented": {
			"entries:\n    web:\n      - version: 1.0.0\n      -\n        version: 1.1.0\n    x:\n      - version: 9.9.9\n", []string{"1.0.0", "1.1.0"}, "",
		},
		"the chart at the end, without a line end": {"entries:\n  web:\n  - version: 1.0.0", []string{"1.0.0"}, ""},
		"line ends of Windows, a byte order mark, a document start": {
			"\ufeff---\r\napiVersion: v1\r\nentries:\r\n  web:\r\n  - version: 1.0.0\r\ngenerated: now\r\n", []string{"1.0.0"}, "",
		},
		"quoted keys and comments":                         {"entries: # all\n  \"web\": # this\n  - version: 1.0.0\n", []string{"1.0.0"}, ""},
		"a number is a version as it is written":           {"entries:\n  web:\n  - version: 1.10\n", []string{"1.10"}, ""},
		"a nested version is not the chart's":              {"entries:\n  web:\n  - dependencies:\n    - version: 7.0.0\n    version: 1.0.0\n", []string{"1.0.0"}, ""},
		"an entry without a version is left out":           {"entries:\n  web:\n  - name: web\n  - version: 1.0.0\n", []string{"1.0.0"}, ""},
		"a chart of that name nested elsewhere is not it":  {"entries:\n  other:\n  - version: 2.0.0\n    web:\n    - version: 3.0.0\n  web:\n  - version: 1.0.0\n", []string{"1.0.0"}, ""},
		"a top-level key after the entries is not a chart": {"entries:\n  x:\n  - version: 1.0.0\nweb:\n- version: 2.0.0\n", nil, ""},
		"a chart without versions":                         {"entries:\n  web: []\n", nil, ""},
		"a chart that is not there":                        {"entries:\n  x:\n  - version: 1.0.0\n", nil, ""},
		"a repository without charts":                      {"apiVersion: v1\nentries: {}\n", nil, ""},
		"entries with nothing beneath":                     {"entries:\n", nil, ""},
		"JSON":                                             {`{"apiVersion":"v1","x":[{"entries":{}}],"entries":{"x":[{"version":"2"}],"web":[{"version":"1.0.0","urls":["u"]},{"name":"w"}]}}`, []string{"1.0.0"}, ""},
		"JSON without entries":                             {`{"apiVersion":"v1"}`, nil, "it has no entries"},
		"JSON that is cut off":                             {`{"entries":{"web":[{"version":"1.0.0"}`, nil, "unexpected EOF"},
		"JSON of another form":                             {`{"entries":{"web":{"version":"1.0.0"}}}`, nil, "not a list of versions"},
		"nothing at all":                                   {"", nil, "it has no entries"},
		"entries of another form":                          {"entries:\n  web:\n    version: 1.0.0\n", nil, "not a list of versions"},
		"entries on one line":                              {"entries: {web: [{version: 1.0.0}]}\n", nil, "not a list of versions"},
		"an entry that is no YAML":                         {"entries:\n  web:\n  - version: [1\n", nil, "entry 1 of web"},
		"an entry that is endless":                         {"entries:\n  web:\n  - version: 1.0.0\n    description: " + strings.Repeat("x", maxEntry) + "\n", nil, "more than"},
		"an endless line elsewhere is skipped":             {"entries:\n  x:\n  - description: " + strings.Repeat("x", 3*maxEntry) + "\n  web:\n  - version: 1.0.0\n", []string{"1.0.0"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chartVersions(strings.NewReader(tt.index), "web")
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("versions (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzChartIndex holds the reader of lines against a YAML parser, over indexes that
// a program could have written.
func FuzzChartIndex(f *testing.F) {
	f.Add("1.0.0", "plain", "web")
	f.Add("1.0.0\nversion: 2", "a\n  b\nversion: 6", "we b")
	f.Add("- x", "# not a comment\n\n  web:\n  - version: 3", "\"q\"")
	f.Add("{", "|", "entries")
	f.Fuzz(func(t *testing.T, version, description, chart string) {
		type entry struct {
			Description string   `yaml:"description"`
			Keywords    []string `yaml:"keywords"`
			Version     string   `yaml:"version"`
		}
		text, err := yaml.Marshal(map[string]any{
			"apiVersion": "v1",
			"entries": map[string][]entry{
				"a" + chart: {{Version: "0.0.1", Description: description}},
				chart:       {{description, []string{description, "- version: 7"}, version}, {Version: "1.2.3"}},
			},
			"generated": "2025-06-01",
		})
		if err != nil {
			return
		}
		var back struct {
			Entries map[string][]entry `yaml:"entries"`
		}
		if yaml.Unmarshal(text, &back) != nil || len(back.Entries[chart]) != 2 {
			return // not what a parser reads either
		}
		got, err := chartVersions(strings.NewReader(string(text)), chart)
		if err != nil {
			return // refusing is allowed, another answer is not
		}
		want := []string{}
		for _, e := range back.Entries[chart] {
			if e.Version != "" && len(e.Version) <= maxTagLength {
				want = append(want, printable(e.Version))
			}
		}
		if len(got) > 0 && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read %q, want %q, of\n%s", got, want, text)
		}
	})
}

// FuzzChartIndexText reads anything without panic or endless loop.
func FuzzChartIndexText(f *testing.F) {
	f.Add("entries:\n  web:\n  - version: 1.0.0\n")
	f.Add(`{"entries":{"web":[{"version":"1"}]}}`)
	f.Add("entries:\n  web:\n  - &a {version: 1}\n  - *a\n")
	f.Add("- -\n:\n\"\n'web':\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = chartVersions(strings.NewReader(text), "web")
	})
}

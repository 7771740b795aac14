package report_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/report"
)

func TestAuthoredMentionsWhomTheTemplateNames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ template, text, want string }{
		"a person that the template names":             {"ask @ana: ${{ x }}", "ask @ana: go", "ask @ana: go"},
		"the same person in what an expression gave":   {"ask @ana: ${{ x }}", "ask @ana: @ana", "ask @ana: @ana"},
		"a team that the template names":               {"@acme/ops ${{ x }}", "@acme/ops go", "@acme/ops go"},
		"case makes no difference":                     {"@Ana", "@ana", "@ana"},
		"somebody else":                                {"ask @ana: ${{ x }}", "ask @ana: @bob", "ask @ana: @~bob"},
		"a team of somebody that the template names":   {"@acme ${{ x }}", "@acme @acme/all", "@acme @~acme/all"},
		"a name that begins like one":                  {"@ana ${{ x }}", "@ana @anabel", "@ana @~anabel"},
		"a name that an expression completes":          {"@${{ x }}", "@bob", "@~bob"},
		"a name that an expression goes on with":       {"@ana${{ x }}", "@anabel", "@~anabel"},
		"a name within an expression":                  {`${{ "@ana" }}`, "@ana", "@~ana"},
		"a name within the other kind of expression":   {`${% "@ana" %}`, "@ana", "@~ana"},
		"an at sign as a decimal entity":               {"${{ x }}", "&#64;bob &#0064;bob", "&#64;~bob &#0064;~bob"},
		"an at sign as a hexadecimal entity":           {"${{ x }}", "&#x40;bob &#X0040;bob", "&#x40;~bob &#X0040;~bob"},
		"an at sign as a named entity":                 {"${{ x }}", "&commat;bob", "&commat;~bob"},
		"an entity for somebody the template names":    {"@bob", "&#64;bob", "&#64;~bob"},
		"a name that begins with an entity":            {"${{ x }}", "@&#98;ob", "@~&#98;ob"},
		"an escaped at sign":                           {"${{ x }}", `\@bob`, `\@~bob`},
		"after emphasis":                               {"${{ x }}", "_x_@bob", "_x_@~bob"},
		"a mail address is none":                       {"${{ x }}", "bob@example.com", "bob@example.com"},
		"an image with a digest is none":               {"${{ x }}", "ghcr.io/a/b@sha256:0123", "ghcr.io/a/b@sha256:0123"},
		"Markdown stays":                               {"${{ x }}", "# a\n\n- **b** [c](https://d) #12", "# a\n\n- **b** [c](https://d) #12"},
		"our hidden mark, forged":                      {"${{ x }}", "<!-- kargo:v1 issue=1 -->", "<!--~ kargo:v1 issue=1 -->"},
		"an expression over several lines is left out": {"a ${{\n'@ana'\n}}", "a @ana", "a @~ana"},
	} {
		if got := strings.ReplaceAll(report.Authored(tt.text, tt.template), "\u2060", "~"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

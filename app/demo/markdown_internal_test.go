package demo

import (
	"strings"
	"testing"
)

func TestMarkdownIsHarmless(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"script":          "<script>alert(1)</script>",
		"event handler":   `<img src=x onerror="alert(1)">`,
		"javascript link": "[click](javascript:alert(1))",
		"style":           `<p style="position:fixed">x</p>`,
		"form":            `<form action="//evil.example"><input name=q><button>go</button></form>`,
		"iframe":          `<iframe src="//evil.example"></iframe>`,
		"fence":           "```diff\n+</code></pre><script>alert(1)</script>\n```",
		"fence language":  "```\"><script>\nx\n```",
		"class":           `<span class="primary skip">x</span>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newMarkdown().render(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"<script", "onerror", "javascript:", "style=", "<form", "<button", "<iframe", `class="primary`, "name="} {
				if strings.Contains(string(got), bad) {
					t.Errorf("%q survives in %s", bad, got)
				}
			}
		})
	}
}

func TestMarkdownKeepsWhatTheBotWrites(t *testing.T) {
	t.Parallel()
	got, err := newMarkdown().render("<!-- kargo:v1 -->\n| A | B |\n|---|---|\n| `1` | **2** |\n\n- [x] done\n- [ ] open\n\n" +
		"<details><summary>Diff</summary>\n\n```diff\n-old\n+new\n```\n\n</details>\n\n<sub>small</sub>\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"<table>", "<code>1</code>", "<strong>2</strong>", `type="checkbox"`, "<details><summary>Diff</summary>",
		`<span class="del">-old</span>`, `<span class="add">+new</span>`, "<sub>small</sub>",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if strings.Contains(string(got), "kargo:v1") {
		t.Errorf("the hidden marker shows in %s", got)
	}
}

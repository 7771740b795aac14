package report_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/kargo-app/kargo/pipeline/report"
)

// corpus is outside text that wants out.
var corpus = []string{
	"", " ", "web 1.9.2 → 1.9.3", "kargo/test/test-1", "a-b_c.d", "snake_case_name", "_emphasis_", "*emphasis*", "**strong**", "~strike~", "~~strike~~",
	"@ana", "ping @acme/sre now", "mail ana@example.com", "#12", "acme/app#12", "GH-12", "gh-12", "x#1#2", "@@ana", "a@@b",
	"www.example.com", "WWW.example.com", "(www.example.com)", "http://example.com", "https://example.com/a?b=c", "ftp://x.y", "mailto:a@b.c",
	"0123456789abcdef0123456789abcdef01234567", "c0ffee0", "acme/app@c0ffee0", "20260102", "defaced",
	"[link](https://evil.example)", "![image](https://evil.example/x.png)", "[ref]", "[ref]: https://evil.example", "[^1]", "[x] done", "](https://evil.example)",
	"<b>bold</b>", "<script>alert(1)</script>", "<!-- kargo:v1 promotion=prod-1 -->", "-->", "<https://evil.example>", "<img src=x>", "&lt;b&gt;", "&#64;ana", "&copy", "R&D",
	"`code`", "``", "`", "```", "a ` b", "`` ` ``", "\\", "\\*", "a\\", "\\`", "| a | b |", "a|b", "|", "\\|", "--|--", ":--|--:",
	"# heading", "#", "> quote", "- item", "+ item", "* item", "1. item", "12) item", "1.9.3 is new", "1.", "---", "===", "***", "- [ ] task",
	"$x^2$", "$`x`$", ":tada:", ":a:b:", "10:30:45", "~", "a\nb", "a\r\n\r\n# b", "a\tb", "  indented", "trailing  ", "\u202eevil\u202c", "\u200b@ana", "@\u2060ana",
	"\x00\x1b[31m", "\xff\xfe", "GHSA-abcd-1234-efgh", "CVE-2026-1234", "é_ü_", "_é", "日本_語", "🚚_x", "fixes #3", "closes acme/app#4",
	"{{ x }}", "${{ secrets.X }}", "'quoted' \"quoted\"", "a  b", "x\u2028y", "<details>", "</details>", "\u00a0nbsp", "!", "![", "a!b", "^1.0.0 || ~2", strings.Repeat("a", 600),
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote))

// rendered is what a reader sees of a Markdown text, and the kinds of nodes in it.
func rendered(tb testing.TB, source string) (visible string, kinds map[ast.NodeKind]int) {
	tb.Helper()
	src := []byte(source)
	var b strings.Builder
	kinds = map[ast.NodeKind]int{}
	err := ast.Walk(markdown.Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		kinds[n.Kind()]++
		switch n := n.(type) {
		case *ast.Text:
			value := string(n.Segment.Value(src))
			if n.Parent().Kind() != ast.KindCodeSpan {
				value = unescape(value)
			}
			b.WriteString(value)
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteString("\n")
			}
		case *ast.String:
			b.Write(n.Value)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return b.String(), kinds
}

var entity = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#124;", "|", "&amp;", "&")

var escaped = regexp.MustCompile("\\\\([!-/:-@[-`{-~])")

func unescape(s string) string { return entity.Replace(escaped.ReplaceAllString(s, "$1")) }

// seen is what a reader should see of outside text.
func seen(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf) || r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > limit {
		s = strings.TrimSpace(string(r[:limit-1])) + "…"
	}
	return s
}

// autolinks is what GitHub makes of plain text after Markdown is done with it.
var autolinks = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|gh-[0-9]|www\.|://|\b[0-9a-f]{7,40}\b|:[a-z0-9_+-]+:|mailto:`)

// harmless are the nodes that outside text may become, each with the places it
// is put into.
func checkText(t *testing.T, in string) {
	t.Helper()
	got := report.Text(in)
	want := seen(in, 500)
	frames := map[string]string{
		"paragraph": "x %s y", "alone": "%s", "item": "- %s", "bold": "x **x %s x** y", "heading": "para\n%s\nmore",
		"cell": "| h |\n|---|\n| %s |", "link": "[x %s x](https://example.com)",
	}
	for name, frame := range frames {
		source := strings.Replace(frame, "%s", got, 1)
		visible, kinds := rendered(t, source)
		plain, plainKinds := rendered(t, strings.Replace(frame, "%s", "word", 1))
		visible = strings.ReplaceAll(visible, "\u2060", "")
		if expect := strings.Replace(plain, "word", want, 1); want != "" && visible != expect {
			t.Errorf("%s: %q becomes %q and is seen as %q, want %q", name, in, got, visible, expect)
		}
		for _, kind := range []ast.NodeKind{
			ast.KindLink, ast.KindAutoLink, ast.KindImage, ast.KindRawHTML, ast.KindHTMLBlock, ast.KindEmphasis, ast.KindCodeSpan, ast.KindHeading,
			ast.KindList, ast.KindBlockquote, ast.KindThematicBreak, ast.KindFencedCodeBlock, ast.KindCodeBlock,
			extast.KindStrikethrough, extast.KindTable, extast.KindTableCell, extast.KindTaskCheckBox, extast.KindFootnoteLink,
		} {
			if want != "" && kinds[kind] != plainKinds[kind] {
				t.Errorf("%s: %q as %q has %d %s, want %d", name, in, got, kinds[kind], kind, plainKinds[kind])
			}
		}
	}
	if m := autolinks.FindString(unescape(got)); m != "" {
		t.Errorf("%q as %q still has %q", in, got, m)
	}
	if strings.Contains(got, "<") {
		t.Errorf("%q as %q has HTML", in, got)
	}
}

func checkCode(t *testing.T, in string) {
	t.Helper()
	got := report.Code(in)
	want := seen(in, 200)
	if want == "" || strings.Contains(want, "|") {
		checkText(t, in)
		return
	}
	for _, frame := range []string{"x %s y", "%s", "| h |\n|---|\n| %s |"} {
		visible, kinds := rendered(t, strings.Replace(frame, "%s", got, 1))
		plain, _ := rendered(t, strings.Replace(frame, "%s", "word", 1))
		visible = strings.ReplaceAll(visible, "\u2060", "")
		if expect := strings.Replace(plain, "word", want, 1); visible != expect {
			t.Errorf("%q becomes %q and is seen as %q, want %q", in, got, visible, expect)
		}
		if kinds[ast.KindCodeSpan] != 1 || kinds[ast.KindRawHTML]+kinds[ast.KindLink]+kinds[ast.KindEmphasis] != 0 {
			t.Errorf("%q as %q is %v", in, got, kinds)
		}
	}
	if strings.Contains(got, "<!-- kargo") {
		t.Errorf("%q as %q has our mark", in, got)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, in := range corpus {
		checkText(t, in)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for _, in := range corpus {
		checkCode(t, in)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range corpus {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkText(t, s)
		checkCode(t, s)
	})
}

func TestOrdinaryTextStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"web 1.9.2 → 1.9.3", "kargo/test/test-1", "a-b_c.d", "prod-142 is waiting: 1 of 2 approvals from ana", "snake_case",
		"verified in test and soaked there 1h: ready 2026-01-02 03:04 UTC", "it's \"quoted\" (really)", "ghcr.io/acme/web:1.9.3", "100% of 3/4, a+b=c!",
	} {
		if got := report.Text(s); got != s {
			t.Errorf("Text(%q) = %q", s, got)
		}
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ address, want string }{
		"https":                {"https://github.com/a/b/compare/v1...v2", "[compare](https://github.com/a/b/compare/v1...v2)"},
		"http on this machine": {"http://127.0.0.1:8080/a", "[compare](http://127.0.0.1:8080/a)"},
		"http elsewhere":       {"http://example.com", "compare"},
		"a script":             {"javascript:alert(1)", "compare"},
		"data":                 {"data:text/html,x", "compare"},
		"no host":              {"/a/b", "compare"},
		"a password":           {"https://user:pass@example.com", "compare"},
		"what closes the link": {"https://example.com/a)b(c", "[compare](https://example.com/a%29b%28c)"},
		"what ends a cell":     {"https://example.com/a|b", "[compare](https://example.com/a%7Cb)"},
		"what breaks the line": {"https://example.com/a\nb", "compare"},
		"space":                {"https://example.com/a b", "[compare](https://example.com/a%20b)"},
		"nothing":              {"", "compare"},
	}
	for name, tt := range tests {
		if got := report.Link("compare", tt.address); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
	if got, want := report.Link("a]b", "https://example.com"), `[a\]b](https://example.com)`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzLink(f *testing.F) {
	f.Add("a", "https://example.com/(x)")
	f.Add("](", "https://example.com/|")
	f.Add("x", "https://[::1]/\"'")
	f.Fuzz(func(t *testing.T, label, address string) {
		got := report.Link(label, address)
		_, kinds := rendered(t, "| a | b |\n|---|---|\n| "+got+" | x |\n")
		if kinds[extast.KindTableCell] != 4 || kinds[ast.KindLink] > 1 || kinds[ast.KindRawHTML]+kinds[ast.KindImage] > 0 {
			t.Errorf("Link(%q, %q) = %q becomes %v", label, address, got, kinds)
		}
		if strings.HasPrefix(got, "[") && kinds[ast.KindLink] == 0 && label != "" {
			if seen(label, 500) != "" && strings.Contains(got, "](") && !strings.HasPrefix(got, `[\`) && regexp.MustCompile(`^\[[a-z]+\]\(`).MatchString(got) {
				t.Errorf("Link(%q, %q) = %q is no link", label, address, got)
			}
		}
	})
}

// TestTextBreaksNamesOfCommitsOnly: GitHub links 7 to 40 hexadecimal digits that are a
// word of their own, and nothing else that contains some.
func TestTextBreaksNamesOfCommitsOnly(t *testing.T) {
	t.Parallel()
	const joiner = "\u2060"
	digits := strings.Repeat("0123456789abcdef", 5)
	for s, broken := range map[string]bool{
		"succeeded": false, "prod-1 succeeded": false, "beefed": false, "feedface0g": false, "v1234567x": false,
		"c0ffee": false, "c0ffee0": true, "C0FFEE0": true, "defaced": true, "1234567": true, "(c0ffee0)": true, "x-c0ffee0": true,
		"x_c0ffee0": true, "acme/app/c0ffee0": true, "c0ffee0.": true, "日c0ffee0": true, "c0ffee0日": true,
		digits[:40]: true, digits[:41]: false, "sha256:" + digits[:64]: false,
	} {
		if got := strings.Contains(report.Text(s), joiner); got != broken {
			t.Errorf("%q: broken is %v, want %v", s, got, broken)
		}
	}
	for _, part := range regexp.MustCompile("[0-9a-f]+").FindAllString(report.Text(digits[:40]), -1) {
		if len(part) > 6 {
			t.Errorf("%q is left in one piece", part)
		}
	}
}

package command_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers/command"
)

var fenceMarks = regexp.MustCompile("`+|~+")

// fenced wraps a text in a fence that nothing in it can close.
func fenced(body, mark string) string {
	longest := 2
	for _, run := range fenceMarks.FindAllString(body, -1) {
		longest = max(longest, len(run))
	}
	fence := strings.Repeat(mark, longest+1)
	return fence + "\n" + body + "\n" + fence + "\n"
}

// prefixed puts a prefix before every line.
func prefixed(body, prefix string) string {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body)
	return prefix + strings.ReplaceAll(body, "\n", "\n"+prefix)
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/promote prod", "/promote prod eu web@1.9.3 --dry-run --downstream -- because\r\n/kargo status\r\n",
		"/kargo freeze --until=24h -- sale", "/kargo approve prod --bypass -- x", "/kargo create a@1 b@sha256:c", "/kargo create --warehouse=shop/web ghcr.io/a/b:1.2@sha256:c localhost:5000/d:1", "/kargo retry a/b-2 --from-start",
		"> q\n/promote prod", "```\n/promote prod\n```\n/kargo help", "<pre>\n/promote prod\n</pre>", "<!-- \n/kargo abort\n-->",
		"/pr\u043emote prod", "\u200b/kargo help", "/kargo hodl x", "- a\n/promote x\n---", "a `b\n/promote c\n` d", "/promote [a](b)\n\n[a]: /promote",
		"*x\n/promote prod*", "&lt;\n/kargo why prod deadbeef", "\x00\n/promote p", "|a|\n|-|\n/promote p", "/promote p -- `x` <code>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 4096 {
			return
		}
		checkResult(t, body)
	})
}

func checkResult(t *testing.T, body string) {
	t.Helper()
	r := command.Parse(body)
	if len(r.Commands) > 0 && len(r.Problems) > 0 || (r.Err() != nil) != (len(r.Problems) > 0) {
		t.Fatalf("%q: both commands and problems: %+v", body, r)
	}
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(body), "\n")
	for _, c := range r.Commands {
		if !strings.HasPrefix(lines[c.Line-1], "/") {
			t.Errorf("%q: line %d is no command", body, c.Line)
		}
		want := c
		want.Line = 1
		if diff := cmp.Diff(command.Result{Commands: []command.Command{want}}, command.Parse(c.String())); diff != "" {
			t.Errorf("%q: %q parses differently (-first +again):\n%s", body, c, diff)
		}
	}
	for _, p := range r.Problems {
		if p.Line < 1 || p.Line > len(lines) || !utf8.ValidString(p.Message+p.Hint) || strings.ContainsAny(p.Message+p.Hint, "\n\r") {
			t.Errorf("%q: bad problem %+v", body, p)
		}
		for _, text := range []string{p.Message, p.Hint} {
			outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")
			if strings.ContainsAny(outside, "`@#<>[]*_") {
				t.Errorf("%q: %q lets a stranger's text out of its code span", body, text)
			}
		}
	}
	for name, hidden := range map[string]string{
		"backtick fence": fenced(body, "`"),
		"tilde fence":    fenced(body, "~"),
		"quotation":      prefixed(body, "> "),
		"deep quotation": prefixed(body, ">> "),
		"indented code":  "\n" + prefixed(body, "    "),
		"mid line":       prefixed(body, "x "),
	} {
		if r := command.Parse(hidden); len(r.Commands)+len(r.Problems) > 0 {
			t.Errorf("in a %s: %q gives %+v", name, hidden, r)
		}
	}
}

package cli

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"text stays", "Größe → 5 µm 👍", "Größe → 5 µm 👍"},
		{"no-break space stays", "a\u00a0b", "a\u00a0b"},
		{"escape sequences", "a\x1b[2Jb", `a\x1b[2Jb`},
		{"line ends and tabs", "a\r\n\tb", `a\x0d\x0a\x09b`},
		{"C1 controls", "a\u009bb", `a\u009bb`},
		{"delete", "a\x7f", `a\x7f`},
		{"reordering", "a\u202eb\u2066c", `a\u202eb\u2066c`},
		{"line separators", "a\u2028b", `a\u2028b`},
		{"what is no text", "a\xffb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := printable(tt.in); got != tt.want {
				t.Errorf("printable(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestPrintableTextKeepsLinesAndTabs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"lines and tabs", "a\tb\nc\n", "a\tb\nc\n"},
		{"windows line ends", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"a bare carriage return would overwrite the line", "a\rb\n", "a\\x0db\n"},
		{"also at the very end", "a\nb\r", "a\nb\\x0d"},
		{"no line end at the end", "a", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := printableText(tt.in); got != tt.want {
				t.Errorf("printableText(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzPrintableText(f *testing.F) {
	for _, s := range []string{"", "a\r\n", "\x1b]0;x\a", "\u202e", "\xff\xfe\n\t", "a\v\fb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := printableText(s)
		rest := strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(got)
		if strings.IndexFunc(rest, hidden) >= 0 {
			t.Errorf("printableText(%q) = %q still holds what drives a terminal", s, got)
		}
		if strings.Count(got, "\n") != strings.Count(s, "\n") {
			t.Errorf("printableText(%q) = %q has other lines", s, got)
		}
	})
}

func TestAlign(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := align(&b, "head\n  a\tlong\t\n  bcd\tx\ty\ntail\n"); err != nil {
		t.Fatal(err)
	}
	if want := "head\n  a    long\n  bcd  x     y\ntail\n"; b.String() != want {
		t.Errorf("align = %q, want %q", b.String(), want)
	}
}

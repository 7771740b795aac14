package pipeline_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestParseMailAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]mail.Address{
		"ana@acme.dev":               {Address: "ana@acme.dev"},
		"Ana <ana+ops@acme.dev>":     {Name: "Ana", Address: "ana+ops@acme.dev"},
		`"Zoë, of ops" <z@acme.dev>`: {Name: "Zoë, of ops", Address: "z@acme.dev"},
	} {
		if got, err := pipeline.ParseMailAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "ana", "ana@", "@acme.dev", "a@b.c, d@e.f", "a@b.c\n", "a@b.c\r\nBcc: x@y.z", "a\x00@b.c", `"a b"@b.c`, "zoë@b.c", "a@bücher.example",
		"=?utf-8?q?a=0D=0AB?= <a@b.c>", strings.Repeat("a", 600) + "@b.c",
	} {
		if got, err := pipeline.ParseMailAddress(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func FuzzParseMailAddress(f *testing.F) {
	for _, seed := range []string{"ana@acme.dev", "Ana <a@b.c>", `"a\"b" <a@b.c>`, "=?utf-8?q?=0A?= <a@b.c>", "a@b.c (comment)", "a@[127.0.0.1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := pipeline.ParseMailAddress(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String()+a.Address, "\r\n\x00") || strings.ContainsAny(a.Address, " <>\"") {
			t.Fatalf("%q is %q", text, a.String())
		}
		if again, err := pipeline.ParseMailAddress(a.String()); err != nil || again != a {
			t.Fatalf("%q is printed as %q, which is %+v, %v", text, a.String(), again, err)
		}
	})
}

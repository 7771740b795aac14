package command_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/handlers/command"
)

// BenchmarkParse reads the usual comment, one without a command for us, a short
// one with one, and the largest that GitHub takes.
func BenchmarkParse(b *testing.B) {
	for name, body := range map[string]string{
		"none":  strings.Repeat("Looks *good* to me, `thanks`.\n\n", 20),
		"short": "Looks good, thanks!\n\n/promote prod web@1.9.3 -- release day\n",
		"large": strings.Repeat("Looks *good* to me, `thanks`.\n\n", 2000) + "/promote prod\n",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				command.Parse(body)
			}
		})
	}
}

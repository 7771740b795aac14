package kargofile_test

import (
	"os"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"smallest", "canonical"} {
		b.Run(name, func(b *testing.B) {
			src, err := os.ReadFile("testdata/good/" + name + ".yaml")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if f, problems := kargofile.Parse(src, kargofile.Options{}); f == nil {
					b.Fatal(problems)
				}
			}
		})
	}
}

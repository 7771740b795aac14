package kargofile_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

func BenchmarkParse(b *testing.B) {
	sources := map[string][]byte{"stages-5000": manyStages(5000)}
	for _, name := range []string{"smallest", "canonical"} {
		src, err := os.ReadFile("testdata/good/" + name + ".yaml")
		if err != nil {
			b.Fatal(err)
		}
		sources[name] = src
	}
	for name, src := range sources {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f, problems := kargofile.Parse(src, kargofile.Options{}); f == nil {
					b.Fatal(problems)
				}
			}
		})
	}
}

// manyStages is a file with Stages in chains of five behind one Warehouse.
func manyStages(n int) []byte {
	var b strings.Builder
	b.WriteString(oneWarehouse + "stages:\n")
	for i := range n {
		from := "web"
		if i%5 > 0 {
			from = fmt.Sprintf("s%d", i-1)
		}
		fmt.Fprintf(&b, "  - {name: s%d, from: %s, autoPromote: true, update: [{image: ghcr.io/acme/web, kustomize: env/s%d}]}\n",
			i, from, i)
	}
	return []byte(b.String())
}

func TestThousandsOfStagesAreOneFile(t *testing.T) {
	t.Parallel()
	f, problems := kargofile.Parse(manyStages(5000), kargofile.Options{})
	if f == nil || len(f.Pipeline.Stages) != 5000 {
		t.Fatal(problems.Error()[:min(500, len(problems.Error()))])
	}
}

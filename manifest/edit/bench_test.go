package edit_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/kargo-app/kargo/manifest/edit"
)

// largeValues is a values file of about 5,000 lines.
func largeValues() []byte {
	var b bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&b, `service%d: # owned by team %d
  image:
    repository: ghcr.io/acme/service%d
    tag: "1.%d.0"
  replicas: %d
  env:
    - name: LOG_LEVEL
      value: info
  resources: {cpu: 100m, memory: 64Mi}

`, i, i%7, i, i, i%5)
	}
	return b.Bytes()
}

// BenchmarkSetYAML sets one key in 5,000 lines. The goal is well under 20 ms.
func BenchmarkSetYAML(b *testing.B) {
	src := largeValues()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := edit.SetYAML(src, []edit.Update{{Key: "service400.image.tag", Value: "2.0.0"}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetYAML(b *testing.B) {
	src := largeValues()
	for b.Loop() {
		if _, err := edit.GetYAML(src, "service400.image.tag"); err != nil {
			b.Fatal(err)
		}
	}
}

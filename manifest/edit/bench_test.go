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

// largeDocument is a file of about 5,000 lines, made of 500 services.
func largeDocument(service, between string) []byte {
	var b bytes.Buffer
	for i := range 500 {
		if i > 0 {
			b.WriteString(between)
		}
		fmt.Fprintf(&b, service, i)
	}
	return b.Bytes()
}

func benchmarkSet(b *testing.B, src []byte, key string, set func([]byte, []edit.Update) ([]byte, []edit.Change, error)) {
	b.Helper()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := set(src, []edit.Update{{Key: key, Value: "2.0.0"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSetJSON sets one key in 5,000 lines.
func BenchmarkSetJSON(b *testing.B) {
	src := largeDocument(`  "service%[1]d": {
    "image": {
      "repository": "ghcr.io/acme/service%[1]d",
      "tag": "1.%[1]d.0"
    },
    "replicas": %[1]d,
    "env": [
      {"name": "LOG_LEVEL", "value": "info"}
    ]
  }`, ",\n")
	src = append(append([]byte("{\n"), src...), "\n}\n"...)
	benchmarkSet(b, src, "service400.image.tag", edit.SetJSON)
}

// BenchmarkSetTOML sets one key in 5,000 lines.
func BenchmarkSetTOML(b *testing.B) {
	src := largeDocument(`[service%[1]d] # owned by a team
replicas = %[1]d
resources = {cpu = "100m", memory = "64Mi"}

[service%[1]d.image]
repository = "ghcr.io/acme/service%[1]d"
tag = "1.%[1]d.0"

[[service%[1]d.env]]
name = "LOG_LEVEL"
`, "")
	benchmarkSet(b, src, "service400.image.tag", edit.SetTOML)
}

// BenchmarkSetHCL sets one key in 5,000 lines.
func BenchmarkSetHCL(b *testing.B) {
	src := largeDocument(`module "service%[1]d" { # owned by a team
  source   = "./service"
  replicas = %[1]d
  image = {
    repository = "ghcr.io/acme/${var.prefix}%[1]d"
    tag        = "1.%[1]d.0"
  }
  env = ["LOG_LEVEL=info"]
}

`, "")
	benchmarkSet(b, src, "module.service400.image.tag", edit.SetHCL)
}

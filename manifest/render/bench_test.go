package render_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kargo-app/kargo/manifest/render"
)

// thousand is how many resources the benchmarks render.
const thousand = 1000

func BenchmarkKustomize1000(b *testing.B) {
	base := fstest.MapFS{"overlay/kustomization.yaml": {Data: []byte("namespace: prod\nnamePrefix: p-\nresources: [../base]\n")}}
	var list strings.Builder
	for i := range thousand {
		name := fmt.Sprintf("base/o%d.yaml", i)
		fmt.Fprintf(&list, "- o%d.yaml\n", i)
		base[name] = &fstest.MapFile{Data: fmt.Appendf(nil, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: o%d}\ndata: {a: b}\n", i)}
	}
	base["base/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources:\n" + list.String())}
	b.ReportAllocs()
	for b.Loop() {
		built, err := render.Kustomize(b.Context(), base, render.Kustomization{Dir: "overlay"})
		if err != nil || len(built.Objects) != thousand {
			b.Fatalf("%d objects, %v", len(built.Objects), err)
		}
	}
}

func BenchmarkHelm1000(b *testing.B) {
	content := files(chart("{{ range until 1000 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: o{{ . }}}\ndata: {a: {{ $.Release.Name }}}\n{{ end }}"))
	b.ReportAllocs()
	for b.Loop() {
		r, err := render.Helm(b.Context(), content, render.Template{Path: ".", ReleaseName: "r", Namespace: "n"})
		if err != nil || len(r.Documents) != thousand {
			b.Fatalf("%d documents, %v", len(r.Documents), err)
		}
	}
}

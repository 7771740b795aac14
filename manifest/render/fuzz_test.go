package render_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kargo-app/kargo/manifest/render"
)

// watched fails the test when a path is asked for that is not one of the workspace.
type watched struct {
	fstest.MapFS
	t *testing.T
}

func (w watched) check(name string) {
	w.t.Helper()
	if !fs.ValidPath(name) {
		w.t.Errorf("asked for %q", name)
	}
}

func (w watched) Open(name string) (fs.File, error) { w.check(name); return w.MapFS.Open(name) }

func (w watched) ReadFile(name string) ([]byte, error) { w.check(name); return w.MapFS.ReadFile(name) }

func (w watched) Stat(name string) (fs.FileInfo, error) { w.check(name); return w.MapFS.Stat(name) }

func (w watched) ReadDir(name string) ([]fs.DirEntry, error) {
	w.check(name)
	return w.MapFS.ReadDir(name)
}

// Whatever a kustomization says, nothing outside is read and no name of a file leads
// out of its directory.
func FuzzKustomize(f *testing.F) {
	for _, a := range corpus(f, "kustomize") {
		content := a.fs()
		for _, name := range []string{"kustomization.yaml", a.dir + "/kustomization.yaml"} {
			if k := content[name]; k != nil {
				f.Add(string(k.Data), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
			}
		}
	}
	f.Add("resources: [../../x, /etc/passwd]", "a: *a")
	f.Add("configMapGenerator: [{name: a, files: [../o.yaml]}]", "x")
	f.Fuzz(func(t *testing.T, kustomization, object string) {
		if len(kustomization)+len(object) > 4<<10 {
			return
		}
		b, err := render.Kustomize(t.Context(), watched{files(map[string]string{
			"app/kustomization.yaml": kustomization, "app/o.yaml": object, "o.yaml": object,
		}), t}, render.Kustomization{Dir: "app"})
		if err != nil {
			return
		}
		for _, naming := range []render.Naming{render.KargoNaming, render.KustomizeNaming} {
			out, err := b.Files(naming)
			for name := range out {
				if err == nil && strings.ContainsAny(name, "/\\\x00") {
					t.Errorf("file %q", name)
				}
			}
		}
	})
}

// Whatever a chart says, nothing outside is read and no file leads out.
func FuzzHelm(f *testing.F) {
	f.Add("name: c\nversion: 1.0.0\napiVersion: v2\n", "a: {{ .Values.x }}", "x: 1")
	f.Add("name: ../c\nversion: 1.0.0\napiVersion: v2\n", "kind: A\nmetadata: {name: ../../x}", "{}")
	f.Add("name: c\nversion: 1.0.0\napiVersion: v2\ndependencies: [{name: d, version: 1, repository: 'file://../../d'}]", "{{ .Files.Get \"../../x\" }}", "a: &a [*a]")
	f.Fuzz(func(t *testing.T, meta, template, values string) {
		// Templates are programs; what they cost is bounded elsewhere.
		if len(meta)+len(template)+len(values) > 2<<10 || strings.Contains(template, "range") || strings.Contains(template, "repeat") {
			return
		}
		r, err := render.Helm(t.Context(), watched{files(map[string]string{
			"c/Chart.yaml": meta, "c/templates/a.yaml": template, "c/values.yaml": values,
		}), t}, render.Template{Path: "c", ReleaseName: "r", Namespace: "n"})
		if err != nil {
			return
		}
		byTemplate, err := r.ByTemplate("r")
		for name := range byTemplate {
			if err == nil && !fs.ValidPath(name) {
				t.Errorf("file %q", name)
			}
		}
		byObject, err := r.ByObject()
		for name := range byObject {
			if err == nil && strings.ContainsAny(name, "/\\\x00") {
				t.Errorf("file %q", name)
			}
		}
	})
}

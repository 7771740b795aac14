package render_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/cli/values"
	"helm.sh/helm/v3/pkg/release"

	"github.com/kargo-app/kargo/manifest/render"
)

// settings are the ways in which every chart of the corpus is rendered.
func settings() map[string]render.Template {
	return map[string]render.Template{
		"plain":  {},
		"values": {ValuesFiles: []string{"prod.yaml", "image.yaml"}},
		"set": {
			ValuesFiles: []string{"image.yaml"},
			Set: []render.SetValue{
				{Key: "replicas", Value: "7,image.tag=1e3"},
				{Key: "extra", Value: "{a,b}"},
				{Key: "nothing", Value: "null"},
				{Key: "image.tag", Value: `lit,eral=x`, Literal: true},
				{Key: "list[1]", Value: "true"},
			},
		},
		"cluster":  {KubeVersion: "1.31.2", APIVersions: []string{"acme.dev/v1/App"}, IncludeCRDs: true},
		"no tests": {SkipTests: true},
		"no hooks": {DisableHooks: true, IncludeCRDs: true},
	}
}

// official renders with Helm's own install action, as the helm command does.
func official(t *testing.T, root, dir string, s render.Template, outDir string) []byte {
	t.Helper()
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.DryRun, install.DryRunOption, install.ClientOnly, install.Replace = true, "client", true, true
	install.ReleaseName, install.Namespace = "rel", "ns"
	install.IncludeCRDs, install.APIVersions, install.OutputDir = s.IncludeCRDs, s.APIVersions, outDir
	kube := s.KubeVersion
	if kube == "" {
		kube = render.KubeVersion
	}
	version, err := chartutil.ParseKubeVersion(kube)
	if err != nil {
		t.Fatal(err)
	}
	install.KubeVersion = version
	var options values.Options
	for _, f := range s.ValuesFiles {
		options.ValueFiles = append(options.ValueFiles, filepath.Join(root, f))
	}
	for _, v := range s.Set {
		if v.Literal {
			options.LiteralValues = append(options.LiteralValues, v.Key+"="+v.Value)
		} else {
			options.Values = append(options.Values, v.Key+"="+v.Value)
		}
	}
	vals, err := options.MergeValues(nil)
	if err != nil {
		t.Fatal(err)
	}
	chrt, err := loader.Load(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	rel, err := install.RunWithContext(t.Context(), chrt, vals)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	fmt.Fprintln(&out, strings.TrimSpace(rel.Manifest))
	for _, h := range rel.Hooks {
		if s.DisableHooks || s.SkipTests && slices.Contains(h.Events, release.HookTest) {
			continue
		}
		fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", h.Path, h.Manifest)
	}
	return out.Bytes()
}

func ours(t *testing.T, a archive, s render.Template) render.Release {
	t.Helper()
	s.Path, s.ReleaseName, s.Namespace = a.dir, "rel", "ns"
	got, err := render.Helm(t.Context(), a.fs(), s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestHelmEqualsHelm(t *testing.T) {
	t.Parallel()
	for name, a := range corpus(t, "helm") {
		for setting, s := range settings() {
			t.Run(name+"/"+setting, func(t *testing.T) {
				t.Parallel()
				want := official(t, a.write(t), a.dir, s, "")
				if diff := cmp.Diff(string(want), string(ours(t, a, s).Manifest())); diff != "" {
					t.Errorf("output (-helm +ours):\n%s", diff)
				}
				if len(want) < 50 {
					t.Errorf("the chart renders nothing: %q", want)
				}
			})
		}
	}
}

func TestFilesByTemplateEqualHelms(t *testing.T) {
	t.Parallel()
	for name, a := range corpus(t, "helm") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := render.Template{IncludeCRDs: true, DisableHooks: true}
			dir := t.TempDir()
			official(t, a.write(t), a.dir, s, dir)
			want := map[string]string{}
			err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				data, err := os.ReadFile(p)
				rel, _ := filepath.Rel(dir, p)
				want[filepath.ToSlash(rel)] = string(data)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			files, err := ours(t, a, s).ByTemplate("")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for p, data := range files {
				got[p] = string(data)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("files (-helm +ours):\n%s", diff)
			}
		})
	}
}

func TestFilesByObject(t *testing.T) {
	t.Parallel()
	a := corpus(t, "helm")["order"]
	got, err := ours(t, a, render.Template{}).ByObject()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"acme_dev-unknown-u.yaml", "apps-deployment-d.yaml", "configmap-h2.yaml", "configmap-text.yaml", "namespace-n.yaml",
		"secret-h1.yaml", "secret-json.yaml", "service-s.yaml", "serviceaccount-sa.yaml",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// chart returns the files of a chart with one template.
func chart(template string) map[string]string {
	return map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "templates/a.yaml": template}
}

func TestHelmExplainsFailures(t *testing.T) {
	t.Parallel()
	with := func(base map[string]string, more ...string) map[string]string {
		out := maps.Clone(base)
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	meta := "apiVersion: v2\nname: c\nversion: 1.0.0\n"
	for rule, c := range map[string]struct {
		files map[string]string
		t     render.Template
		want  string
	}{
		"a missing dependency":         {with(chart("a: b"), "Chart.yaml", meta+"dependencies: [{name: db, version: 1.0.0, repository: https://x}]"), render.Template{}, "missing in charts/: db"},
		"a library":                    {with(chart("a: b"), "Chart.yaml", meta+"type: library"), render.Template{}, "library"},
		"a wrong cluster":              {with(chart("a: b"), "Chart.yaml", meta+"kubeVersion: '>=1.99'"), render.Template{}, "requires Kubernetes >=1.99"},
		"a version that is none":       {chart("a: b"), render.Template{KubeVersion: "new"}, "kubeVersion"},
		"a missing values file":        {chart("a: b"), render.Template{ValuesFiles: []string{"v.yaml"}}, "values file v.yaml"},
		"values outside of the schema": {with(chart("a: b"), "values.schema.json", `{"required": ["x"]}`), render.Template{}, "schema"},
		"a schema from elsewhere":      {with(chart("a: b"), "values.schema.json", `{"$ref": "http://127.0.0.1:1/x.json"}`), render.Template{}, "nothing is read from elsewhere"},
		"a schema from the disk":       {with(chart("a: b"), "values.schema.json", `{"$ref": "file:///etc/passwd"}`), render.Template{}, "nothing is read from elsewhere"},
		"fail":                         {chart(`{{ fail "on purpose" }}`), render.Template{}, "on purpose"},
		"broken YAML":                  {chart("a: [b"), render.Template{}, "YAML parse error"},
		"a broken template":            {chart("{{ .X"), render.Template{}, "c/templates/a.yaml"},
		"endless recursion":            {chart(`{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}`), render.Template{}, "nested reference name"},
		"a bad release name":           {chart("a: b"), render.Template{ReleaseName: "A B"}, "release name"},
		"a bad set":                    {chart("a: b"), render.Template{Set: []render.SetValue{{Key: "a[b", Value: "c"}}}, "set a[b"},
		"no chart":                     {map[string]string{"x": ""}, render.Template{}, "Chart.yaml"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			c.t.Path, c.t.Namespace = ".", "ns"
			if c.t.ReleaseName == "" {
				c.t.ReleaseName = "rel"
			}
			if _, err := render.Helm(t.Context(), files(c.files), c.t); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestMissingValuesFilesCanBeIgnored(t *testing.T) {
	t.Parallel()
	content := chart("a: {{ .Values.x }}")
	content["b.yaml"] = "x: found"
	r, err := render.Helm(t.Context(), files(content), render.Template{
		Path: ".", ReleaseName: "rel", Namespace: "ns", ValuesFiles: []string{"none.yaml", "b.yaml"}, IgnoreMissingValuesFiles: true,
	})
	if err != nil || !strings.Contains(string(r.Manifest()), "a: found") {
		t.Errorf("%v: %s", err, r.Manifest())
	}
}

func TestDefaultKubeVersionIsThatOfTheLibraries(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", "k8s.io/client-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimSpace(string(out)), ".")
	if want := "v1." + parts[1] + ".0"; want != render.KubeVersion {
		t.Errorf("KubeVersion is %s, want %s", render.KubeVersion, want)
	}
}

func TestMissingDependenciesCanBeToldApart(t *testing.T) {
	t.Parallel()
	content := chart("a: b")
	content["Chart.yaml"] += "dependencies: [{name: db, version: 1.0.0}]\n"
	_, err := render.Helm(t.Context(), files(content), render.Template{Path: ".", ReleaseName: "rel"})
	var missing *render.MissingDependenciesError
	if !errors.As(err, &missing) || !slices.Equal(missing.Names, []string{"db"}) {
		t.Errorf("error %v", err)
	}
}

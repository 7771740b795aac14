package step_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step/steptest"
)

const (
	sourcesURL = "https://github.com/acme/sources.git"
	chartRepo  = "https://charts.example.com"
)

// umbrella is a chart with dependencies of every kind.
const umbrella = `apiVersion: v2
name: all
version: 1.0.0
dependencies:
  - name: db   # the database
    version: "^1.0.0" # a range
    repository: https://charts.example.com
  - {name: cache, version: 0.3.0, repository: oci://registry.example.com/charts}
  - {name: web, version: 1.x, repository: "file://../web"}
`

// addSources adds what there is to render, and charts to pull.
func addSources(w *steptest.World) {
	w.Repository(sourcesURL)
	w.Write(sourcesURL, "main", "start", map[string]string{
		"env/app/kustomization.yaml":  "namePrefix: prod-\nresources: [app.yaml]\n",
		"env/app/app.yaml":            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n",
		"charts/all/Chart.yaml":       umbrella,
		"charts/web/Chart.yaml":       "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"charts/web/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}\ndata: {tag: {{ .Values.tag | quote }}}\n",
	})
	w.Charts.Add(chartRepo, "db", "1.2.0", nil)
	w.Charts.Add(chartRepo, "db", "1.4.0", nil)
	w.Charts.Add("oci://registry.example.com/charts", "cache", "0.3.0", nil)
}

// sources checks them out at src.
func sources() pipeline.StepSpec {
	return use("git-clone", config{"repoURL": sourcesURL, "checkout": []any{config{"branch": "main", "path": "src"}}})
}

func TestKustomizeBuildWritesWhereItIsTold(t *testing.T) {
	t.Parallel()
	const object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: prod-app\n"
	for rule, c := range map[string]struct {
		config config
		want   map[string]string
	}{
		"a directory gets a file for each object": {
			config{"path": "src/env/app", "outPath": "out"},
			map[string]string{"out/configmap-prod-app.yaml": object},
		},
		"names can be those of kustomize": {
			config{"path": "src/env/app", "outPath": "out", "outputFormat": "kustomize"},
			map[string]string{"out/v1_configmap_prod-app.yaml": object},
		},
		"a YAML file gets everything": {
			config{"path": "src/env/app", "outPath": "out/all.yml"},
			map[string]string{"out/all.yml": object},
		},
		"an output path cannot leave the workspace": {
			config{"path": "../src/env/app", "outPath": "../../out/all.yaml"},
			map[string]string{"out/all.yaml": object},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sources(), use("kustomize-build", c.config))
			b.upTo(1)
			b.want(1, pipeline.Succeeded)
			if diff := cmp.Diff(c.want, b.files("out")); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHelmTemplateWritesWhereItIsTold(t *testing.T) {
	t.Parallel()
	object := func(namespace string) string {
		return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: " + namespace + "}\ndata: {tag: \"1.9.3\"}\n"
	}
	const source = "---\n# Source: web/templates/a.yaml\n"
	set := []any{config{"key": "tag", "value": "1.9.3", "literal": true}}
	for rule, c := range map[string]struct {
		config config
		want   map[string]string
	}{
		"a directory gets a file for each template": {
			config{"outPath": "out"}, map[string]string{"out/web/templates/a.yaml": source + object("web")},
		},
		"the release's name can be a directory": {
			config{"outPath": "out", "useReleaseName": true},
			map[string]string{"out/web/web/templates/a.yaml": source + object("web")},
		},
		"the flat layout has a file for each object": {
			config{"outPath": "out", "outLayout": "flat", "namespace": "prod"},
			map[string]string{"out/configmap-prod-web.yaml": "# Source: web/templates/a.yaml\n" + object("prod")},
		},
		"a YAML file gets everything": {
			config{"outPath": "out/all.yaml"}, map[string]string{"out/all.yaml": source + object("web")},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			c.config["path"], c.config["releaseName"], c.config["setValues"] = "src/charts/web", "web", set
			b := newBench(t, sources(), use("helm-template", c.config))
			b.upTo(1)
			b.want(1, pipeline.Succeeded)
			if diff := cmp.Diff(c.want, b.files("out")); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRenderingSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		uses   string
		config config
		phase  pipeline.Phase
		want   string
	}{
		"no kustomization": {
			"kustomize-build", config{"path": "src/env/none", "outPath": "out"}, pipeline.Errored, "src/env/none",
		},
		"no chart": {
			"helm-template", config{"path": "src/env/none", "outPath": "out", "releaseName": "x"}, pipeline.Errored, "src/env/none",
		},
		"a values file that is missing": {
			"helm-template",
			config{"path": "src/charts/web", "outPath": "out", "releaseName": "x", "valuesFiles": []any{"src/no.yaml"}},
			pipeline.Errored, "values file src/no.yaml",
		},
		"an unknown layout": {
			"helm-template",
			config{"path": "src/charts/web", "outPath": "out", "releaseName": "x", "outLayout": "tree"},
			pipeline.Failed, "expected helm or flat",
		},
		"an unknown format": {
			"kustomize-build",
			config{"path": "src/env/app", "outPath": "out", "outputFormat": "tree"},
			pipeline.Failed, "expected kargo or kustomize",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sources(), use(c.uses, c.config))
			b.upTo(1)
			if res := b.want(1, c.phase); !strings.Contains(res.Message, c.want) {
				t.Errorf("message %q, want %q in it", res.Message, c.want)
			}
		})
	}
}

package step_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

func updateChart(charts ...any) pipeline.StepSpec {
	c := config{"path": "src/charts/all"}
	if len(charts) > 0 {
		c["charts"] = charts
	}
	return use("helm-update-chart", c)
}

func TestHelmUpdateChartResolvesRanges(t *testing.T) {
	t.Parallel()
	b := newBench(t, sources(), updateChart(), updateChart())
	b.upTo(1)
	b.want(1, pipeline.Succeeded)
	want := step.HelmUpdateChartOutput{
		CommitMessage: "Updated chart dependencies for src/charts/all\n\n- cache: 0.3.0\n- db: 1.4.0\n- web: 1.0.0",
		Dependencies: []step.ChartDependency{
			{Name: "db", Repository: chartRepo, Version: "1.4.0"},
			{Name: "cache", Repository: "oci://registry.example.com/charts", Version: "0.3.0"},
			{Name: "web", Repository: "file://../web", Version: "1.0.0"},
		},
	}
	if diff := cmp.Diff(want, output[step.HelmUpdateChartOutput](b, 1)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	got := b.files("src/charts/all")
	names := []string{
		"src/charts/all/Chart.lock", "src/charts/all/Chart.yaml", "src/charts/all/charts/cache-0.3.0.tgz",
		"src/charts/all/charts/db-1.4.0.tgz", "src/charts/all/charts/web-1.0.0.tgz",
	}
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got["src/charts/all/Chart.yaml"] != umbrella {
		t.Errorf("Chart.yaml changed:\n%s", got["src/charts/all/Chart.yaml"])
	}

	// A lock that says the same stays, byte for byte, and nothing is told.
	lock := "# kept\n" + got["src/charts/all/Chart.lock"]
	if err := b.ws.WriteFile(t.Context(), "src/charts/all/Chart.lock", []byte(lock), 0); err != nil {
		t.Fatal(err)
	}
	b.want(2, pipeline.Succeeded)
	if again := b.files("src/charts/all"); again["src/charts/all/Chart.lock"] != lock {
		t.Errorf("the lock was written again:\n%s", again["src/charts/all/Chart.lock"])
	}
	if out := output[step.HelmUpdateChartOutput](b, 2); out.CommitMessage != "" {
		t.Errorf("message %q", out.CommitMessage)
	}
}

func TestHelmUpdateChartSetsVersionsAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBench(t, sources(), updateChart(), updateChart(config{"repository": chartRepo, "name": "db", "version": "1.2.0"}))
	b.upTo(2)
	b.want(2, pipeline.Succeeded)
	files := b.files("src/charts/all")
	if want := strings.Replace(umbrella, "^1.0.0", "1.2.0", 1); files["src/charts/all/Chart.yaml"] != want {
		t.Errorf("Chart.yaml:\n%s", files["src/charts/all/Chart.yaml"])
	}
	if _, stays := files["src/charts/all/charts/db-1.4.0.tgz"]; stays || files["src/charts/all/charts/db-1.2.0.tgz"] == "" {
		t.Errorf("archives %v", slices.Sorted(maps.Keys(files)))
	}
	want := "Updated chart dependencies for src/charts/all\n\n- db: 1.4.0 -> 1.2.0"
	if got := output[step.HelmUpdateChartOutput](b, 2).CommitMessage; got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func TestHelmUpdateChartReplaysWhatItResolved(t *testing.T) {
	t.Parallel()
	b := newBench(t, sources(), updateChart(), use("fail", config{}))
	b.upTo(2)
	want := b.files("src/charts/all")
	b.world.Charts.Add(chartRepo, "db", "1.5.0", nil)
	b.crash(2)
	if diff := cmp.Diff(want, b.files("src/charts/all")); diff != "" {
		t.Errorf("the replay resolved again (-before +after):\n%s", diff)
	}
}

func TestHelmUpdateChartExplainsFailures(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: v2\nname: all\nversion: 1.0.0\n"
	for rule, c := range map[string]struct {
		chart string
		set   []any
		want  string
	}{
		"no dependencies":        {head, nil, "declares no dependencies"},
		"another repository":     {umbrella, []any{config{"repository": chartRepo + "/", "name": "db", "version": "1"}}, "exactly as they are written"},
		"no such version":        {umbrella, []any{config{"repository": chartRepo, "name": "db", "version": "^2"}}, "none of the 2 versions"},
		"a version that is none": {umbrella, []any{config{"repository": chartRepo, "name": "db", "version": "x y"}}, "x y"},
		"a path outside":         {head + "dependencies: [{name: web, version: 1.x, repository: 'file://../../../../etc'}]\n", nil, "of the workspace"},
		"an absolute path":       {head + "dependencies: [{name: web, version: 1.x, repository: 'file:///etc'}]\n", nil, "relative path"},
		"a local alias":          {head + "dependencies: [{name: web, version: 1.x, repository: '@stable'}]\n", nil, "write its address"},
		"another chart":          {head + "dependencies: [{name: other, version: 1.x, repository: 'file://../web'}]\n", nil, `is called "web"`},
		"a local version":        {head + "dependencies: [{name: web, version: ^2, repository: 'file://../web'}]\n", nil, "has version 1.0.0, wanted is ^2"},
		"no repository":          {head + "dependencies: [{name: web, version: 1.x}]\n", nil, "there is no charts/web"},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sources(), updateChart(c.set...))
			b.upTo(1)
			if err := b.ws.WriteFile(t.Context(), "src/charts/all/Chart.yaml", []byte(c.chart), 0); err != nil {
				t.Fatal(err)
			}
			if res := b.want(1, pipeline.Errored); !strings.Contains(res.Message, c.want) {
				t.Errorf("message %q, want %q in it", res.Message, c.want)
			}
			if got := b.files("src/charts/all"); len(got) != 1 || got["src/charts/all/Chart.yaml"] != c.chart {
				t.Errorf("files were written: %v", got)
			}
		})
	}
}

func TestEmptyListOfChartsIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, sources(), use("helm-update-chart", config{"path": "src/charts/all", "charts": []any{}}))
	b.upTo(1)
	if res := b.want(1, pipeline.Failed); !res.Terminal {
		t.Errorf("%s is not final", res.Message)
	}
}

func TestHelmTemplatePullsDependencies(t *testing.T) {
	t.Parallel()
	template := func(more config) pipeline.StepSpec {
		c := config{"path": "src/charts/all", "outPath": "out/all.yaml", "releaseName": "all"}
		maps.Copy(c, more)
		return use("helm-template", c)
	}
	b := newBench(t, sources(), template(nil), template(config{"buildDependencies": true}))
	b.world.Charts.Add(chartRepo, "db", "1.4.0", map[string]string{"templates/db.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\n"})
	b.upTo(1)
	if res := b.want(1, pipeline.Errored); !strings.Contains(res.Message, "buildDependencies") {
		t.Errorf("message %q", res.Message)
	}
	b.want(2, pipeline.Succeeded)
	if got := b.files("out")["out/all.yaml"]; !strings.Contains(got, "# Source: all/charts/db/templates/db.yaml") {
		t.Errorf("rendered:\n%s", got)
	}
	if got := b.files("src/charts/all"); len(got) != 1 {
		t.Errorf("files were written: %v", slices.Sorted(maps.Keys(got)))
	}
}

func TestKustomizeBuildInflatesCharts(t *testing.T) {
	t.Parallel()
	b := newBench(t, sources(), use("kustomize-build", config{"path": "k", "outPath": "out/all.yaml", "plugin": config{
		"helm": config{"kubeVersion": "1.29.0", "apiVersions": []any{"acme.dev/v1"}},
	}}))
	b.world.Charts.Add(chartRepo, "db", "1.4.0", map[string]string{
		"values.yaml":       "size: 1\n",
		"templates/db.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db, namespace: {{ .Release.Namespace }}}\ndata: {size: \"{{ .Values.size }}\", kube: {{ .Capabilities.KubeVersion }}}\n",
	})
	b.upTo(1)
	kustomization := "namespace: prod\nnamePrefix: x-\nhelmCharts:\n- {name: db, repo: " + chartRepo + ", version: 1.4.0, releaseName: r, valuesInline: {size: 9}}\n"
	if err := b.ws.WriteFile(t.Context(), "k/kustomization.yaml", []byte(kustomization), 0); err != nil {
		t.Fatal(err)
	}
	b.want(1, pipeline.Succeeded)
	want := "apiVersion: v1\ndata:\n  kube: v1.29.0\n  size: \"9\"\nkind: ConfigMap\nmetadata:\n  name: x-db\n  namespace: prod\n"
	if diff := cmp.Diff(want, b.files("out")["out/all.yaml"]); diff != "" {
		t.Errorf("built (-want +got):\n%s", diff)
	}
}

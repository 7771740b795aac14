package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/kargo-app/kargo/manifest/render"
)

// HelmTemplateConfig configures helm-template.
type HelmTemplateConfig struct {
	Path                    string         `json:"path" doc:"the chart: a directory or an archive"`
	OutPath                 string         `json:"outPath" doc:"where to write: one file if it ends in .yaml or .yml, else a directory"`
	OutLayout               string         `json:"outLayout,omitempty" doc:"files in a directory: helm (default) for one for each template, as helm template --output-dir writes them; flat for one for each object, [GROUP-]KIND-[NAMESPACE-]NAME.yaml"`
	ReleaseName             string         `json:"releaseName" doc:"name of the release"`
	UseReleaseName          bool           `json:"useReleaseName,omitempty" doc:"layout helm only: put a directory of the release's name around the templates"`
	Namespace               string         `json:"namespace,omitempty" doc:"namespace of the release; default the project, which is the pipeline"`
	ValuesFiles             []string       `json:"valuesFiles,omitempty" doc:"values files, later ones override earlier ones"`
	IgnoreMissingValueFiles bool           `json:"ignoreMissingValueFiles,omitempty" doc:"leave out values files that do not exist"`
	SetValues               []HelmSetValue `json:"setValues,omitempty" doc:"values that override those of files"`
	BuildDependencies       bool           `json:"buildDependencies,omitempty" doc:"pull dependencies that Chart.yaml declares and charts/ lacks; they are not written"`
	IncludeCRDs             bool           `json:"includeCRDs,omitempty" doc:"include the CRDs of the chart"`
	DisableHooks            bool           `json:"disableHooks,omitempty" doc:"leave out hooks"`
	SkipTests               bool           `json:"skipTests,omitempty" doc:"leave out hooks that are tests"`
	KubeVersion             string         `json:"kubeVersion,omitempty" doc:"Kubernetes version of the cluster; default the newest that is known, as for the helm command"`
	APIVersions             []string       `json:"apiVersions,omitempty" doc:"API versions of the cluster in addition to those that Kubernetes has"`
}

// HelmSetValue is one value.
type HelmSetValue struct {
	Key     string `json:"key" doc:"path of the value, as for helm --set"`
	Value   string `json:"value" doc:"the value, as for helm --set: true, null and numbers are what they look like, commas separate"`
	Literal bool   `json:"literal,omitempty" doc:"take the value as it stands, as for helm --set-literal; literal values win over the others"`
}

func helmTemplate() Definition {
	return Define("helm-template", Workspace, Doc{
		Summary: `Renders a Helm chart and writes the manifests, as ` + "`helm template`" + ` does; hooks come last.

Nothing is asked of a cluster: ` + "`lookup`" + ` finds nothing. A JSON schema of values may not
refer to one elsewhere. A dependency that Chart.yaml declares and charts/ lacks is an
error without ` + "`buildDependencies`" + `. Different from Kargo, ` + "`buildDependencies`" + ` leaves charts/
as it is, ` + "`kubeVersion`" + ` is by default not v1.20.0, and two objects for one file name
are an error.`,
		Example: `
uses: helm-template
config:
  path: src/charts/web
  outPath: out/prod
  releaseName: web
  namespace: web-prod
  valuesFiles:
    - src/env/prod/values.yaml
  setValues:
    - key: image.tag
      value: ${{ quote(imageFrom("ghcr.io/acme/web").Tag) }}
      literal: true
`,
	}, runHelmTemplate)
}

// Validate implements the rules on layouts.
func (c HelmTemplateConfig) Validate() error {
	switch c.OutLayout {
	case "", "helm", "flat":
		return nil
	}
	return fmt.Errorf("outLayout is %q; expected helm or flat", c.OutLayout)
}

func runHelmTemplate(ctx context.Context, env Env, c HelmTemplateConfig) (none, error) {
	t := render.Template{
		Path: c.Path, ReleaseName: c.ReleaseName, Namespace: cmp.Or(c.Namespace, env.Promotion.Pipeline),
		ValuesFiles: c.ValuesFiles, IgnoreMissingValuesFiles: c.IgnoreMissingValueFiles,
		IncludeCRDs: c.IncludeCRDs, DisableHooks: c.DisableHooks, SkipTests: c.SkipTests,
		KubeVersion: c.KubeVersion, APIVersions: c.APIVersions,
	}
	for _, v := range c.SetValues {
		t.Set = append(t.Set, render.SetValue{Key: v.Key, Value: v.Value, Literal: v.Literal})
	}
	if c.BuildDependencies {
		t.Charts = env.charts()
	}
	release, err := env.renderer().Helm(ctx, env.Workspace.IOFS(ctx), t)
	if missing := (*render.MissingDependenciesError)(nil); errors.As(err, &missing) {
		return nil, fmt.Errorf("%w; set buildDependencies, or run helm-update-chart and commit charts/", err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case rendersFile(c.OutPath):
		return nil, writeRendered(ctx, env.Workspace, path.Dir(c.OutPath), map[string][]byte{path.Base(c.OutPath): release.Manifest()})
	case c.OutLayout == "flat":
		files, err := release.ByObject()
		if err != nil {
			return nil, fmt.Errorf("chart %s: %w", c.Path, err)
		}
		return nil, writeRendered(ctx, env.Workspace, c.OutPath, files)
	}
	dir := ""
	if c.UseReleaseName {
		dir = c.ReleaseName
	}
	files, err := release.ByTemplate(dir)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", c.Path, err)
	}
	return nil, writeRendered(ctx, env.Workspace, c.OutPath, files)
}

package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// KubeVersion is the Kubernetes version that charts are told of by default: that of
// the libraries linked in, as the helm command does it.
const KubeVersion = "v1.37.0"

// Template says what to render.
type Template struct {
	// Path is the chart, a directory or an archive, relative to the files.
	Path string
	// ReleaseName and Namespace are those of .Release.
	ReleaseName, Namespace string
	// ValuesFiles override the chart's values, later ones the earlier ones.
	ValuesFiles []string
	// IgnoreMissingValuesFiles leaves out values files that do not exist.
	IgnoreMissingValuesFiles bool
	// Set overrides the values of all files.
	Set []SetValue
	// Charts provides declared dependencies that charts/ lacks; nil makes them an
	// error.
	Charts Charts

	IncludeCRDs, DisableHooks, SkipTests bool
	// KubeVersion and APIVersions describe the cluster; the versions are in addition to
	// those that Kubernetes has.
	KubeVersion string
	APIVersions []string
}

// Document is one manifest of a Release.
type Document struct {
	// Source is the file of the chart that it came from, such as
	// "web/templates/deployment.yaml".
	Source string
	// Text is YAML, usually one object.
	Text string
	// CRD and Hook tell what it is; neither is an ordinary manifest.
	CRD, Hook bool
}

// Release is a rendered chart.
type Release struct {
	// Documents are CRDs, manifests in the order in which Helm would install them,
	// and hooks.
	Documents []Document
}

// Helm renders a chart as "helm template" does. Nothing is asked of a cluster: lookup
// finds nothing and getHostByName gives an empty string.
func Helm(ctx context.Context, files fs.FS, t Template) (Release, error) {
	return bounded(ctx, files, func(s *source) (Release, error) {
		chrt, err := loadChart(s, t.Path)
		if err != nil {
			return Release{}, fmt.Errorf("chart %s: %w", t.Path, err)
		}
		values, err := t.values(s)
		if err != nil {
			return Release{}, err
		}
		if t.Charts != nil {
			if err := addDependencies(s, t.Charts, t.Path, chrt); err != nil {
				return Release{}, fmt.Errorf("dependencies of chart %s: %w", t.Path, err)
			}
		}
		release, err := renderChart(s, chrt, values, t)
		if err != nil {
			return Release{}, fmt.Errorf("chart %s: %w", t.Path, err)
		}
		return release, nil
	})
}

// renderChart does what Helm's install action does without a cluster.
func renderChart(s *source, chrt *chart.Chart, values map[string]any, t Template) (Release, error) {
	if err := t.check(chrt); err != nil {
		return Release{}, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	version, err := chartutil.ParseKubeVersion(KubeVersion)
	if t.KubeVersion != "" {
		version, err = chartutil.ParseKubeVersion(t.KubeVersion)
	}
	if err != nil {
		return Release{}, fmt.Errorf("kubeVersion %q: %w", t.KubeVersion, err)
	}
	caps.KubeVersion = *version
	caps.APIVersions = append(slices.Clone(caps.APIVersions), t.APIVersions...)
	if want := chrt.Metadata.KubeVersion; want != "" && !chartutil.IsCompatibleRange(want, caps.KubeVersion.String()) {
		return Release{}, fmt.Errorf("it requires Kubernetes %s, and kubeVersion is %s", want, caps.KubeVersion.String())
	}
	if err := chartutil.ProcessDependenciesWithMerge(chrt, values); err != nil {
		return Release{}, err
	}
	// Helm's own check of schemas would fetch those that they refer to.
	all, err := chartutil.ToRenderValuesWithSchemaValidation(chrt, values, chartutil.ReleaseOptions{
		Name: t.ReleaseName, Namespace: t.Namespace, Revision: 1, IsInstall: true,
	}, caps, true)
	if err != nil {
		return Release{}, err
	}
	if coalesced, err := all.Table("Values"); err == nil {
		if err := checkSchemas(chrt, coalesced); err != nil {
			return Release{}, err
		}
	}
	rendered, err := engine.Engine{}.Render(chrt, all)
	if err != nil {
		return Release{}, err
	}
	size := 0
	for name, text := range rendered {
		if size += len(text); size > maxOutput {
			return Release{}, fmt.Errorf("it renders more than %d MiB", maxOutput>>20)
		}
		if path.Base(name) == "NOTES.txt" {
			delete(rendered, name)
		}
	}
	if s.ctx.Err() != nil {
		return Release{}, context.Cause(s.ctx)
	}
	return t.release(chrt, rendered)
}

func (t Template) check(chrt *chart.Chart) error {
	if err := chartutil.ValidateReleaseName(t.ReleaseName); err != nil {
		return fmt.Errorf("release name %q: %w", t.ReleaseName, err)
	}
	if !slices.Contains([]string{"", "application"}, chrt.Metadata.Type) {
		return fmt.Errorf("a chart of type %s cannot be rendered by itself", chrt.Metadata.Type)
	}
	var missing []string
	for _, want := range chrt.Metadata.Dependencies {
		if !slices.ContainsFunc(chrt.Dependencies(), func(c *chart.Chart) bool { return c.Name() == want.Name }) {
			missing = append(missing, want.Name)
		}
	}
	if len(missing) > 0 {
		return &MissingDependenciesError{missing}
	}
	return nil
}

// MissingDependenciesError says that Chart.yaml declares charts that charts/ lacks.
type MissingDependenciesError struct{ Names []string }

// Error implements error.
func (e *MissingDependenciesError) Error() string {
	return "declared in Chart.yaml, but missing in charts/: " + strings.Join(e.Names, ", ")
}

// release sorts what was rendered.
func (t Template) release(chrt *chart.Chart, rendered map[string]string) (Release, error) {
	hooks, manifests, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return Release{}, err
	}
	var r Release
	if t.IncludeCRDs {
		for _, crd := range chrt.CRDObjects() {
			r.Documents = append(r.Documents, Document{Source: crd.Filename, Text: string(crd.File.Data), CRD: true})
		}
	}
	for _, m := range manifests {
		r.Documents = append(r.Documents, Document{Source: m.Name, Text: m.Content})
	}
	if t.DisableHooks {
		return r, nil
	}
	for _, h := range hooks {
		if t.SkipTests && slices.Contains(h.Events, release.HookTest) {
			continue
		}
		r.Documents = append(r.Documents, Document{Source: h.Path, Text: h.Manifest, Hook: true})
	}
	return r, nil
}

// errNoObject marks documents without kind or name.
var errNoObject = errors.New("no object")

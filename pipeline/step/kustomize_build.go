package step

import (
	"context"
	"fmt"
	"path"

	"github.com/kargo-app/kargo/manifest/render"
)

// KustomizeBuildConfig configures kustomize-build.
type KustomizeBuildConfig struct {
	Path         string           `json:"path" doc:"directory of the kustomization file"`
	OutPath      string           `json:"outPath" doc:"where to write: one file if it ends in .yaml or .yml, else a directory with a file for each object"`
	OutputFormat string           `json:"outputFormat,omitempty" doc:"names in a directory: kargo (default) for [NAMESPACE-]KIND-NAME.yaml, kustomize for the names that kustomize build -o uses"`
	Plugin       *KustomizePlugin `json:"plugin,omitempty" doc:"settings of plugins"`
}

// KustomizePlugin is the settings of plugins.
type KustomizePlugin struct {
	Helm *KustomizeHelm `json:"helm,omitempty" doc:"what Helm charts of kustomizations are told of the cluster, where their entries say nothing"`
}

// KustomizeHelm is what Helm charts are told of the cluster.
type KustomizeHelm struct {
	APIVersions []string `json:"apiVersions,omitempty" doc:"API versions in addition to those that Kubernetes has"`
	KubeVersion string   `json:"kubeVersion,omitempty" doc:"Kubernetes version"`
}

func kustomizeBuild() Definition {
	return Define("kustomize-build", Workspace, Doc{
		Summary: `Builds a kustomization and writes the manifests, as ` + "`kustomize build`" + ` does.

Bases and files may lie anywhere in the workspace and nowhere else: remote ones are
refused, because a build that needs them gives something else tomorrow. Commit a
copy, or check the other repository out with another git-clone. The operator of the
server may allow repositories with ` + "`KARGO_REMOTE_BASES`" + `: then ` + "`resources`" + ` and ` + "`components`" + `
may name directories of them as kustomize does, over HTTPS and pinned to a tag or a
commit (` + "`https://github.com/acme/bases//web?ref=v1.2.0`" + `). ` + "`helmCharts`" + ` are
rendered without a helm program; charts with a ` + "`repo`" + ` that are not in the chart
home are pulled. Plugins that are programs or containers do not run. Files that are
in ` + "`outPath`" + ` already stay: put git-clear or delete before. Different from Kargo, two
objects for one file name are an error, instead of one of them getting lost.`,
		Example: `
uses: kustomize-build
config:
  path: src/env/prod
  outPath: out/prod
`,
	}, runKustomizeBuild)
}

// Validate implements the rule on names.
func (c KustomizeBuildConfig) Validate() error {
	switch c.OutputFormat {
	case "", string(render.KargoNaming), string(render.KustomizeNaming):
		return nil
	}
	return fmt.Errorf("outputFormat is %q; expected kargo or kustomize", c.OutputFormat)
}

func runKustomizeBuild(ctx context.Context, env Env, c KustomizeBuildConfig) (none, error) {
	k := render.Kustomization{Dir: c.Path, Charts: env.charts()}
	if c.Plugin != nil && c.Plugin.Helm != nil {
		k.KubeVersion, k.APIVersions = c.Plugin.Helm.KubeVersion, c.Plugin.Helm.APIVersions
	}
	source := env.bases(ctx)
	k.Remotes = source
	built, err := env.renderer().Kustomize(ctx, source, k)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", c.Path, err)
	}
	if rendersFile(c.OutPath) {
		return nil, writeRendered(ctx, env.Workspace, path.Dir(c.OutPath), map[string][]byte{path.Base(c.OutPath): built.YAML})
	}
	naming := render.KargoNaming
	if c.OutputFormat != "" {
		naming = render.Naming(c.OutputFormat)
	}
	files, err := built.Files(naming)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", c.Path, err)
	}
	return nil, writeRendered(ctx, env.Workspace, c.OutPath, files)
}

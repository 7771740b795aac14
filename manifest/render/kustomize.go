package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Kustomization says what to build.
type Kustomization struct {
	// Dir is the directory of the kustomization file, relative to the files.
	Dir string
	// KubeVersion and APIVersions describe the cluster to Helm charts; they go before
	// what the entry of a chart says.
	KubeVersion string
	APIVersions []string
	// Charts provides charts that have a repo and are not among the files; nil
	// for nowhere.
	Charts Charts
	// Remotes opens other repositories that bases and components are taken of; nil
	// refuses all of them.
	Remotes Remotes
}

// building holds the one build that runs: kustomize reads and writes maps of its own
// without a lock (kubernetes-sigs/kustomize#3659), also across Kustomizers.
var building = make(chan struct{}, 1)

// Kustomize builds a kustomization. Load restrictions are off, so that bases and
// files may lie anywhere among the files; remote ones are refused, except for what
// k.Remotes opens, as are plugins that are programs or containers. Helm charts are rendered by [Helm].
func Kustomize(ctx context.Context, files fs.FS, k Kustomization) (Build, error) {
	return bounded(ctx, files, func(src *source) (Build, error) {
		select {
		case building <- struct{}{}:
			defer func() { <-building }()
		case <-src.ctx.Done():
			return Build{}, context.Cause(src.ctx)
		}
		s := &kustomizeSource{source: src, options: k}
		m, err := s.build(k.Dir)
		if err != nil {
			return Build{}, err
		}
		return asBuild(m)
	})
}

// build runs kustomize; [building] is held.
func (s *kustomizeSource) build(dir string) (resmap.ResMap, error) {
	options := &krusty.Options{
		Reorder:          krusty.ReorderOptionUnspecified, // as the commands have it
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	m, err := krusty.MakeKustomizer(options).Run(kustomizeFS{s}, path.Join("/", clean(dir)))
	if s.refusal != nil {
		// Kustomize takes an error for a missing file and tries something else.
		return nil, s.refusal
	}
	if err != nil && s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx)
	}
	return m, err
}

func asBuild(m resmap.ResMap) (Build, error) {
	var b Build
	var err error
	if b.YAML, err = m.AsYaml(); err != nil {
		return Build{}, fmt.Errorf("print the build: %w", err)
	}
	if len(b.YAML) > maxOutput {
		return Build{}, fmt.Errorf("the build has more than %d MiB", maxOutput>>20)
	}
	for _, r := range m.Resources() {
		object, err := r.Map()
		if err != nil {
			return Build{}, fmt.Errorf("print %s: %w", r.CurId(), err)
		}
		text, err := yaml.Marshal(object)
		if err != nil {
			return Build{}, fmt.Errorf("print %s: %w", r.CurId(), err)
		}
		if r.GetKind() == "" || r.GetName() == "" {
			return Build{}, errors.New("an object of the build has no kind or no name")
		}
		gvk := r.GetGvk()
		b.Objects = append(b.Objects, Object{
			Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: r.GetNamespace(), Name: r.GetName(),
			YAML: text, Scope: r.CurId().EffectiveNamespace(),
		})
	}
	return b, nil
}

package render

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// expand checks a kustomization and returns it with what kustomize must not do itself
// done: Helm charts are rendered, and plugins that a base makes are built.
func (s *kustomizeSource) expand(dir, file string, data []byte) ([]byte, error) {
	var k types.Kustomization
	if err := k.Unmarshal(data); err != nil {
		return data, nil //nolint:nilerr // Kustomize says it better.
	}
	at := locator{file: file, data: data}
	k.FixKustomization()
	changed, err := s.mount(dir, &k, at)
	if err != nil {
		return nil, err
	}
	if err := checkPaths(&k, at); err != nil {
		return nil, err
	}
	s.prefetch(localPaths(dir, &k))
	s.inherit(dir, &k)
	s.schema = s.schema || len(k.OpenAPI) > 0
	changed = changed || len(k.HelmCharts) > 0
	for _, list := range []*[]string{&k.Generators, &k.Transformers, &k.Validators} {
		replaced, charts, err := s.plugins(dir, *list)
		if err != nil {
			return nil, err
		}
		if replaced != nil {
			*list, changed = replaced, true
		}
		if len(charts) > 0 && list != &k.Generators {
			return nil, errors.New("a HelmChartInflationGenerator is not a transformer")
		}
		k.Resources = append(k.Resources, charts...)
	}
	for i, c := range k.HelmCharts {
		var globals types.HelmGlobals
		if k.HelmGlobals != nil {
			globals = *k.HelmGlobals
		}
		if c.Namespace == "" {
			c.Namespace = s.namespace(dir, &k)
		}
		name, err := s.inflate(dir, globals, c)
		if err != nil {
			return nil, fmt.Errorf("helmCharts[%d]: %w", i, err)
		}
		if name != "" {
			k.Resources = append(k.Resources, name)
		}
	}
	if !changed {
		return data, nil
	}
	k.HelmCharts, k.HelmGlobals = nil, nil
	if k.CheckEmpty() != nil {
		// A chart without objects is no mistake.
		k.Resources = append(k.Resources, s.make(dir, "empty", []byte("# nothing\n")))
	}
	return yaml.Marshal(k)
}

// inherit remembers the namespace that Helm charts of bases get.
func (s *kustomizeSource) inherit(dir string, k *types.Kustomization) {
	namespace := s.namespace(dir, k)
	if s.inherited == nil {
		s.inherited = map[string]string{}
	}
	for _, list := range [][]string{k.Resources, k.Components} {
		for _, p := range list {
			s.inherited[path.Join(dir, p)] = namespace
		}
	}
}

func (s *kustomizeSource) namespace(dir string, k *types.Kustomization) string {
	if k.Namespace != "" {
		return k.Namespace
	}
	return s.inherited[dir]
}

// localPaths are the files that a kustomization names.
func localPaths(dir string, k *types.Kustomization) []string {
	var out []string
	add := func(paths ...string) {
		for _, p := range paths {
			if p != "" && len(p) < 1000 && !strings.ContainsAny(p, "\n:") {
				out = append(out, path.Join(dir, p))
			}
		}
	}
	for _, list := range [][]string{k.Resources, k.Components, k.Crds, k.Configurations, k.Generators, k.Transformers, k.Validators} {
		add(list...)
	}
	for _, p := range k.Patches {
		add(p.Path)
	}
	for _, p := range k.PatchesJson6902 { //nolint:staticcheck // old files have them
		add(p.Path)
	}
	for _, p := range k.PatchesStrategicMerge { //nolint:staticcheck // old files have them
		add(string(p))
	}
	for _, r := range k.Replacements {
		add(r.Path)
	}
	return out
}

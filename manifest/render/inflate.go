package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"
	"sigs.k8s.io/yaml"
)

// defaultRelease is the name of a release that was given none, as Helm prints it.
const defaultRelease = "release-name"

// inflate renders a chart of a kustomization and returns the name of the file beside
// it that now holds the objects; empty if there are none.
func (s *kustomizeSource) inflate(dir string, g types.HelmGlobals, c types.HelmChart) (name string, err error) {
	if c.Name == "" {
		return "", errors.New("the chart has no name")
	}
	if c.NameTemplate != "" {
		return "", errors.New("nameTemplate would give another name each time: use releaseName")
	}
	at := path.Join("/", dir, cmp.Or(g.ChartHome, types.HelmDefaultHome))
	if strings.HasPrefix(g.ChartHome, "/") {
		at = g.ChartHome
	}
	if c.Version != "" && c.Repo != "" {
		at = path.Join(at, c.Name+"-"+c.Version)
	}
	at = path.Join(at, c.Name)
	chrt, err := s.inflatedChart(at, c)
	if err != nil {
		return "", fmt.Errorf("chart %s: %w", c.Name, err)
	}
	values, err := s.inflatedValues(dir, chrt, c)
	if err != nil {
		return "", fmt.Errorf("chart %s: %w", c.Name, err)
	}
	apis := c.ApiVersions
	if len(apis) == 0 {
		apis = s.options.APIVersions
	}
	release, err := renderChart(s.source, chrt, values, Template{
		ReleaseName: cmp.Or(c.ReleaseName, defaultRelease), Namespace: cmp.Or(c.Namespace, "default"),
		IncludeCRDs: c.IncludeCRDs, DisableHooks: c.SkipHooks, SkipTests: c.SkipTests,
		KubeVersion: cmp.Or(c.KubeVersion, s.options.KubeVersion), APIVersions: apis,
	})
	if err != nil {
		return "", fmt.Errorf("chart %s: %w", c.Name, err)
	}
	text, err := generated(release.Manifest())
	if err != nil {
		return "", fmt.Errorf("chart %s: %w", c.Name, err)
	}
	if len(text) == 0 {
		return "", nil
	}
	return s.make(dir, "chart", text), nil
}

// inflatedChart finds the chart among the files, or pulls it.
func (s *kustomizeSource) inflatedChart(at string, c types.HelmChart) (*chart.Chart, error) {
	if s.isDir(at) {
		return loadChart(s.source, at)
	}
	if c.Repo == "" {
		return nil, fmt.Errorf("there is none at %s, and it has no repo: %w", clean(at), fs.ErrNotExist)
	}
	if s.options.Charts == nil {
		return nil, fmt.Errorf("there is none at %s, and none can be pulled here: commit it to the repository", clean(at))
	}
	version, err := resolve(s.ctx, s.options.Charts, c.Repo, c.Name, c.Version, c.Devel)
	if err != nil {
		return nil, err
	}
	archive, err := s.options.Charts.Pull(s.ctx, c.Repo, c.Name, version)
	if err != nil {
		return nil, err
	}
	return loadArchive(archive)
}

// inflatedValues are the values of a chart: those of a file, which by default is the
// chart's own, with the inline ones, then those of additional files.
func (s *kustomizeSource) inflatedValues(dir string, chrt *chart.Chart, c types.HelmChart) (map[string]any, error) {
	base := rawFile(chrt, "values.yaml")
	if c.ValuesFile != "" {
		if remoteFile(c.ValuesFile) {
			return nil, &RemoteError{Field: "valuesFile", Address: c.ValuesFile}
		}
		var err error
		if base, err = s.load(s.beside(dir, c.ValuesFile)); err != nil {
			return nil, err
		}
	}
	if len(c.ValuesInline) > 0 {
		var err error
		if base, err = mergeInline(base, c.ValuesInline, c.ValuesMerge); err != nil {
			return nil, err
		}
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(base, &values); err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	for _, f := range c.AdditionalValuesFiles {
		if remoteFile(f) {
			return nil, &RemoteError{Field: "additionalValuesFiles", Address: f}
		}
		data, err := s.load(s.beside(dir, f))
		if err != nil {
			return nil, err
		}
		more := map[string]any{}
		if err := yaml.Unmarshal(data, &more); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		values = mergeValues(values, more)
	}
	return values, nil
}

func (s *kustomizeSource) beside(dir, p string) string {
	if strings.HasPrefix(p, "/") {
		return p
	}
	return path.Join(dir, p)
}

// mergeInline merges as kustomize does, whose nulls differ from Helm's.
func mergeInline(base []byte, inline map[string]any, how string) ([]byte, error) {
	if how == "replace" {
		return yaml.Marshal(inline)
	}
	file, err := kyaml.Parse(string(base))
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	over, err := kyaml.FromMap(inline)
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	switch how {
	case "", "override":
		file, err = merge2.Merge(over, file, kyaml.MergeOptions{})
	case "merge":
		file, err = merge2.Merge(file, over, kyaml.MergeOptions{})
	default:
		return nil, fmt.Errorf("valuesMerge is %q; expected merge, override or replace", how)
	}
	if err != nil {
		return nil, fmt.Errorf("valuesInline: %w", err)
	}
	text, err := file.String()
	return []byte(text), err
}

// generated marks manifests as made by Helm, whose namespace is not changed again.
func generated(manifests []byte) ([]byte, error) {
	r := kio.ByteReader{Reader: bytes.NewReader(manifests), OmitReaderAnnotations: true}
	nodes, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("what it renders: %w", err)
	}
	var b strings.Builder
	for _, n := range nodes {
		if n.IsNilOrEmpty() {
			continue
		}
		if err := n.PipeE(kyaml.SetAnnotation(konfig.HelmGeneratedAnnotation, "true")); err != nil {
			return nil, fmt.Errorf("what it renders: %w", err)
		}
		text, err := n.String()
		if err != nil {
			return nil, fmt.Errorf("what it renders: %w", err)
		}
		b.WriteString("---\n" + text)
	}
	return []byte(b.String()), nil
}

package steptest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/step"
)

// Charts is repositories of charts.
type Charts struct {
	mu       sync.Mutex
	archives map[string]map[string][]byte // by repository and name, then version
}

var _ step.Charts = (*Charts)(nil)

// Add publishes a version of a chart, with more files than its Chart.yaml if given.
func (c *Charts) Add(repository, name, version string, files map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)}
	maps.Copy(all, files)
	if c.archives == nil {
		c.archives = map[string]map[string][]byte{}
	}
	key := repository + " " + name
	if c.archives[key] == nil {
		c.archives[key] = map[string][]byte{}
	}
	c.archives[key][version] = archive(name, all)
}

// archive packs files; what cannot fail in memory is not checked.
func archive(name string, files map[string]string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, p := range slices.Sorted(maps.Keys(files)) {
		_ = t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(name, p), Mode: 0o644, Size: int64(len(files[p]))})
		_, _ = t.Write([]byte(files[p]))
	}
	_ = errors.Join(t.Close(), z.Close())
	return b.Bytes()
}

// Versions implements step.Charts.
func (c *Charts) Versions(ctx context.Context, _ pipeline.Repo, repository, name string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	versions := c.archives[repository+" "+name]
	if versions == nil {
		return nil, fmt.Errorf("chart %s in %s: %w", name, repository, step.ErrNotFound)
	}
	return slices.Collect(maps.Keys(versions)), ctx.Err()
}

// Pull implements step.Charts.
func (c *Charts) Pull(ctx context.Context, _ pipeline.Repo, repository, name, version string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.archives[repository+" "+name][version]
	if !ok {
		return nil, fmt.Errorf("chart %s %s in %s: %w", name, version, repository, step.ErrNotFound)
	}
	return bytes.Clone(data), ctx.Err()
}

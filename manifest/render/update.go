package render

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
)

// Update says which dependencies to bring up to date.
type Update struct {
	// Path is the directory of the chart, relative to the files.
	Path string
	// ChartYAML is its Chart.yaml, which may differ from that among the files.
	ChartYAML []byte
	Charts    Charts
	// Pinned are the dependencies as they were resolved before, in the order of
	// Chart.yaml; they are not resolved again.
	Pinned []Locked
	// Generated is the time that a new lock says.
	Generated time.Time
}

// Updated is what became of the dependencies of a chart.
type Updated struct {
	// Files are those to write, Removed those to delete, relative to the chart.
	Files   map[string][]byte
	Removed []string
	// Locked are all dependencies in the order of Chart.yaml.
	Locked []Locked
	// Changes says what differs from the lock before, sorted by name.
	Changes []VersionChange
}

// Locked is a dependency with its exact version.
type Locked struct{ Name, Repository, Version string }

// VersionChange is a dependency whose version changed; From is empty for a new one, To
// for one that is gone.
type VersionChange struct{ Name, From, To string }

// ErrNoDependencies says that a chart declares none.
var ErrNoDependencies = errors.New("the Chart.yaml declares no dependencies")

// UpdateDependencies resolves what a Chart.yaml declares and returns the Chart.lock and
// the archives that then belong in charts/, as "helm dependency update" does. A
// lock that says the same already is not written again.
func UpdateDependencies(ctx context.Context, files fs.FS, u Update) (Updated, error) {
	return bounded(ctx, files, func(s *source) (Updated, error) {
		if err := checkAliases(u.ChartYAML); err != nil {
			return Updated{}, fmt.Errorf("the Chart.yaml: %w", err)
		}
		var meta chart.Metadata
		if err := yaml.Unmarshal(u.ChartYAML, &meta); err != nil {
			return Updated{}, fmt.Errorf("the Chart.yaml: %w", err)
		}
		if len(meta.Dependencies) == 0 {
			return Updated{}, ErrNoDependencies
		}
		out := Updated{Files: map[string][]byte{}}
		var locked []*chart.Dependency
		for i, want := range meta.Dependencies {
			if want == nil || want.Name == "" {
				return Updated{}, errors.New("the Chart.yaml has a dependency without a name")
			}
			d := dependency{want, want.Version}
			if i < len(u.Pinned) && u.Pinned[i].Name == want.Name && u.Pinned[i].Repository == want.Repository {
				d.version = u.Pinned[i].Version
			}
			archive, _, err := d.fetch(s, u.Charts, u.Path)
			if err != nil {
				return Updated{}, fmt.Errorf("dependency %s: %w", want.Name, err)
			}
			if archive != nil {
				name := want.Name + "-" + d.version + ".tgz"
				if !plainName(name) {
					return Updated{}, fmt.Errorf("dependency %s: %q cannot be the name of a file", want.Name, name)
				}
				out.Files[path.Join("charts", name)] = archive
			}
			locked = append(locked, &chart.Dependency{Name: want.Name, Repository: want.Repository, Version: d.version})
			out.Locked = append(out.Locked, Locked{want.Name, want.Repository, d.version})
		}
		before, err := readLock(s, u.Path)
		if err != nil {
			return Updated{}, err
		}
		if out.Removed, err = staleArchives(s, u.Path, out.Files); err != nil {
			return Updated{}, err
		}
		out.Changes = compareLocks(before, locked)
		lock := chart.Lock{Generated: u.Generated, Dependencies: locked}
		if lock.Digest, err = lockDigest(meta.Dependencies, locked); err != nil {
			return Updated{}, err
		}
		if before != nil && before.Digest == lock.Digest && slices.EqualFunc(before.Dependencies, locked, sameDependency) {
			return out, nil
		}
		if out.Files["Chart.lock"], err = yaml.Marshal(lock); err != nil {
			return Updated{}, fmt.Errorf("read Chart.lock: %w", err)
		}
		return out, nil
	})
}

func sameDependency(a, b *chart.Dependency) bool {
	return a.Name == b.Name && a.Repository == b.Repository && a.Version == b.Version
}

// readLock returns the lock of a chart, nil for none.
func readLock(s *source, at string) (*chart.Lock, error) {
	data, err := s.readFile(path.Join(at, "Chart.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkAliases(data); err != nil {
		return nil, fmt.Errorf("read Chart.lock: %w", err)
	}
	var lock chart.Lock
	if err := yaml.Unmarshal(bytes.TrimSpace(data), &lock); err != nil {
		return nil, fmt.Errorf("read Chart.lock: %w", err)
	}
	lock.Dependencies = slices.DeleteFunc(lock.Dependencies, func(d *chart.Dependency) bool { return d == nil })
	return &lock, nil
}

// staleArchives are archives in charts/ that belong to no dependency any more.
func staleArchives(s *source, at string, keep map[string][]byte) ([]string, error) {
	infos, err := s.readDir(path.Join(at, "charts"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range infos {
		name := path.Join("charts", e.Name())
		if _, kept := keep[name]; !kept && !e.IsDir() && strings.HasSuffix(name, ".tgz") {
			out = append(out, name)
		}
	}
	return out, nil
}

func compareLocks(before *chart.Lock, now []*chart.Dependency) []VersionChange {
	from, to := map[string]string{}, map[string]string{}
	if before != nil {
		for _, d := range before.Dependencies {
			from[d.Name] = d.Version
		}
	}
	var out []VersionChange
	for _, d := range now {
		if _, twice := to[d.Name]; !twice && from[d.Name] != d.Version {
			out = append(out, VersionChange{d.Name, from[d.Name], d.Version})
		}
		to[d.Name] = d.Version
	}
	for name, version := range from {
		if _, stays := to[name]; !stays {
			out = append(out, VersionChange{Name: name, From: version})
		}
	}
	slices.SortFunc(out, func(a, b VersionChange) int { return strings.Compare(a.Name, b.Name) })
	return out
}

package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v3/pkg/chart"
)

// dependency is a declared dependency, resolved.
type dependency struct {
	*chart.Dependency        // as declared
	version           string // what it resolves to
}

// addDependencies gives a chart in memory the charts that it declares and does not
// hold, in the versions of its lock if it has one.
func addDependencies(s *source, charts Charts, at string, chrt *chart.Chart) error {
	var locked []*chart.Dependency
	if chrt.Lock != nil {
		locked = chrt.Lock.Dependencies
		if digest, err := lockDigest(chrt.Metadata.Dependencies, locked); err != nil || digest != chrt.Lock.Digest {
			return errors.New("the Chart.lock does not belong to what Chart.yaml declares: run helm dependency update, or the step helm-update-chart")
		}
	}
	for i, want := range chrt.Metadata.Dependencies {
		d := dependency{want, want.Version}
		if i < len(locked) && locked[i].Version != "" {
			d.version = locked[i].Version
		}
		if holds(chrt, d) {
			continue
		}
		_, sub, err := d.fetch(s, charts, at)
		if err != nil {
			return fmt.Errorf("%s: %w", want.Name, err)
		}
		if sub != nil {
			chrt.AddDependency(sub)
		}
	}
	return nil
}

func holds(chrt *chart.Chart, d dependency) bool {
	for _, c := range chrt.Dependencies() {
		if c.Name() == d.Name && fits(d.version, c.Metadata.Version) {
			return true
		}
	}
	return false
}

func fits(constraint, version string) bool {
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return constraint == version
	}
	v, err := semver.NewVersion(version)
	return err == nil && c.Check(v)
}

// fetch returns the archive of a dependency and what it holds, and makes its version
// exact. One without a repository has to be in charts/ and gives nothing.
func (d *dependency) fetch(s *source, charts Charts, at string) (archive []byte, chrt *chart.Chart, err error) {
	switch {
	case d.Repository == "":
		if !s.exists(path.Join(at, "charts", d.Name)) {
			return nil, nil, fmt.Errorf("it has no repository, and there is no charts/%s: %w", d.Name, fs.ErrNotExist)
		}
		return nil, nil, nil
	case strings.HasPrefix(d.Repository, "file://"):
		archive, chrt, err = packLocal(s, at, d.Repository)
	case strings.HasPrefix(d.Repository, "@"), strings.HasPrefix(d.Repository, "alias:"):
		return nil, nil, fmt.Errorf("repository %s is a name that only one computer knows: write its address", d.Repository)
	default:
		if d.version, err = resolve(s.ctx, charts, d.Repository, d.Name, d.version, false); err != nil {
			return nil, nil, err
		}
		if archive, err = charts.Pull(s.ctx, d.Repository, d.Name, d.version); err == nil {
			chrt, err = loadArchive(archive)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case chrt.Name() != d.Name:
		return nil, nil, fmt.Errorf("the chart there is called %q", chrt.Name())
	case !fits(d.version, chrt.Metadata.Version):
		return nil, nil, fmt.Errorf("the chart there has version %s, wanted is %s", chrt.Metadata.Version, d.version)
	}
	if strings.HasPrefix(d.Repository, "file://") {
		d.version = chrt.Metadata.Version
	}
	return archive, chrt, nil
}

// packLocal packs a chart of the workspace, always to the same bytes.
func packLocal(s *source, at, repository string) ([]byte, *chart.Chart, error) {
	p := strings.TrimPrefix(repository, "file://")
	if strings.HasPrefix(p, "/") || !inside(path.Join(at, p)) {
		return nil, nil, fmt.Errorf("%s has to be a relative path to a directory of the workspace", repository)
	}
	dir := path.Join(at, p)
	if !s.isDir(dir) {
		return nil, nil, fmt.Errorf("%s: there is no directory %s: %w", repository, clean(dir), fs.ErrNotExist)
	}
	files, err := chartFiles(s, dir)
	if err != nil {
		return nil, nil, err
	}
	chrt, err := asChart(files)
	if err != nil {
		return nil, nil, err
	}
	archive, err := pack(chrt.Name(), files)
	return archive, chrt, err
}

// inside reports whether a cleaned relative path stays within the files.
func inside(p string) bool {
	p = path.Clean(strings.TrimPrefix(p, "/"))
	return p != ".." && !strings.HasPrefix(p, "../")
}

// lockDigest is what Helm compares to tell whether a lock belongs to a Chart.yaml.
func lockDigest(declared, locked []*chart.Dependency) (string, error) {
	data, err := json.Marshal([2][]*chart.Dependency{declared, locked})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

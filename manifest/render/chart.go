package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

// loadChart loads the chart in a directory, or a packed one from a file.
func loadChart(s *source, at string) (*chart.Chart, error) {
	if !s.isDir(at) {
		archive, err := s.readFile(at)
		if err != nil {
			return nil, err
		}
		return loadArchive(archive)
	}
	files, err := chartFiles(s, at)
	if err != nil {
		return nil, err
	}
	return asChart(files)
}

func asChart(files []*loader.BufferedFile) (*chart.Chart, error) {
	// The loader shifts names in place.
	own := make([]*loader.BufferedFile, len(files))
	for i, f := range files {
		if err := checkAliases(f.Data); err != nil && path.Ext(f.Name) == ".yaml" && path.Dir(f.Name) != "templates" {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		own[i] = &loader.BufferedFile{Name: f.Name, Data: f.Data}
	}
	return loader.LoadFiles(own)
}

func loadArchive(archive []byte) (*chart.Chart, error) {
	files, err := loader.LoadArchiveFiles(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	return asChart(files)
}

// chartFiles reads the files of a chart that its .helmignore leaves in.
func chartFiles(s *source, at string) ([]*loader.BufferedFile, error) {
	rules := ignore.Empty()
	switch data, err := s.readFile(path.Join(at, ignore.HelmIgnore)); {
	case err == nil:
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, fmt.Errorf("%s: %w", ignore.HelmIgnore, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	rules.AddDefaults()
	var out []*loader.BufferedFile
	err := s.walk(at, func(e entry) error {
		if rules.Ignore(e.path, e.info) {
			return fs.SkipDir
		}
		if e.info.IsDir() {
			return nil
		}
		data, err := s.readFile(path.Join(at, e.path))
		if err != nil {
			return err
		}
		if int64(len(data)) > loader.MaxDecompressedFileSize {
			return fmt.Errorf("%s has more than %d bytes", e.path, loader.MaxDecompressedFileSize)
		}
		out = append(out, &loader.BufferedFile{Name: e.path, Data: bytes.TrimPrefix(data, []byte("\ufeff"))})
		return nil
	})
	return out, err
}

// rawFile returns a file of a chart as it is.
func rawFile(c *chart.Chart, name string) []byte {
	for _, f := range c.Raw {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

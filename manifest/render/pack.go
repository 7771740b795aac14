package render

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"path"
	"slices"

	"helm.sh/helm/v3/pkg/chart/loader"
)

// pack makes a chart archive, with Chart.yaml first as Helm has it and no times, so
// that equal files give equal bytes.
func pack(name string, files []*loader.BufferedFile) ([]byte, error) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b *loader.BufferedFile) int {
		return cmp.Or(cmp.Compare(b2i(a.Name != "Chart.yaml"), b2i(b.Name != "Chart.yaml")), cmp.Compare(a.Name, b.Name))
	})
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	for _, f := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(name, f.Name), Mode: 0o644, Size: int64(len(f.Data))}
		if err := t.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.Data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

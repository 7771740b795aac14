package step

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// TarConfig configures tar.
type TarConfig struct {
	InPath  string `json:"inPath" empty:"no" doc:"file or directory to archive"`
	OutPath string `json:"outPath" empty:"no" doc:"the archive to write; one that exists is replaced"`
	Ignore  string `json:"ignore,omitempty" doc:"gitignore patterns, one a line, relative to inPath, of what to leave out"`
	Gzip    *bool  `json:"gzip,omitempty" doc:"compress the archive; default whether outPath ends in .tgz or .gz"`
}

func tarStep() Definition {
	return Define("tar", Workspace, Doc{
		Summary: `Writes a file, or what a directory holds, to a tar archive.

Symbolic links are stored as such, submodules are left out, and ` + "`.git`" + ` is never part of the
workspace. A file may have 50 MiB, all of them 100 MiB. Unlike Kargo's, archives do
not tell when they were made: the same files give the same bytes.`,
		Example: `
uses: tar
config:
  inPath: src/charts
  outPath: out/charts.tar.gz
  ignore: |
    *.md
    !README.md
`,
	}, runTar)
}

func (c TarConfig) compressed() bool {
	if c.Gzip != nil {
		return *c.Gzip
	}
	return strings.HasSuffix(c.OutPath, ".tgz") || strings.HasSuffix(c.OutPath, ".gz")
}

func runTar(ctx context.Context, env Env, c TarConfig) (none, error) {
	archive, err := archiveOf(ctx, env.Workspace, c)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", c.InPath, err)
	}
	if err := env.Workspace.WriteFile(ctx, c.OutPath, archive, 0); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return nil, nil
}

func archiveOf(ctx context.Context, w *tree.Workspace, c TarConfig) ([]byte, error) {
	in, ignore := tree.Clean(c.InPath), tree.NewIgnore(c.Ignore)
	info, err := w.Stat(ctx, in)
	if err != nil {
		return nil, err
	}
	var entries []archived
	if info.Mode.IsDir() {
		if entries, err = walkArchived(ctx, w, in, "", tree.Clean(c.OutPath), ignore); err != nil {
			return nil, err
		}
	} else if name := path.Base(in); !ignore.Match(name, false) {
		entries = []archived{{path: in, name: name, mode: info.Mode}}
	}
	var out bytes.Buffer
	stream := io.Writer(&out)
	if c.compressed() {
		gz := gzip.NewWriter(&out)
		defer gz.Close() //nolint:errcheck // closed below when all went well
		stream = gz
	}
	tw := tar.NewWriter(stream)
	if err := writeArchive(ctx, w, tw, entries); err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	if gz, ok := stream.(*gzip.Writer); ok {
		if err := gz.Close(); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// readAhead is how many files are fetched together.
const readAhead = 256

func writeArchive(ctx context.Context, w *tree.Workspace, tw *tar.Writer, entries []archived) error {
	var size archiveSize
	for i, e := range entries {
		if i%readAhead == 0 {
			var paths []string
			for _, next := range entries[i:min(i+readAhead, len(entries))] {
				if !next.mode.IsDir() {
					paths = append(paths, next.path)
				}
			}
			if err := w.Prefetch(ctx, paths...); err != nil {
				return err
			}
		}
		if err := writeEntry(ctx, w, tw, e, &size); err != nil {
			return err
		}
	}
	return nil
}

func writeEntry(ctx context.Context, w *tree.Workspace, tw *tar.Writer, e archived, size *archiveSize) error {
	h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatPAX}
	var data []byte
	var err error
	switch {
	case e.mode.IsDir():
		h.Name, h.Typeflag, h.Mode = e.name+"/", tar.TypeDir, 0o755
	case e.mode == tree.ModeSymlink:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = w.Readlink(ctx, e.path); err != nil {
			return err
		}
	default:
		if e.mode == tree.ModeExec {
			h.Mode = 0o755
		}
		if data, err = w.ReadFile(ctx, e.path); err != nil {
			return err
		}
		h.Size = int64(len(data))
	}
	if err := size.add(e.name, h.Size); err != nil {
		return err
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	_, err = tw.Write(data)
	return err
}

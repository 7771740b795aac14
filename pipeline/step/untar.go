package step

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// UntarConfig configures untar.
type UntarConfig struct {
	InPath          string `json:"inPath" empty:"no" doc:"the archive, compressed with gzip or not, whatever its name"`
	OutPath         string `json:"outPath" empty:"no" doc:"directory to write to; what it holds is replaced"`
	StripComponents int    `json:"stripComponents,omitempty" doc:"how many leading elements of each name to remove; shorter names are left out"`
	Ignore          string `json:"ignore,omitempty" doc:"gitignore patterns, one a line, of what to leave out, after elements were removed"`
}

func untarStep() Definition {
	return Define("untar", Workspace, Doc{
		Summary: `Replaces a directory by what a tar archive holds.

Left out without an error are: names that are absolute or hold ` + "`..`" + ` or a backslash, ` + "`.git`" + `,
links whose target is absolute or holds ` + "`..`" + `, what would be written through a link, and
everything that is neither file, directory nor symbolic link. A file may have 50 MiB, all
of them 100 MiB. Nothing is written unless the whole archive can be. Of the permissions
only the owner's right to execute is kept. Unlike in Kargo, ` + "`ignore`" + ` takes patterns, and
a leading ` + "`./`" + ` is no reason to leave a file out.`,
		Example: `
uses: untar
config:
  inPath: downloads/chart.tgz
  outPath: src/chart
  stripComponents: 1
  ignore: |
    *.md
`,
	}, runUntar)
}

// Validate implements the range of stripComponents.
func (c UntarConfig) Validate() error {
	if c.StripComponents < 0 {
		return errors.New("stripComponents must not be negative")
	}
	return nil
}

func runUntar(ctx context.Context, env Env, c UntarConfig) (none, error) {
	w := env.Workspace
	data, err := w.ReadFile(ctx, c.InPath)
	if err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	x := extraction{strip: c.StripComponents, ignore: tree.NewIgnore(c.Ignore), entries: map[string]extracted{}}
	if err := x.read(ctx, data); err != nil {
		return nil, fmt.Errorf("extract %s: %w", c.InPath, err)
	}
	if err := emptyDir(ctx, w, c.OutPath); err != nil {
		return nil, fmt.Errorf("extract: %w", err)
	}
	for _, name := range x.names {
		e, at := x.entries[name], path.Join(tree.Clean(c.OutPath), name)
		if e.mode.IsDir() {
			err = w.MkdirAll(ctx, at)
		} else {
			err = w.WriteFile(ctx, at, e.data, e.mode)
		}
		if err != nil {
			return nil, fmt.Errorf("extract: %w", err)
		}
	}
	return nil, nil
}

// extracted is one file, link or directory of an archive.
type extracted struct {
	mode tree.Mode
	data []byte
}

// extraction is what an archive holds, before any of it is written.
type extraction struct {
	strip   int
	ignore  tree.Ignore
	names   []string // in order
	entries map[string]extracted
	size    archiveSize
}

// maxStream bounds what an archive may expand to, headers and padding included.
const maxStream = 2*maxArchived + 1

func (x *extraction) read(ctx context.Context, data []byte) error {
	stream := io.Reader(bytes.NewReader(data))
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		gz, err := gzip.NewReader(stream)
		if err != nil {
			return err
		}
		stream = gz
	}
	limited := &io.LimitedReader{R: stream, N: maxStream}
	tr := tar.NewReader(limited)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case limited.N <= 0:
			return fmt.Errorf("the archive expands to more than %d bytes", maxStream-1)
		case err != nil:
			return fmt.Errorf("not a tar archive: %w", err)
		}
		if err := x.take(h, tr); err != nil {
			return err
		}
	}
}

// take keeps one entry, unless it is to be left out.
func (x *extraction) take(h *tar.Header, content io.Reader) error {
	if err := x.size.add(h.Name, 0); err != nil {
		return err
	}
	name, ok := x.name(h.Name)
	if !ok || x.ignore.Match(name, h.Typeflag == tar.TypeDir) {
		return nil
	}
	throughFile, throughLink := x.above(name)
	var e extracted
	switch h.Typeflag {
	case tar.TypeDir:
		e.mode = tree.ModeDir
	case tar.TypeSymlink:
		if !safeName(h.Linkname) {
			return nil
		}
		e.mode, e.data = tree.ModeSymlink, []byte(h.Linkname)
	case tar.TypeReg:
		x.size.entries-- // counted above
		if err := x.size.add(name, h.Size); err != nil {
			return err
		}
		e.mode = tree.ModeFile
		if h.Mode&0o100 != 0 {
			e.mode = tree.ModeExec
		}
	default:
		return nil
	}
	old, exists := x.entries[name]
	switch {
	case throughLink, exists && old.mode == tree.ModeSymlink:
		return nil // what a link stands for is not the archive's to write to
	case throughFile:
		return fmt.Errorf("%s lies beneath a file", name)
	case exists && old.mode.IsDir() != e.mode.IsDir():
		return fmt.Errorf("%s is a file and a directory", name)
	}
	if h.Typeflag == tar.TypeReg {
		var err error
		if e.data, err = io.ReadAll(content); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	if !exists {
		x.names = append(x.names, name)
	}
	x.entries[name] = e
	return nil
}

// name is where an entry goes, relative to the directory; false if it is left out.
func (x *extraction) name(raw string) (string, bool) {
	parts := strings.Split(raw, "/")
	if len(parts) <= x.strip {
		return "", false
	}
	name := strings.Join(parts[x.strip:], "/")
	if !safeName(name) {
		return "", false
	}
	name = path.Clean(name)
	return name, name != "."
}

// safeName reports whether a name, or the target of a link, stays where it is.
func safeName(name string) bool {
	if name == "" || path.IsAbs(name) || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(name, "/"), func(elem string) bool {
		return elem == ".." || strings.EqualFold(elem, ".git") || strings.EqualFold(elem, "git~1")
	})
}

// above looks at the entries on the way to a name.
func (x *extraction) above(name string) (file, link bool) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if e, ok := x.entries[dir]; ok && !e.mode.IsDir() {
			file, link = file || e.mode != tree.ModeSymlink, link || e.mode == tree.ModeSymlink
		}
	}
	return file, link
}

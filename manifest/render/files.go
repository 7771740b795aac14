package render

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// prefetcher is what an fs.FS may offer that reads from far away.
type prefetcher interface {
	Prefetch(paths ...string) error
}

// source reads the given files, within bounds, as long as its context lives and it is
// not closed.
type source struct {
	ctx   context.Context //nolint:containedctx // The libraries have no place for it; lives for one rendering.
	files fs.FS

	mu   sync.Mutex // held while files are used, which may not be safe for concurrent use
	read int
	gone bool
}

// close waits for what is being read and ends all reading.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
}

// use locks the files, unless they are out of bounds.
func (s *source) use() (unlock func(), err error) {
	s.mu.Lock()
	switch {
	case s.ctx.Err() != nil:
		err = context.Cause(s.ctx)
	case s.gone:
		err = fs.ErrClosed
	case s.read > maxRead:
		err = fmt.Errorf("more than %d MiB of files are read", maxRead>>20)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.mu.Unlock, nil
}

// clean makes p relative to the root that confines it, as Kargo does: ".." stops
// there.
func clean(p string) string {
	p = path.Clean("/" + p)[1:]
	if p == "" {
		return "."
	}
	return p
}

func (s *source) readFile(p string) ([]byte, error) {
	unlock, err := s.use()
	if err != nil {
		return nil, err
	}
	defer unlock()
	data, err := fs.ReadFile(s.files, clean(p))
	s.read += len(data)
	return data, err
}

func (s *source) stat(p string) (fs.FileInfo, error) {
	unlock, err := s.use()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return fs.Stat(s.files, clean(p))
}

func (s *source) readDir(p string) ([]fs.DirEntry, error) {
	unlock, err := s.use()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return fs.ReadDir(s.files, clean(p))
}

func (s *source) isDir(p string) bool {
	info, err := s.stat(p)
	return err == nil && info.IsDir()
}

func (s *source) exists(p string) bool {
	_, err := s.stat(p)
	return err == nil
}

// prefetch makes paths readable in few round trips. Whatever goes wrong shows again
// when a path is read.
func (s *source) prefetch(paths []string) {
	p, ok := s.files.(prefetcher)
	if !ok || len(paths) == 0 {
		return
	}
	unlock, err := s.use()
	if err != nil {
		return
	}
	defer unlock()
	cleaned := make([]string, len(paths))
	for i, path := range paths {
		cleaned[i] = clean(path)
	}
	_ = p.Prefetch(cleaned...)
}

// entry is one file or directory that walk finds.
type entry struct {
	path string // relative to dir
	info fs.FileInfo
}

// walk calls visit for everything beneath dir, in the order of names, links
// followed. visit may return fs.SkipDir.
func (s *source) walk(dir string, visit func(entry) error) error {
	left := maxChartFiles
	var descend func(rel string, depth int) error
	descend = func(rel string, depth int) error {
		if depth > 50 {
			return fmt.Errorf("%s: more than 50 directories deep", path.Join(dir, rel))
		}
		infos, err := s.readDir(path.Join(dir, rel))
		if err != nil {
			return err
		}
		var files []string
		for _, e := range infos {
			if !e.IsDir() {
				files = append(files, path.Join(dir, rel, e.Name()))
			}
		}
		s.prefetch(files)
		for _, e := range infos {
			if left--; left < 0 {
				return fmt.Errorf("%s holds more than %d files", dir, maxChartFiles)
			}
			p := path.Join(rel, e.Name())
			info, err := s.stat(path.Join(dir, p))
			if err != nil {
				return err
			}
			err = visit(entry{p, info})
			if errors.Is(err, fs.SkipDir) {
				continue
			}
			if err == nil && info.IsDir() {
				err = descend(p, depth+1)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return descend("", 0)
}

// plainName reports whether a name made of outside text is a plain file name.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00") && len(name) <= 255
}

package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomizeSource is the files as one build sees them: kustomizations are checked
// and expanded when they are read, and what they were expanded to are files too.
type kustomizeSource struct {
	*source
	options Kustomization
	// made are files that exist in this build only, by their absolute path.
	made map[string][]byte
	// inherited is the namespace of the overlay that uses a directory.
	inherited map[string]string
	loads     int
	// mounts counts the uses of remote bases.
	mounts int
	// schema is true once a kustomization brought an OpenAPI schema of its own.
	schema bool
	// refusal is the first thing that was wrong with a kustomization.
	refusal error
}

// make adds a file that no other has the name of.
func (s *kustomizeSource) make(dir, what string, data []byte) (name string) {
	if s.made == nil {
		s.made = map[string][]byte{}
	}
	name = fmt.Sprintf(".kargo-%s-%d.yaml", what, len(s.made))
	s.made[path.Join("/", dir, name)] = data
	return name
}

// load reads a file; a kustomization is what it stands for.
func (s *kustomizeSource) load(p string) ([]byte, error) {
	p = path.Join("/", p)
	if s.refusal != nil {
		return nil, s.refusal
	}
	if data, ok := s.made[p]; ok {
		return data, nil
	}
	data, err := s.readFile(p)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !s.isDir(p) {
			// Kustomize would say that the file is missing.
			s.refusal = err
		}
		return nil, err
	}
	if err := checkAliases(data); err != nil {
		s.refusal = fmt.Errorf("%s: %w", clean(p), err)
		return nil, s.refusal
	}
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(p)) {
		return data, nil
	}
	if s.loads++; s.loads > maxKustomizations {
		s.refusal = fmt.Errorf("more than %d kustomizations are part of one build", maxKustomizations)
		return nil, s.refusal
	}
	data, err = s.expand(path.Dir(p), path.Base(p), data)
	if err != nil {
		s.refusal = fmt.Errorf("%s: %w", clean(p), err)
	}
	return data, err
}

// kustomizeFS is a kustomizeSource as kustomize wants to see it: absolute paths, and
// nothing can be written.
type kustomizeFS struct{ s *kustomizeSource }

var _ filesys.FileSystem = kustomizeFS{}

func (f kustomizeFS) ReadFile(p string) ([]byte, error) { return f.s.load(p) }

func (f kustomizeFS) IsDir(p string) bool { return f.s.isDir(p) }

func (f kustomizeFS) Exists(p string) bool {
	_, made := f.s.made[path.Join("/", p)]
	return made || f.s.exists(p)
}

func (f kustomizeFS) CleanedAbs(p string) (filesys.ConfirmedDir, string, error) {
	abs := path.Join("/", p)
	switch {
	case f.s.isDir(abs):
		return filesys.ConfirmedDir(abs), "", nil
	case f.Exists(abs):
		return filesys.ConfirmedDir(path.Dir(abs)), path.Base(abs), nil
	}
	return "", "", fmt.Errorf("%s does not exist", clean(p))
}

func (f kustomizeFS) ReadDir(p string) ([]string, error) {
	infos, err := f.s.readDir(p)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(infos))
	for i, e := range infos {
		names[i] = e.Name()
	}
	return names, nil
}

// Glob implements filesys.FileSystem for patterns in the last element only, which
// is all that kustomize's own edits ask for; a build asks for none.
func (f kustomizeFS) Glob(pattern string) ([]string, error) {
	names, err := f.ReadDir(path.Dir(pattern))
	if err != nil {
		return nil, nil //nolint:nilerr // No directory, no match.
	}
	var out []string
	for _, n := range names {
		ok, err := path.Match(path.Base(pattern), n)
		if err != nil {
			return nil, err
		}
		if ok && !strings.HasPrefix(n, ".") {
			out = append(out, path.Join(path.Dir(pattern), n))
		}
	}
	return out, nil
}

func (f kustomizeFS) Walk(p string, visit filepath.WalkFunc) error {
	return f.s.walk(p, func(e entry) error { return visit(path.Join(p, e.path), e.info, nil) })
}

func (f kustomizeFS) Open(p string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "open", Path: clean(p), Err: fs.ErrPermission}
}

func (f kustomizeFS) Create(p string) (filesys.File, error) {
	return nil, &fs.PathError{Op: "create", Path: clean(p), Err: fs.ErrPermission}
}

func (f kustomizeFS) Mkdir(p string) error { return f.MkdirAll(p) }

func (f kustomizeFS) MkdirAll(p string) error {
	return &fs.PathError{Op: "mkdir", Path: clean(p), Err: fs.ErrPermission}
}

func (f kustomizeFS) RemoveAll(p string) error {
	return &fs.PathError{Op: "remove", Path: clean(p), Err: fs.ErrPermission}
}

func (f kustomizeFS) WriteFile(p string, _ []byte) error {
	return &fs.PathError{Op: "write", Path: clean(p), Err: fs.ErrPermission}
}

package renderer

import (
	"io/fs"
	"time"

	"github.com/kargo-app/kargo/manifest/render"
)

// Parent and child exchange gobs: first a job, then questions, each answered, and
// at last an outcome.

// job is what the child has to do; one of the three is set.
type job struct {
	Kustomization *render.Kustomization
	Template      *render.Template
	Update        *render.Update
	// Charts and Remotes are true when there is somebody to ask for them.
	Charts, Remotes bool
	// Memory is how many bytes the child may occupy.
	Memory uint64
}

// said is what the child says: a question, or the outcome.
type said struct {
	Question *question
	Outcome  *outcome
}

// outcome is the result of a job.
type outcome struct {
	Build   *render.Build
	Release *render.Release
	Updated *render.Updated
	Fault   *fault
}

// question is what the child needs.
type question struct {
	// Read, Stat and List are a path, Prefetch are paths that are read soon.
	Read, Stat, List string
	Prefetch         []string
	// Versions and Pull ask for charts.
	Versions, Pull *chart
	// Mount asks for another repository.
	Mount *mount
}

type mount struct{ RepoURL, Ref string }

type chart struct{ Repo, Name, Version string }

// answer answers one question.
type answer struct {
	Data     []byte
	Info     fileInfo
	Infos    []fileInfo
	Versions []string
	// Dir is where a repository is mounted.
	Dir string
	// Files are those of the prefetched paths that were there.
	Files []prefetched
	Fault *fault
}

type prefetched struct {
	Path string
	Info fileInfo
	Data []byte
}

// fileInfo is a file or directory, and as one found in a directory an fs.DirEntry.
type fileInfo struct {
	FileName    string
	Length      int64
	Permissions fs.FileMode
	Changed     time.Time
}

var (
	_ fs.FileInfo = fileInfo{}
	_ fs.DirEntry = fileInfo{}
)

func infoOf(i fs.FileInfo) fileInfo {
	return fileInfo{i.Name(), i.Size(), i.Mode(), i.ModTime()}
}

func (i fileInfo) Name() string               { return i.FileName }
func (i fileInfo) Size() int64                { return i.Length }
func (i fileInfo) Mode() fs.FileMode          { return i.Permissions }
func (i fileInfo) Type() fs.FileMode          { return i.Permissions.Type() }
func (i fileInfo) ModTime() time.Time         { return i.Changed }
func (i fileInfo) IsDir() bool                { return i.Permissions.IsDir() }
func (i fileInfo) Sys() any                   { return nil }
func (i fileInfo) Info() (fs.FileInfo, error) { return i, nil }

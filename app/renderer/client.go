package renderer

import (
	"context"
	"encoding/gob"
	"io/fs"
	"sync"

	"github.com/kargo-app/kargo/manifest/render"
)

// client asks the parent; it is the child's whole view of the outside.
type client struct {
	mu      sync.Mutex // held from question to answer
	out     *gob.Encoder
	answers <-chan answer
	known   map[string]prefetched
}

// ask puts a question and waits for its answer. When the parent is gone, so is the
// process.
func (c *client) ask(q question) (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.out.Encode(said{Question: &q}); err != nil {
		return answer{}, err
	}
	a := <-c.answers
	if f := a.Fault; f != nil {
		return a, &answeredError{text: f.Text, number: f.Answers[0], notExist: f.NotExist}
	}
	return a, nil
}

func (c *client) outcome(o outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Encode(said{Outcome: &o})
}

// files are the parent's files. Those that were prefetched are asked for once.
type files struct{ *client }

var (
	_ fs.ReadFileFS = files{}
	_ fs.ReadDirFS  = files{}
	_ fs.StatFS     = files{}
)

// Open implements fs.FS; nothing needs a file that stays open.
func (f files) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
}

// ReadFile implements fs.ReadFileFS.
func (f files) ReadFile(name string) ([]byte, error) {
	if p, ok := f.known[name]; ok && !p.Info.IsDir() {
		return p.Data, nil
	}
	a, err := f.ask(question{Read: name})
	return a.Data, err
}

// Stat implements fs.StatFS.
func (f files) Stat(name string) (fs.FileInfo, error) {
	if p, ok := f.known[name]; ok {
		return p.Info, nil
	}
	a, err := f.ask(question{Stat: name})
	if err != nil {
		return nil, err
	}
	return a.Info, nil
}

// ReadDir implements fs.ReadDirFS.
func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	a, err := f.ask(question{List: name})
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, len(a.Infos))
	for i, info := range a.Infos {
		out[i] = info
	}
	return out, nil
}

// Prefetch makes paths known in one exchange. Package render calls it while nothing
// else reads.
func (f files) Prefetch(paths ...string) error {
	a, err := f.ask(question{Prefetch: paths})
	for _, p := range a.Files {
		f.known[p.Path] = p
	}
	return err
}

// remotes are the repositories that the parent opens.
type remotes struct{ *client }

var _ render.Remotes = remotes{}

// Mount implements [render.Remotes].
func (r remotes) Mount(_ context.Context, repoURL, ref string) (string, error) {
	a, err := r.ask(question{Mount: &mount{repoURL, ref}})
	return a.Dir, err
}

// charts are the parent's charts.
type charts struct{ *client }

var _ render.Charts = charts{}

// Versions implements [render.Charts].
func (c charts) Versions(_ context.Context, repo, name string) ([]string, error) {
	a, err := c.ask(question{Versions: &chart{Repo: repo, Name: name}})
	return a.Versions, err
}

// Pull implements [render.Charts].
func (c charts) Pull(_ context.Context, repo, name, version string) ([]byte, error) {
	a, err := c.ask(question{Pull: &chart{repo, name, version}})
	return a.Data, err
}
